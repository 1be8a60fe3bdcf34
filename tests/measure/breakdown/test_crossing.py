from __future__ import annotations

import dataclasses
import math

import pytest
from breakdown_rows import row
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.measure.breakdown.crossing import crossing
from mnistbench.results import CrossingResult, LatencyResult, ProcessResult


def find(slow: list[LatencyResult], fast: list[LatencyResult]) -> CrossingResult:
    return crossing(slow, fast, name="net", device="cpu", faster_device="cuda:0")


def rows(times: dict[int, float | None]) -> list[LatencyResult]:
    return [row(batch_size, seconds) for batch_size, seconds in times.items()]


def test_between_two_batches_both_times_are_powers_of_the_batch():
    # 1 ms an image against 32 ms whatever the batch: the same at 32 exactly.
    found = find(rows({16: 0.016, 64: 0.064}), rows({16: 0.032, 64: 0.032}))
    assert (found.overtaking, found.is_clean, found.batch_sizes) == ("between", True, (16, 64))
    assert found.batch_size == pytest.approx(32)
    assert found.speedups == pytest.approx((0.5, 2.0))
    assert (found.device, found.faster_device, found.mode, found.reason) == ("cpu", "cuda:0", "e2e", None)


@pytest.mark.parametrize(
    ("slow", "fast", "overtaking", "batch_size", "is_clean"),
    [
        ({1: 2.0, 8: 4.0}, {1: 1.0, 8: 1.0}, "from the start", 1, True),
        ({4: 2.0}, {4: 1.0}, "from the start", 4, True),
        ({1: 1.0, 8: 2.0}, {1: 3.0, 8: 3.0}, "not yet", None, True),
        ({1: 1.0}, {1: 1.0}, "not yet", None, True),
        # As fast at 8 is not yet faster.
        ({8: 1.0, 16: 2.0}, {8: 1.0, 16: 1.0}, "between", 8, True),
        # Faster, slower, faster: the last time counts.
        ({1: 2.0, 2: 0.5, 8: 2.0}, {1: 1.0, 2: 1.0, 8: 1.0}, "between", 4, False),
        ({1: 2.0, 8: 0.5}, {1: 1.0, 8: 1.0}, "not yet", None, False),
    ],
)
def test_who_overtakes_where(slow, fast, overtaking, batch_size, is_clean):
    found = find(rows(slow), rows(fast))
    assert (found.overtaking, found.is_clean) == (overtaking, is_clean)
    assert found.batch_size == (None if batch_size is None else pytest.approx(batch_size))


def test_only_what_was_measured_on_both_counts_in_any_order():
    slow = [*rows({64: 4.0, 1: 1.0, 2: 1.0, 4: None, 8: 0.0}), row(16, error="no memory")]
    fast = [*rows({4: 1.0, 8: 1.0, 16: 1.0, 1: 2.0, 64: 2.0})]
    assert find(slow, fast).batch_sizes == (1, 64)


@pytest.mark.parametrize(
    ("slow", "fast", "reason"),
    [
        ([], [], "no batch size was measured on both"),
        ([row(1)], [], "no batch size was measured on both"),
        ([row(1)], [row(2)], "no batch size was measured on both"),
        ([row(1)], [row(1, None, error="no CUDA libraries")], "no CUDA libraries"),
    ],
)
def test_without_another_device_nothing_is_said(slow, fast, reason):
    found = find(slow, fast)
    assert (found.overtaking, found.batch_size, found.reason) == (None, None, reason)


QUIET = (0.999, 1.0, 1.001)
NOISY = (0.5, 1.0, 2.0)


def measured(times: dict[int, float], noise: dict[int, tuple[float, ...]] | None = None) -> list[LatencyResult]:
    """Rows of fresh processes, quiet unless it is said."""
    found = []
    for batch_size, seconds in times.items():
        medians = [seconds * factor for factor in (noise or {}).get(batch_size, QUIET)]
        parts = tuple(ProcessResult(0.1, 0.1, 10, True, 20, "noise", median, median, median) for median in medians)
        found.append(row(batch_size, seconds, processes=parts))
    return found


@pytest.mark.parametrize(
    ("fast", "overtaking", "batch_size", "is_clean", "verdicts"),
    [
        ({1: 2.0, 8: 0.5}, "between", 8**0.5, True, "SF"),
        ({1: 0.5, 8: 0.5}, "from the start", 1, True, "FF"),
        ({1: 2.0, 8: 2.0}, "not yet", None, True, "SS"),
        # Ahead by less than what matters, or than the noise, is not ahead.
        ({1: 2.0, 8: 0.97}, "not yet", None, True, "S="),
        ({1: 2.0, 8: 0.97, 64: 0.5}, "between", None, True, "S=F"),
        ({1: 2.0, 8: 1.01, 64: 0.5}, "between", None, True, "S=F"),
        ({1: 2.0, 8: (0.7, NOISY)}, "not yet", None, True, "S?"),
        ({1: 2.0, 8: (0.7, NOISY), 64: 0.5}, "between", None, True, "S?F"),
        ({1: 0.98, 8: 0.5}, "from the start", 8, True, "=F"),
        ({1: 0.98, 8: (0.9, NOISY), 64: 0.5}, "from the start", 64, True, "=?F"),
        # Nor does the lead change where nobody has it.
        ({1: 0.5, 8: 1.02, 64: 0.5}, "from the start", 1, True, "F=F"),
        ({1: 2.0, 8: 0.98, 64: 2.0}, "not yet", None, True, "S=S"),
        ({1: 0.5, 8: 2.0, 64: 1.01, 512: 0.5}, "between", None, False, "FS=F"),
        ({1: 2.0, 8: 0.5, 64: (0.7, NOISY)}, "between", 8**0.5, True, "SF?"),
        ({1: 0.5, 8: 2.0}, "not yet", None, False, "FS"),
    ],
)
def test_who_is_ahead_is_judged_by_the_noise(fast, overtaking, batch_size, is_clean, verdicts):
    noise = {size: time[1] for size, time in fast.items() if isinstance(time, tuple)}
    times = {size: time[0] if isinstance(time, tuple) else time for size, time in fast.items()}
    found = find(measured(dict.fromkeys(times, 1.0)), measured(times, noise))
    letters = {"FASTER": "F", "SLOWER": "S", "SAME": "=", "UNCLEAR": "?"}
    assert "".join(letters[verdict] for verdict in found.verdicts) == verdicts
    assert (found.overtaking, found.is_clean, found.reason) == (overtaking, is_clean, None)
    assert found.unclear == tuple(size for size, letter in zip(times, verdicts, strict=True) if letter in "=?")
    if batch_size is not None:
        assert found.batch_size == pytest.approx(batch_size)
    elif overtaking == "between":
        behind = max(size for size, letter in zip(times, verdicts, strict=True) if letter == "S")
        assert behind < found.batch_size < max(times)
    else:
        assert found.batch_size is None
    assert CrossingResult.from_dict(found.as_dict()) == found


@pytest.mark.parametrize("fast", [{1: 1.01}, {1: 0.97, 8: 1.0, 64: 1.03}])
def test_where_nothing_is_clear_nobody_overtakes(fast):
    found = find(measured(dict.fromkeys(fast, 1.0)), measured(fast))
    assert (found.overtaking, found.batch_size, found.is_clean) == (None, None, True)
    assert (found.reason, found.unclear) == ("no clear difference at any batch size", tuple(fast))
    assert len(found.speedups) == len(fast)


@pytest.mark.parametrize("few", ["slow", "fast"])
def test_without_enough_processes_the_medians_alone_decide(few):
    sides = {"slow": measured({1: 1.0, 8: 1.0}), "fast": measured({1: 1.01, 8: 0.99})}
    assert find(**sides).overtaking is None
    found = find(**sides | {few: [dataclasses.replace(one, processes=one.processes[:2]) for one in sides[few]]})
    assert (found.overtaking, found.verdicts, found.unclear) == ("between", (None, None), ())
    assert 1 < found.batch_size < 8


def test_rows_of_both_kinds_beside_each_other():
    slow, fast = measured({1: 1.0, 8: 1.0, 64: 1.0}), measured({1: 2.0, 8: 0.99, 64: 0.99})
    fast[2] = row(64, 0.99)
    found = find(slow, fast)
    assert (found.verdicts, found.overtaking) == (("SLOWER", "SAME", None), "between")
    assert 1 < found.batch_size < 8


TIMES = st.dictionaries(st.integers(1, 100_000), st.floats(1e-7, 1e3), max_size=8)


@given(TIMES, TIMES)
def test_a_crossing_lies_between_the_batches_around_it(slow, fast):
    found = find(rows(slow), rows(fast))
    assert (found.overtaking is None) is (not slow.keys() & fast.keys())
    if found.overtaking == "between":
        below = max(size for size, speedup in zip(found.batch_sizes, found.speedups, strict=True) if speedup <= 1)
        above = min(size for size in found.batch_sizes if size > below)
        assert below * (1 - 1e-9) <= found.batch_size <= above * (1 + 1e-9)
        assert math.isfinite(found.batch_size)
    assert CrossingResult.from_dict(found.as_dict()) == found
