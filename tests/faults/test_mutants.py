"""Damaged and hostile files; ten times as many by ``scripts/run_fault_trials.py mutants``."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_trials import mutant_child, mutants
from fault_trials.mutants import run_mutants
from fault_trials.mutators import mutate_bytes, mutate_gzip, mutate_json
from fault_trials.targets import FULL_COUNTS, GROUPS

COUNTS = {"idx": 5000, "json": 5000, "safetensors": 200, "onnx": 5000, "pictures": 2000}
"""Mutants of each group in an ordinary run."""

FEW = {"idx": 400, "json": 300, "safetensors": 200, "onnx": 300, "pictures": 160}
"""Those of them that are tried even where slow tests are left out."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory by /proc")


def _few_and_others(group: str) -> list[object]:
    few, others = range(FEW[group]), range(FEW[group], COUNTS[group])
    return [(group, few), *([pytest.param(group, others, marks=pytest.mark.slow)] if others else [])]


@pytest.mark.parametrize(("group", "numbers"), [case for group in GROUPS for case in _few_and_others(group)])
def test_damaged_files_give_a_right_answer_or_one_error(memory: Path, group: str, numbers: range) -> None:
    # Other mutants than those of the full run, so that both together find more.
    tally = run_mutants(group, len(numbers), memory / f"{group}-{numbers.start}", seed=1, first=numbers.start)
    assert tally.problems == []
    assert sum(tally.outcomes.values()) == len(numbers)
    assert tally.outcomes["refused"]
    assert tally.outcomes["answered"]


@pytest.mark.parametrize(("group", "number"), [("json", 7956), ("json", 45967), ("json", 49075)])
def test_mutants_that_once_came_through_are_refused(memory: Path, group: str, number: int) -> None:
    # Counts of threads and of images with more than 31 and 64 bits.
    tally = run_mutants(group, 1, memory / f"{group}-{number}", first=number)
    assert tally.outcomes == {"refused": 1}


def test_an_ordinary_run_tries_as_many_as_were_promised() -> None:
    promised = {"idx": 5000, "json": 5000, "onnx": 5000, "pictures": 2000}
    assert promised.items() <= COUNTS.items()
    assert all(0 < FEW[group] <= COUNTS[group] for group in GROUPS)


def test_the_full_figures_are_those_that_were_promised() -> None:
    assert set(FULL_COUNTS) == set(GROUPS)
    assert all(count >= (20_000 if group == "pictures" else 50_000) for group, count in FULL_COUNTS.items())


def hang(_content: bytes) -> str:
    while True:
        time.sleep(1)


def wait_too_long(_content: bytes) -> str:
    time.sleep(0.5)  # without using the processor, as who waits for a lock; the test allows 0.2 s
    return "answered"


def crash(_content: bytes) -> str:
    os.kill(os.getpid(), signal.SIGSEGV)
    return "answered"


def print_something(_content: bytes) -> str:
    os.write(1, b"hello")
    return "answered"


def take_memory(_content: bytes) -> str:
    return "answered" if bytearray(700 << 20) else "refused"


def end_the_process(_content: bytes) -> str:
    os._exit(3)


def raise_what_nobody_expects(_content: bytes) -> str:
    raise KeyError("x")


FOUND = {
    hang: "it hung",
    wait_too_long: "it took ",
    crash: "the process ended: signal 11",
    print_something: "5 bytes to standard output",
    take_memory: "MemoryError",
    end_the_process: "the process ended: exit status 3",
    raise_what_nobody_expects: "KeyError: 'x'",
}

FAULTY = """
import sys
sys.path[:0] = {path!r}
import test_mutants
from fault_trials import mutant_child, targets
from fault_trials.targets import Target
def make(_folder):
    reads = iter(["answered"])
    def read(content):
        return next(reads, None) or getattr(test_mutants, {name!r})(content)
    return [Target("faulty", b"sound", lambda content, chance: content, read)]
targets.GROUPS["faulty"] = make
sys.exit(mutant_child.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("read", FOUND, ids=lambda read: read.__name__)
def test_each_kind_of_fault_is_found_and_the_next_mutant_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[bytes], str]
) -> None:
    program = tmp_path / "faulty.py"
    program.write_text(FAULTY.format(path=[str(Path(__file__).parent)], name=read.__name__))
    monkeypatch.setattr(mutants, "CHILD", (str(program),))
    if read is hang:
        monkeypatch.setattr(mutants, "SECONDS_TO_HANG", 1.5)
    if read is wait_too_long:
        monkeypatch.setattr(mutants, "SECONDS", 0.2)
    tally = run_mutants("faulty", 2, tmp_path / "faulty", seed=0)
    assert [problem["number"] for problem in tally.problems] == [0, 1]
    assert all(FOUND[read] in problem["problem"] for problem in tally.problems), tally.problems


@pytest.mark.parametrize(
    ("seconds", "cpu_seconds", "problem", "read"),
    [
        ([3.0, 0.1], [0.1] * 2, None, 2),
        ([3.0, 4.0, 3.0, 0.1], [0.1] * 4, None, 4),
        ([3.0, 4.0, 2.5, 3.0], [0.1] * 4, "it took 2.5 s", 4),
        ([3.0, 1.5, 1.6, 1.7], [3.0, 2.2, 2.3, 2.4], "it took 2.2 s", 4),
    ],
    ids=["busy once", "busy three times", "waits", "computes on two cores"],
)
def test_a_slow_mutant_is_looked_at_again_alone_and_the_quickest_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: list[float], cpu_seconds: list[float], problem, read: int
) -> None:
    times = list(zip(seconds, cpu_seconds, strict=True))
    left = iter(times)

    def run(_group: str, _seed: int, start: int, stop: int, _folder: Path) -> tuple[list[dict[str, object]], int]:
        wall, cpu = next(left)
        document = {"number": start, "target": "a", "outcome": "answered", "problem": None}
        return [{**document, "seconds": wall, "cpu_seconds": cpu}], stop

    monkeypatch.setattr(mutants, "_run", run)
    tally = run_mutants("faulty", 1, tmp_path)
    assert [found["problem"] for found in tally.problems] == ([problem] if problem else [])
    assert sum(tally.outcomes.values()) == 1
    assert len(times) - len(list(left)) == read


DOCUMENT = json.dumps({"name": "a", "rows": [{"seconds": 0.5, "count": 3}] * 3, "none": None}).encode()


@pytest.mark.parametrize("mutate", [mutate_bytes, mutate_gzip, mutate_json])
def test_mutants_differ_and_are_the_same_again(mutate: Callable[[bytes, random.Random], bytes]) -> None:
    made = [mutate(DOCUMENT, random.Random(seed)) for seed in range(200)]
    assert made == [mutate(DOCUMENT, random.Random(seed)) for seed in range(200)]
    assert len(set(made)) > 150


@pytest.mark.parametrize("content", [b"", b"x"])
def test_almost_nothing_can_be_damaged_too(content: bytes) -> None:
    for seed in range(200):
        mutate_bytes(content, random.Random(seed))


def test_documents_are_damaged_in_their_values_and_keys() -> None:
    texts = [mutate_json(DOCUMENT, random.Random(seed)).decode(errors="replace") for seed in range(300)]
    for piece in ("NaN", "Infinity", "../etc/passwd", "[[[[[[[[[[", "\\ud800", "true", '"namex"'):
        assert any(piece in text for text in texts), piece


def test_one_mutant_is_the_same_in_every_process(tmp_path: Path) -> None:
    target = GROUPS["pictures"](tmp_path)[0]
    first = mutant_child.mutant(target, "pictures", 0, 5)
    assert first == mutant_child.mutant(target, "pictures", 0, 5) != mutant_child.mutant(target, "pictures", 1, 5)
