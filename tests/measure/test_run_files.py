from __future__ import annotations

import dataclasses

import pytest
from latencies import failed, row, run

from mnistbench.errors import ArtifactError, InputError
from mnistbench.measure.run_comparison import NamedRun, Rules, compare_runs
from mnistbench.measure.run_files import RunFile, file_of_gpus, file_of_one, pair_files, runs_of_file
from mnistbench.results import GpuFacts, GpuRun, GpusRun

FAST = GpuFacts("", "GPU-1", "Fast", "", 700.0, "590", "13.0", "1.31")
SLOW = dataclasses.replace(FAST, uuid="GPU-2", name="Slow")
RUN = run(row(device="cuda:0"))


def kind(gpu: GpuFacts, **changes) -> GpuRun:
    return GpuRun((gpu,), **({"run": RUN} | changes))


def busy(gpu: GpuFacts) -> GpuRun:
    return GpuRun((gpu,), error="busy: 1 other process on it")


def file(label: str, *kinds: GpuRun) -> RunFile:
    return file_of_gpus(label, GpusRun("", kinds))


def names(one: RunFile, other: RunFile) -> list[tuple[str, str, int, int]]:
    """What is compared with what, and how many rows each has."""
    return [
        (pair.baseline.label, pair.other.label, len(pair.baseline.run.results), len(pair.other.run.results))
        for pair in pair_files(one, other)
    ]


def test_runs_on_the_same_kind_of_gpu_belong_together_in_any_order() -> None:
    found = names(file("a", kind(FAST), kind(SLOW)), file("b", kind(SLOW), kind(FAST)))
    assert found == [("a: Fast, 700 W", "b: Fast, 700 W", 1, 1), ("a: Slow, 700 W", "b: Slow, 700 W", 1, 1)]


@pytest.mark.parametrize(
    "changes",
    [{"driver": "600"}, {"cuda": "14.0"}, {"onnxruntime": "2.0"}, {"power_limit_watts": 600.0}, {"node": "n"}],
)
def test_other_software_another_limit_or_machine_is_still_the_same_kind(changes) -> None:
    newer = dataclasses.replace(FAST, uuid="GPU-9", **changes)
    found = names(file("a", kind(SLOW), kind(FAST)), file("b", kind(newer), kind(SLOW)))
    assert [(one.split(",")[0], other.split(",")[0]) for one, other, *_ in found] == [
        ("a: Slow", "b: Slow"),
        ("a: Fast", "b: Fast"),
    ]


def test_the_nearest_of_several_of_one_name_is_taken() -> None:
    limited = dataclasses.replace(FAST, uuid="GPU-3", power_limit_watts=300.0)
    part = dataclasses.replace(FAST, uuid="MIG-1", mig="1g.18gb")
    mine, theirs = (kind(FAST), kind(limited), kind(part)), (kind(part), kind(limited), kind(FAST))
    assert all(
        one.partition(": ")[2] == other.partition(": ")[2]
        for one, other, *_ in names(file("a", *mine), file("b", *theirs))
    )


def test_kinds_that_are_nobodys_are_missing_rows() -> None:
    third = dataclasses.replace(FAST, uuid="GPU-3", name="Third")
    one, other = file("a", kind(FAST), kind(SLOW)), file("b", kind(FAST), kind(third))
    assert names(one, other)[1:] == [("a: Slow, 700 W", "b", 1, 0), ("a", "b: Third, 700 W", 0, 1)]
    found = [found for pair in pair_files(one, other) for found in compare_runs(pair.baseline, pair.other, Rules())]
    assert [(one.verdict, one.extra, one.reason) for one in found] == [
        ("SAME", False, None),
        (None, False, "b has no row of it"),
        (None, True, "a has no row of it"),
    ]


def test_a_gpu_that_could_not_be_measured_is_a_failure_with_its_reason() -> None:
    rows = run(row(device="cuda:0", provider="X"), row(device="cuda:0", provider="Y"), failed("9-10", device="cuda:0"))
    one = file("a", kind(FAST, run=rows), busy(SLOW), kind(dataclasses.replace(SLOW, name="Third")))
    other = file("b", busy(FAST), busy(SLOW), busy(dataclasses.replace(SLOW, name="Third")), kind(FAST))
    # One that nobody measured has no rows to tell of.
    assert len(pair_files(one, file("b", busy(FAST), busy(SLOW), kind(dataclasses.replace(SLOW, name="Third"))))) == 2
    third, *_ = pair_files(file("b", busy(FAST), kind(SLOW)), file("a", kind(FAST, run=rows), kind(SLOW)))
    found = compare_runs(third.baseline, third.other, Rules())
    assert [(one.verdict, one.extra) for one in found] == [(None, False)] * 3
    assert {one.reason for one in found} == {"failed in A: busy: 1 other process on it"}
    # Twice the same kind in one file: it is not guessed which of them is meant.
    assert names(one, other)[0] == ("a: Fast, 700 W", "b", 3, 0)


def test_files_of_one_kind_are_as_plain_runs() -> None:
    one, other, plain = file("a", kind(FAST)), file("b", kind(SLOW)), file_of_one("c", RUN)
    assert names(one, other) == [("a: Fast, 700 W", "b: Slow, 700 W", 1, 1)]
    assert names(one, plain) == [("a: Fast, 700 W", "c", 1, 1)]
    assert names(plain, file("b", busy(FAST), kind(SLOW))) == [("c", "b: Slow, 700 W", 1, 1)]
    assert names(plain, plain) == [("c", "c", 1, 1)]


def test_a_plain_run_beside_several_kinds_is_not_guessed() -> None:
    several, plain = file("a", kind(FAST), kind(SLOW)), file_of_one("c", RUN)
    words = r"a has runs on several GPUs \(Fast, 700 W; Slow, 700 W\), and c does not say which of them"
    for ask in (
        lambda: pair_files(several, plain),
        lambda: pair_files(plain, several),
        lambda: pair_files(several, several, [plain]),
        lambda: runs_of_file(several, [plain]),
    ):
        with pytest.raises(InputError, match=words):
            ask()


def test_further_runs_are_those_of_the_same_kind() -> None:
    again = file("again", kind(SLOW), kind(dataclasses.replace(FAST, name="Third")))
    several = file("a", kind(FAST), kind(SLOW))
    expected = [("again", 0), ("again: Slow, 700 W", 1)]

    def told(runs: tuple[NamedRun, ...]) -> list[tuple[str, int]]:
        return [(one.label, len(one.run.results)) for one in runs]

    assert [told(same) for _, same in runs_of_file(several, [again])] == [[one] for one in expected]
    pairs = pair_files(several, file("b", kind(FAST), kind(SLOW), kind(dataclasses.replace(FAST, name="New"))), [again])
    assert [told(pair.repeats) for pair in pairs] == [[expected[0]], [expected[1]], []]


def test_what_makes_a_run_doubtful_goes_with_it() -> None:
    (pair,) = pair_files(file("a", kind(FAST, caution="measured while busy")), file("b", kind(FAST)))
    assert (pair.baseline.caution, pair.other.caution) == ("measured while busy", None)


@pytest.mark.parametrize(("kinds", "words"), [((), "no GPU"), ((busy(FAST), busy(SLOW)), "busy: 1 other process")])
def test_a_file_without_figures_is_refused(kinds, words) -> None:
    with pytest.raises(ArtifactError, match=f"a has no figures: {words}"):
        file("a", *kinds)
