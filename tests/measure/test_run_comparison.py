from __future__ import annotations

import dataclasses
import math

import pytest
from latencies import ENVIRONMENT, NOISY, OPTIONS, QUIET, failed, row, run

from mnistbench.errors import InputError
from mnistbench.measure.run_comparison import NamedRun, Rules, compare_models, compare_runs
from mnistbench.measure.steady import Plan
from mnistbench.measure.undisturbed import undisturbed
from mnistbench.results import STOPPED

FORCE = Rules(force=True)


def compared(rows, others, rules: Rules = Rules(), repeats=()):  # noqa: B008 - frozen
    again = [NamedRun(f"aa{number}", run(*repeat)) for number, repeat in enumerate(repeats)]
    return compare_runs(NamedRun("a", run(*rows)), NamedRun("b", run(*others)), rules, again)


@pytest.mark.parametrize(
    ("factor", "spread", "threshold", "verdict"),
    [
        (1.0, QUIET, 0.05, "SAME"),
        (1.04, QUIET, 0.05, "SAME"),
        (1.1, QUIET, 0.05, "SLOWER"),
        (1.1, QUIET, 0.2, "SAME"),
        (0.9, QUIET, 0.05, "FASTER"),
        (1.0, NOISY, 0.05, "UNCLEAR"),
        (1.1, NOISY, 0.05, "UNCLEAR"),
        (9.0, NOISY, 0.05, "SLOWER"),
        (1.1, QUIET[:3], 0.05, "SLOWER"),
    ],
)
def test_the_verdict_on_a_row(factor, spread, threshold, verdict) -> None:
    (found,) = compared([row(spread=spread)], [row(seconds=factor * 1e-4, spread=spread)], Rules(threshold))
    assert (found.verdict, found.threshold) == (verdict, threshold)
    assert found.change == pytest.approx(factor - 1)
    assert found.floor > 0
    assert (found.reason is None) == (verdict != "UNCLEAR")
    assert found.other_seconds == pytest.approx(factor * found.baseline_seconds)


SHORTEST = [1.0e-4, 1.003e-4, 1.001e-4, 1.2e-4, 0.999e-4]


def with_shortest(seconds, medians, **changes):
    """A row whose processes have these shortest calls and medians."""
    plain = row(spread=tuple(value / 1e-4 for value in medians), **changes)
    processes = (
        dataclasses.replace(part, min_seconds=value) for part, value in zip(plain.processes, seconds, strict=True)
    )
    return dataclasses.replace(plain, processes=tuple(processes))


def test_rows_are_judged_by_the_undisturbed_call_unless_asked_otherwise() -> None:
    busy = [1.4e-4, 1.9e-4, 1.2e-4, 1.6e-4, 2.4e-4]
    one, other = with_shortest(SHORTEST, busy), with_shortest([value * 1.1 for value in SHORTEST], busy[::-1])
    (found,) = compared([one], [other])
    assert (found.verdict, found.judged_by, found.notes) == ("SLOWER", "undisturbed", ())
    assert (found.change, found.p50_change) == (pytest.approx(0.1), 0.0)
    assert found.baseline_seconds == 1e-4
    (found,) = compared([one], [other], Rules(by="p50"))
    assert (found.verdict, found.judged_by, found.baseline_seconds) == ("UNCLEAR", "p50", 1.6e-4)


def test_a_median_that_changed_beyond_its_noise_is_said() -> None:
    one, other = ([value * factor * 1e-4 for value in QUIET] for factor in (1.5, 1.9))
    (found,) = compared([with_shortest(SHORTEST, one)], [with_shortest(SHORTEST, other)])
    assert (found.verdict, found.p50_change) == ("SAME", pytest.approx(1.9 / 1.5 - 1))
    assert [note.partition(" by ")[0] for note in found.notes] == ["its median changed"]


def test_a_file_from_before_shortest_calls_were_kept() -> None:
    old = with_shortest([None] * 5, [1e-4] * 5)
    (found,) = compared([old], [row()])
    assert (found.verdict, found.reason.partition(";")[0]) == (None, "A is of a version that kept no shortest calls")
    assert compared([old], [row()], Rules(by="p50"))[0].verdict == "SAME"


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (row(spread=()), row(), "0 and 5 fresh processes; the noise between them needs 3 or more"),
        (row(), row(spread=QUIET[:2]), "5 and 2 fresh processes"),
        (row(seconds=0.0), row(), "a time of 0 s"),
        (row(), row(seconds=0.0), "a time of 0 s"),
        (row(seconds=0.0), row(seconds=0.0), "a time of 0 s"),
        (row(seconds=0.0, spread=()), row(), "a time of 0 s"),
        (row(), row(spread=(0.0, 1.0, 1.0, 1.0, 1.0)), "a process has a time of 0 s"),
    ],
)
def test_what_cannot_be_told_is_unclear_with_its_reason(one, other, reason) -> None:
    (found,) = compared([one], [other])
    assert (found.verdict, found.floor) == ("UNCLEAR", None)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (row(), failed(), "failed in B: no CUDA libraries"),
        (failed(), row(), "failed in A: no CUDA libraries"),
        (failed(), failed(), "failed in A: no CUDA libraries"),
        (row(), row(spread=(), p50_seconds=None), "failed in B: it has no median"),
        (row(), row(mode="bound"), "measured differently: mode e2e and bound; compare all the same with --force"),
        (row(), row(device="cuda:0", provider="X"), "device cpu and cuda:0; provider CPUExecutionProvider and X"),
        (row(), row(options=OPTIONS | {"intra_op_num_threads": 1}), "intra_op_num_threads 2 and 1"),
        (row(), row(batch_size=2), "b has no row of it"),
        (row(), row("64-10"), "b has no row of it"),
    ],
)
def test_what_is_not_compared_says_why(one, other, reason) -> None:
    first = compared([one], [other])[0]
    assert (first.verdict, first.change, first.floor, first.extra) == (None, None, None, False)
    assert reason in first.reason


@pytest.mark.parametrize(
    "changes",
    [{"mode": "bound"}, {"device": "cuda:0", "provider": "X"}, {"options": OPTIONS | {"allow_spinning": False}}],
    ids=str,
)
def test_force_compares_and_says_what_differs(changes) -> None:
    (found,) = compared([row()], [row(seconds=2e-4, **changes)], FORCE)
    assert found.verdict == "SLOWER"
    assert any(note.startswith("measured differently: ") for note in found.notes)


def test_force_makes_no_figures_of_a_failure() -> None:
    assert [one.verdict for one in compared([row(), row("9-10")], [failed()], FORCE)] == [None, None]


def test_another_file_of_the_same_name_is_compared_and_said() -> None:
    (found,) = compared([row()], [row(sha256="cd" * 32)])
    assert (found.verdict, found.notes) == ("SAME", ("the two runs had different files of that name",))
    assert compared([row()], [row()])[0].notes == ()


def with_settings(*rows, **settings) -> NamedRun:
    return NamedRun("c", dataclasses.replace(run(*rows), settings=settings))


@pytest.mark.parametrize(
    ("settings", "others", "said"),
    [
        ({"plan": {"max_seconds": 2.0}}, {"plan": {"max_seconds": 1.0}}, True),
        ({"plan": {"max_seconds": 2.0}}, {"plan": {"max_seconds": 2.0}, "processes": 2}, False),
        ({"plan": {"max_seconds": 2.0}}, {"plan": {"max_seconds": 2.0, "fewest_samples": 3}}, False),
        ({"plan": {"max_seconds": 2.0}}, {}, False),
        ({}, {}, False),
        ({"plan": {"max_seconds": 2.0}}, {"plan": "quick"}, False),
    ],
)
def test_other_plans_are_said(settings, others, said) -> None:
    sides = with_settings(row(), **settings), with_settings(row(), **others)
    for one, other in (sides, sides[::-1]):
        (found,) = compare_runs(one, other, Rules())
        expected = ("taken with different plans: the shortest call of fewer calls is longer",) if said else ()
        assert (found.verdict, found.notes) == ("SAME", expected)


def test_a_quick_run_and_a_full_one_have_different_plans() -> None:
    quick, full = (with_settings(row(), plan=dataclasses.asdict(plan)) for plan in (Plan.quick(), Plan.each()))
    assert compare_runs(quick, full, Rules())[0].notes
    assert not compare_runs(full, full, Rules())[0].notes


def test_a_row_that_was_cut_short_is_compared_and_said() -> None:
    cut = row(spread=QUIET[:3], options=OPTIONS | {STOPPED: "the process died"})
    words = "was cut short, and has the figures of the processes before: the process died"
    for one, other, notes in ((cut, row(), (f"A {words}",)), (row(), cut, (f"B {words}",))):
        (found,) = compared([one], [other])
        assert (found.verdict, found.notes) == ("SAME", notes)
    another = row(spread=QUIET[:3], options=OPTIONS | {STOPPED: "out of memory"})
    (found,) = compared([cut], [another])
    assert (found.verdict, len(found.notes)) == ("SAME", 2)
    (found,) = models(row("8-10"), cut)
    assert found.notes == (f"B {words}",)


def test_a_run_of_doubtful_figures_is_said() -> None:
    busy = NamedRun("b", run(row()), "measured while busy: 1 other process on it")
    (found,) = compare_runs(NamedRun("a", run(row())), busy, Rules())
    assert found.notes == ("B was measured while busy: 1 other process on it",)


FEW = (0.98, 1.0, 1.02, 1.04, 1.06)
MANY = (*FEW, 0.95, 0.96, 0.97, 0.99, 1.01, 1.03, 1.05, 1.07, 1.08, 1.09)


def test_more_processes_on_one_side_are_no_change() -> None:
    few, many = row(spread=FEW), row(spread=MANY)
    (found,) = compared([few], [many], Rules(0.1))
    (turned,) = compared([many], [few], Rules(0.1))
    assert (found.verdict, turned.verdict) == ("SAME", "SAME")
    assert abs(found.change) < 0.01
    assert found.other_seconds == pytest.approx(found.baseline_seconds * (1 + found.change))
    assert (turned.baseline_seconds, turned.other_seconds) == (found.other_seconds, found.baseline_seconds)
    assert (1 + found.change) * (1 + turned.change) == pytest.approx(1)
    assert turned.floor == found.floor
    # Beside nothing fewer, a row is what its own file says.
    assert compared([many], [many])[0].baseline_seconds == pytest.approx(0.96e-4)


def test_further_runs_are_taken_as_of_as_few_processes() -> None:
    (found,) = compared([row()], [row()], repeats=[[row(spread=MANY)]])
    second = sorted(QUIET)[1]
    assert found.floor == pytest.approx(second / undisturbed(MANY, 5) - 1)
    assert found.floor < second / undisturbed(MANY) - 1


@pytest.mark.parametrize("by", ["undisturbed", "p50"])
def test_only_the_time_that_is_judged_is_needed(by) -> None:
    slow = row(spread=(), p50_seconds=None, undisturbed_seconds=2.0)
    (found,) = compared([slow], [slow], Rules(by=by))
    if by == "p50":
        assert (found.verdict, found.reason) == (None, "failed in A: it has no median")
    else:
        assert (found.verdict, found.change, found.p50_change) == ("UNCLEAR", 0.0, None)
        assert "fresh processes" in found.reason


def test_another_machine_is_compared_and_said() -> None:
    other = run(row(), environment=dataclasses.replace(ENVIRONMENT, cpu="Other"))
    (found,) = compare_runs(NamedRun("a", run(row())), NamedRun("b", other), Rules())
    assert (found.verdict, found.notes) == ("SAME", ("measured on different machines: processor Some CPU and Other",))


def test_rows_of_one_run_only_stand_last_and_are_marked() -> None:
    found = compared([row("8-10"), row()], [row("9-10"), row()])
    assert [(one.other_name, one.verdict, one.extra) for one in found] == [
        ("8-10", None, False),
        ("16-10", "SAME", False),
        ("9-10", None, True),
    ]
    assert (found[0].other_seconds, found[2].baseline_seconds) == (None, None)
    assert found[2].reason == "a has no row of it"


def test_a_row_that_stands_there_twice_is_not_guessed() -> None:
    first, *rest = compared([row()], [row(), row(seconds=9.0)])
    assert first.reason == "b has several rows, and it is not clear which is it"
    assert [one.extra for one in rest] == [True, True]


def test_files_of_one_name_are_told_apart_by_their_hash() -> None:
    mine = [row(sha256="aa"), row(sha256="bb", seconds=1e-3)]
    assert [one.verdict for one in compared(mine, mine[::-1])] == ["SAME", "SAME"]


@pytest.mark.parametrize(("rows", "others", "count"), [([], [], 0), ([row()], [], 1), ([], [row()], 1)])
def test_runs_without_rows(rows, others, count) -> None:
    assert [one.verdict for one in compared(rows, others)] == [None] * count


def test_hundreds_of_rows() -> None:
    rows = [row(f"{width}-10", batch_size=batch) for width in range(1, 151) for batch in (1, 32)]
    found = compared(rows, rows[::-1])
    assert [one.baseline_name for one in found] == [one.name for one in rows]
    assert {one.verdict for one in found} == {"SAME"}


def test_whole_runs_that_lie_apart_raise_the_floor() -> None:
    slower = [row(seconds=1.1e-4)]
    assert compared([row()], slower)[0].verdict == "SLOWER"
    (found,) = compared([row()], slower, repeats=[[row(seconds=1.02e-4)], [row(seconds=0.9e-4)]])
    assert found.verdict == "UNCLEAR"
    assert found.floor == pytest.approx(1.02 / 0.9 - 1)
    assert compared([row()], slower, repeats=[[row(seconds=1.001e-4)]])[0].verdict == "SLOWER"


@pytest.mark.parametrize("repeat", [[], [failed()], [row("64-10")], [row(seconds=0.0)]])
def test_a_repeat_that_lacks_a_row_is_said(repeat) -> None:
    (found,) = compared([row()], [row()], repeats=[repeat])
    assert found.verdict == "SAME"
    assert found.notes == ("aa0 says nothing of the noise: no row of it, or none with a time",)


@pytest.mark.parametrize("changes", [{"sha256": "cd"}, {"options": {"allow_spinning": False}}])
def test_a_repeat_of_something_else_is_refused(changes) -> None:
    repeat = [row(seconds=2e-4, **changes)]
    with pytest.raises(InputError, match=r"aa0 is not a further run of a: 16-10, batch 1: .*--force"):
        compared([row()], [row()], repeats=[repeat])
    assert compared([row()], [row()], FORCE, [repeat])[0].floor == pytest.approx(1.0)


def models(*rows, rules: Rules = Rules()):  # noqa: B008 - frozen
    return compare_models(NamedRun("a", run(*rows)), rules)


def test_the_models_of_a_run_are_compared_with_the_first() -> None:
    found = models(
        row("8-10"), row("8-10", batch_size=32, seconds=1e-3), row("9-10", seconds=2e-4), row("10-10"),
        row("9-10", batch_size=32, seconds=5e-4), row("9-10", batch_size=64), failed("10-10", batch_size=32),
    )  # fmt: skip
    assert [(one.baseline_name, one.other_name, one.batch_size, one.verdict) for one in found] == [
        ("8-10", "9-10", 1, "SLOWER"),
        ("8-10", "9-10", 32, "FASTER"),
        ("8-10", "9-10", 64, None),
        ("8-10", "10-10", 1, "SAME"),
        ("8-10", "10-10", 32, None),
    ]
    assert found[-1].reason == "failed in B: no CUDA libraries"
    assert all(one.notes == () for one in found)


def test_models_with_other_inputs_are_compared_and_with_other_threads_refused() -> None:
    assert models(row(), row("9-10", options=OPTIONS | {"input": {"layout": "NHW"}}))[0].verdict == "SAME"
    threads = row("9-10", options=OPTIONS | {"intra_op_num_threads": 1})
    assert [models(row(), threads, rules=rules)[0].verdict for rules in (Rules(), FORCE)] == [None, "SAME"]


@pytest.mark.parametrize(("rows", "words"), [([], "no model only"), ([row(), row(batch_size=2)], "16-10 only")])
def test_one_model_has_nothing_beside_it(rows, words) -> None:
    with pytest.raises(InputError, match=words):
        models(*rows)


@pytest.mark.parametrize("threshold", [0.0, -0.1, math.nan, math.inf])
def test_a_threshold_that_makes_no_sense(threshold) -> None:
    with pytest.raises(InputError, match="expected a fraction above 0"):
        Rules(threshold)


def test_rows_of_two_gpus_are_compared_and_it_is_said() -> None:
    one, other = (row(device="cuda:0", gpu_uuid=uuid, gpu_name="Fast") for uuid in ("GPU-1", "GPU-2"))
    (found,) = compared([one], [other])
    assert found.verdict == "SAME"
    assert found.notes == ("measured on different GPUs: Fast (GPU-1) and Fast (GPU-2)",)
    assert compared([one], [one])[0].notes == compared([one], [row(device="cuda:0")])[0].notes == ()
