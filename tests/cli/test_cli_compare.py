"""``mnistbench compare``: verdicts, exit codes, JSON, and files that are not what they should be."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from latencies import NOISY, OPTIONS, failed, row, run

from mnistbench.bench_files import write_bench_run, write_gpus_run
from mnistbench.results import STOPPED, GpuFacts, GpuRun, GpusRun, LatencyComparison

SLOW = row(seconds=1.1e-4)


@pytest.fixture
def files(tmp_path: Path):
    """Writes runs, and returns their files."""

    def write(*runs):
        paths = [tmp_path / f"{number}.json" for number in range(len(runs))]
        for path, rows in zip(paths, runs, strict=True):
            write_bench_run(path, run(*rows))
        return paths

    return write


@pytest.mark.parametrize(
    ("rows", "others", "options", "code", "shown"),
    [
        ([row()], [row()], (), 0, "SAME"),
        ([row()], [SLOW], (), 4, "SLOWER"),
        ([SLOW], [row()], (), 0, "FASTER"),
        ([row()], [SLOW], ("--threshold", 15), 0, "SAME"),
        ([row(spread=NOISY)], [row(spread=NOISY)], (), 0, "UNCLEAR"),
        ([row(spread=NOISY)], [row(spread=NOISY)], ("--fail-on", "unclear"), 4, "UNCLEAR"),
        ([row()], [row()], ("--fail-on", "unclear"), 0, "SAME"),
        ([row()], [SLOW], ("--by", "p50"), 4, "median of the processes' medians"),
        ([row(spread=())], [row()], (), 0, "fresh processes"),
        ([row(seconds=0.0)], [row()], (), 0, "time of 0 s"),
        ([row()], [failed()], (), 3, "no CUDA libraries"),
        ([row()], [row(mode="bound")], (), 3, "--force"),
        ([row()], [row(mode="bound")], ("--force",), 0, "SAME"),
        ([row()], [row("64-10")], (), 3, "has no row of it"),
        ([row()], [row(), row("64-10")], (), 0, "has no row of it"),
        ([row()], [], (), 3, "has no row of it"),
        ([row(), row("64-10")], [SLOW, failed("64-10")], (), 4, "no CUDA libraries"),
        ([row(), row("64-10")], [SLOW, row("64-10")], ("--model", "64-10"), 0, "SAME"),
        ([row()], [row(), row()], (), 3, "not clear which"),
    ],
)
def test_the_exit_code_is_the_verdict(cli, files, rows, others, options, code, shown) -> None:
    outcome = cli("compare", *files(rows, others), *options)
    assert (outcome.code, outcome.err) == (code, "")
    assert shown in " ".join(outcome.out.split()).replace("  ", " ")
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_several_runs_are_compared_with_the_first(cli, files) -> None:
    outcome = cli("compare", *files([row()], [row()], [SLOW]), "--json")
    assert outcome.code == 4
    found = [LatencyComparison.from_dict(one) for one in outcome.json]
    assert [Path(one.other).name for one in found] == ["1.json", "2.json"]
    assert [one.verdict for one in found] == ["SAME", "SLOWER"]


def test_json_has_every_row_and_nothing_that_is_no_number(cli, files) -> None:
    rows = [row(), row("8-10", seconds=0.0), row("9-10", seconds=1e-300), failed("64-10")]
    others = [row(), row("8-10"), row("9-10", seconds=1e300), row("10-10")]
    found = [LatencyComparison.from_dict(one) for one in cli("compare", *files(rows, others), "--json").json]
    assert [(one.verdict, one.extra) for one in found] == [
        ("SAME", False),
        ("UNCLEAR", False),
        ("SLOWER", False),
        (None, False),
        (None, True),
    ]


def test_the_models_of_one_run(cli, files) -> None:
    (file,) = files([row("32-P-32-10"), row("16-10", seconds=3e-5), row("64-10", seconds=2e-4)])
    outcome = cli("compare", file)
    assert (outcome.code, "A: 32-P-32-10, B: each network of" in outcome.out) == (4, True)
    faster = cli("compare", file, "--model", "64-10", "--model", "16-10", "--json").succeeds().json
    assert [(one["baseline_name"], one["other_name"], one["verdict"]) for one in faster] == [
        ("64-10", "16-10", "FASTER")
    ]


def test_an_alias_means_its_network(cli, files) -> None:
    from mnistbench.catalog import find

    name = find("lenet5").name
    found = cli("compare", *files([row(), row(name)], [row(), row(name)]), "--model", "lenet5", "--json").json
    assert [one["baseline_name"] for one in found] == [name]


def test_further_runs_of_the_baseline_widen_the_floor(cli, files) -> None:
    a, b, again = files([row()], [SLOW], [row(seconds=1.2e-4)])
    assert cli("compare", a, b).code == 4
    (found,) = cli("compare", a, b, "--aa", again, "--json").succeeds().json
    assert (found["verdict"], found["floor"]) == ("UNCLEAR", pytest.approx(0.2))


def test_what_bench_prints_can_be_compared(cli, tmp_path) -> None:
    rows = [one.as_dict() | {"environment": run().environment.as_dict()} for one in (row(), failed("64-10"))]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    outcome = cli("compare", tmp_path / "rows.json", tmp_path / "rows.json", "--json")
    assert [one["verdict"] for one in outcome.json] == ["SAME", None]


def test_hundreds_of_rows(cli, files) -> None:
    rows = [row(f"{width}-10", spread=NOISY) for width in range(1, 301)]
    outcome = cli("compare", *files(rows, rows)).succeeds()
    assert outcome.out.count("UNCLEAR\n") == 300
    assert "and 297 more" in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "has rows of 16-10 only; name a second run"),
        (("--threshold", "0"), "--threshold"),
        (("--threshold", "nan"), "--threshold"),
        (("--fail-on", "same"), "--fail-on"),
        (("--model", "64-10"), "has no rows of 64-10; it has 16-10"),
        (("--model", "nonsense\x1b"), "has no rows of nonsense"),
    ],
)
def test_wrong_usage(cli, files, options, words) -> None:
    outcome = cli("compare", *files([row()]), *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert "Traceback" not in outcome.err


def test_names_cannot_command_the_terminal(cli, files) -> None:
    (file,) = files([row("\x1b[2J")])
    for options in ((), ("--model", "64-10")):
        outcome = cli("compare", file, *options)
        assert (outcome.code, "\x1b" in outcome.err, "\\x1b[2J" in outcome.err) == (2, False, True)


def test_no_file_at_all_is_wrong_usage(cli) -> None:
    assert cli("compare").code == 2


def test_a_repeat_of_something_else_is_wrong_usage(cli, files) -> None:
    a, b, other = files([row()], [row()], [row(options=OPTIONS | {"allow_spinning": False})])
    outcome = cli("compare", a, b, "--aa", other)
    assert outcome.code == 2
    assert "is not a further run" in outcome.err
    assert cli("compare", a, b, "--aa", other, "--force").code == 0


def test_runs_without_a_single_row(cli, files) -> None:
    cli("compare", *files([], [])).fails_with("have no rows")


DOCUMENT = run(row()).as_dict()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        json.dumps(DOCUMENT | {"schema_version": 9}),
        json.dumps(DOCUMENT | {"kind": "evaluation"}),
        json.dumps(DOCUMENT).replace("0.0001", "NaN"),
        json.dumps(DOCUMENT).replace("0.0001", "Infinity"),
        json.dumps(DOCUMENT).replace("0.0001", "1e999"),
        json.dumps(DOCUMENT).replace("0.0001", "-1"),
        json.dumps(DOCUMENT).replace('"CPUExecutionProvider"', "[]"),
        json.dumps(DOCUMENT | {"environment": {"gpus": 3}}),
        json.dumps(DOCUMENT).replace('"packages": {', '"packages": 3, "more": {'),
    ],
    ids=lambda content: content[:10],
)
@pytest.mark.parametrize("place", ["first", "second", "--aa"])
def test_a_damaged_file_is_one_clear_line(cli, files, tmp_path, content, place) -> None:
    (good,) = files([row()])
    bad = tmp_path / "bad.json"
    bad.write_text(content)
    given = {"first": (bad, good), "second": (good, bad), "--aa": (good, good, "--aa", bad)}[place]
    cli("compare", *given, "--json").fails_with("bad.json is not a run of the benchmark")


def test_a_missing_file_and_a_folder(cli, files, tmp_path) -> None:
    (good,) = files([row()])
    for path in (tmp_path / "none.json", tmp_path):
        cli("compare", good, path).fails_with("is not a run of the benchmark")


def test_help_says_the_exit_codes(cli) -> None:
    assert "4 something is SLOWER" in cli("compare", "--help").succeeds().out
    assert "4 'compare' found" in cli("--help").out


FAST = GpuFacts("", "GPU-1", "Fast", "", 700.0, "590", "13.0", "1.31")
TAKEN = dataclasses.replace(FAST, uuid="GPU-2", name="Taken")
ON_GPU = row(device="cuda:0")


@pytest.fixture
def gpu_files(tmp_path: Path):
    """Writes what ``bench --executor pool`` does, and returns the files; an error stands for no run."""

    def write(*files):
        paths = [tmp_path / f"gpus{number}.json" for number in range(len(files))]
        for path, kinds in zip(paths, files, strict=True):
            runs = (
                GpuRun((gpu,), error=rows) if isinstance(rows, str) else GpuRun((gpu,), run(*rows))
                for gpu, rows in kinds
            )
            write_gpus_run(path, GpusRun("", tuple(runs)))
        return paths

    return write


def test_each_kind_of_gpu_is_compared_with_the_same_one(cli, gpu_files) -> None:
    slower = row(device="cuda:0", seconds=1.1e-4)
    a, b = gpu_files([(FAST, [ON_GPU]), (TAKEN, [ON_GPU])], [(TAKEN, [slower]), (FAST, [ON_GPU])])
    outcome = cli("compare", a, b)
    assert (outcome.code, outcome.err) == (4, "")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert outcome.out.count("\nA: ") == 2
    found = [LatencyComparison.from_dict(one) for one in cli("compare", a, b, "--json").json]
    assert [(one.baseline, one.other, one.verdict) for one in found] == [
        (f"{a}: Fast, 700 W", f"{b}: Fast, 700 W", "SAME"),
        (f"{a}: Taken, 700 W", f"{b}: Taken, 700 W", "SLOWER"),
    ]
    cli("compare", a, a, "--aa", a, "--model", "16-10").succeeds()


@pytest.mark.parametrize(
    ("kinds", "code", "shown"),
    [
        ([(FAST, [ON_GPU])], 3, "has no row of it"),
        ([(FAST, [ON_GPU]), (TAKEN, "busy: 1 other process")], 3, "failed in B: busy: 1 other process"),
        ([(FAST, [ON_GPU]), (TAKEN, [ON_GPU]), (dataclasses.replace(FAST, name="New"), [ON_GPU])], 0, "no row of it"),
    ],
)
def test_a_kind_of_gpu_that_one_file_lacks(cli, gpu_files, kinds, code, shown) -> None:
    outcome = cli("compare", *gpu_files([(FAST, [ON_GPU]), (TAKEN, [ON_GPU])], kinds))
    assert (outcome.code, outcome.err) == (code, "")
    assert shown in " ".join(outcome.out.split())


def test_a_file_of_one_gpu_is_a_run_as_any_other(cli, files, gpu_files) -> None:
    (plain,) = files([ON_GPU])
    one, several = gpu_files([(FAST, [ON_GPU])], [(FAST, [ON_GPU]), (TAKEN, [ON_GPU])])
    for pair in ((one, plain), (plain, one)):
        assert "SAME" in cli("compare", *pair).succeeds().out
    for given in ((plain, several), (several, plain), (several, several, "--aa", plain)):
        outcome = cli("compare", *given)
        assert (outcome.code, outcome.out) == (2, "")
        assert "has runs on several GPUs (Fast, 700 W; Taken, 700 W)" in " ".join(outcome.err.split())


def test_the_models_of_each_gpu(cli, gpu_files) -> None:
    rows = [ON_GPU, row("64-10", device="cuda:0", seconds=1e-3)]
    (file,) = gpu_files([(FAST, rows), (TAKEN, rows), (dataclasses.replace(FAST, name="Busy"), "busy")])
    found = [LatencyComparison.from_dict(one) for one in cli("compare", file, "--json").json]
    assert [(one.baseline.rpartition(": ")[2], one.verdict) for one in found] == [
        ("Fast, 700 W", "SLOWER"),
        ("Taken, 700 W", "SLOWER"),
    ]
    outcome = cli("compare", file, "--model", "8-10")
    assert (outcome.code, "Fast, 700 W has no rows of 8-10" in " ".join(outcome.err.split())) == (2, True)


def test_gpus_of_which_none_was_measured(cli, gpu_files) -> None:
    good, bad = gpu_files([(FAST, [ON_GPU])], [(FAST, "busy\x1b[2J"), (TAKEN, "no CUDA")])
    outcome = cli("compare", good, bad)
    outcome.fails_with("has no figures: busy")
    assert "\x1b" not in outcome.err


@pytest.mark.parametrize(
    "kinds", ["null", "[1]", '[{"gpus": []}]', '[{"gpus": [{}]}]', "[{}]", '[{"gpus": [], "run": 3}]']
)
def test_a_damaged_file_of_gpus_is_one_clear_line(cli, tmp_path, kinds) -> None:
    (tmp_path / "bad.json").write_text(
        f'{{"schema_version": 1, "kind": "bench_gpus", "started": "", "kinds": {kinds}}}'
    )
    cli("compare", tmp_path / "bad.json", tmp_path / "bad.json").fails_with("bad.json is not a run of the benchmark")


def test_gpus_cannot_command_the_terminal(cli, gpu_files) -> None:
    hostile = dataclasses.replace(FAST, name="\x1b[2J\nFast")
    (file,) = gpu_files([(hostile, [ON_GPU]), (TAKEN, [ON_GPU])])
    outcome = cli("compare", file, file).succeeds()
    assert "\x1b" not in outcome.out


def test_runs_that_were_cut_short_or_have_other_plans_are_noted(cli, tmp_path) -> None:
    paths = tmp_path / "a.json", tmp_path / "b.json"
    cut = row(options=OPTIONS | {STOPPED: "the process died"})
    for path, one, seconds in zip(paths, (row(), cut), (2.0, 1.0), strict=True):
        write_bench_run(path, dataclasses.replace(run(one), settings={"plan": {"max_seconds": seconds}}))
    shown = " ".join(cli("compare", *paths).succeeds().out.split())
    assert "B was cut short, and has the figures of the processes before: the process died" in shown
    assert "taken with different plans" in shown
