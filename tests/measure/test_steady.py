from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import InputError
from mnistbench.measure import steady
from mnistbench.measure.steady import Plan, measure_steady, settled, should_stop

MS = 1_000_000
"""One millisecond of a fake clock."""


class FakeClock:
    """Moves only when a call moves it."""

    def __init__(self) -> None:
        self.time = 5_000_000_000

    def now_ns(self) -> int:
        return self.time


class Workload:
    """A call that takes the given nanoseconds, one after the other, and notes its indices."""

    def __init__(self, clock: FakeClock, durations: Iterable[int]) -> None:
        self.clock = clock
        self.durations: Iterator[int] = iter(durations)
        self.indices: list[int] = []

    def __call__(self, index: int) -> str:
        self.indices.append(index)
        self.clock.time += next(self.durations)
        return f"answer {index}"


def run(
    durations: Iterable[int], plan: Plan, after_each: Callable[[object, int], None] | None = None
) -> tuple[steady.SteadySample, Workload]:
    clock = FakeClock()
    workload = Workload(clock, durations)
    return measure_steady(workload, plan, clock, after_each=after_each), workload


def test_a_steady_call_stops_at_the_minima() -> None:
    sample, workload = run(itertools.repeat(10 * MS), Plan())
    # Three windows of a third of 200 ms, hence seven calls of 10 ms each.
    assert (sample.warmup_calls, sample.warmup_settled) == (21, True)
    # 64 samples last 0.64 s; equal times have no noise.
    assert sample.seconds == (0.01,) * 64
    assert sample.stop_reason == "noise"
    assert sample.clock_jumps == 0
    assert workload.indices == list(range(21 + 64))


def test_the_minimum_time_holds_back_a_fast_call() -> None:
    sample, _ = run(itertools.repeat(MS), Plan())
    assert sample.warmup_calls == 3 * 67
    # 0.5 s are 500 samples; the next look is at 512.
    assert len(sample.seconds) == 512
    assert sample.stop_reason == "noise"


def test_the_minimum_of_warm_up_calls_holds_for_slow_calls() -> None:
    sample, _ = run(itertools.repeat(100 * MS), Plan())
    # Four calls a window, so that three windows have at least ten.
    assert (sample.warmup_calls, sample.warmup_settled) == (12, True)
    assert sample.stop_reason == "time"
    assert len(sample.seconds) == 50


def test_the_warm_up_waits_until_the_calls_are_fast() -> None:
    ramp = itertools.chain(range(50 * MS, 20 * MS, -MS), itertools.repeat(10 * MS))
    sample, _ = run(ramp, Plan(min_warmup_seconds=0.0))
    # Windows of four calls: the 8th still holds the end of the ramp, the 9th to 11th agree.
    assert (sample.warmup_calls, sample.warmup_settled) == (44, True)
    assert set(sample.seconds) == {0.01}


def test_a_call_that_never_settles_ends_its_warm_up_at_the_cap() -> None:
    growing = (int(10 * MS * 1.02**call) for call in itertools.count())
    sample, _ = run(growing, Plan())
    assert not sample.warmup_settled
    # The sum of 10 ms times 1.02^k passes 5 s with the 122nd call: (1.02^121 - 1) / 0.02 = 499.
    assert sample.warmup_calls == 122
    assert sample.seconds


def test_an_interrupted_call_does_not_unsettle_a_window() -> None:
    durations = (500 * MS if call == 9 else 10 * MS for call in itertools.count())
    sample, _ = run(durations, Plan())
    assert sample.warmup_settled


def test_a_call_slower_than_every_limit_still_gives_one_sample() -> None:
    sample, workload = run(itertools.repeat(60_000 * MS), Plan())
    assert (sample.warmup_calls, sample.warmup_settled) == (1, False)
    assert sample.seconds == (60.0,)
    assert sample.stop_reason == "time"
    assert workload.indices == [0, 1]


@pytest.mark.parametrize("plan", [Plan(), Plan.each(), Plan.quick()], ids=["one", "each", "quick"])
@pytest.mark.parametrize(("seconds", "count"), [(2, 3), (10, 3), (29, 3), (30, 2), (59, 2), (60, 1)])
def test_a_slow_call_is_waited_for_until_there_is_a_median(plan, seconds, count) -> None:
    sample, _ = run(itertools.repeat(seconds * 1000 * MS), plan)
    assert sample.seconds == (float(seconds),) * count
    assert sample.stop_reason == "time"
    assert math.fsum(sample.seconds) < plan.longest_seconds + seconds


def test_whoever_has_no_patience_waits_no_longer_than_asked_for() -> None:
    for changes in ({"fewest_samples": 1}, {"patience_seconds": 0.0}):
        sample, _ = run(itertools.repeat(5000 * MS), Plan(max_seconds=2.0, **changes))
        assert sample.seconds == (5.0,)
    assert Plan(max_seconds=90.0).longest_seconds == 90.0


def test_noise_that_settled_above_the_target_is_a_plateau() -> None:
    sample, _ = run(itertools.cycle([5 * MS, 15 * MS]), Plan())
    # Relative deviation 50%: the target of 0.5% would need 10,000 samples.
    assert sample.stop_reason == "plateau"
    assert len(sample.seconds) == 64


def test_drifting_calls_are_measured_until_time_is_up() -> None:
    durations = itertools.chain(itertools.repeat(MS, 201), (MS + i * MS // 50 for i in itertools.count()))
    sample, _ = run(durations, Plan())
    assert sample.stop_reason == "time"
    assert 5.0 <= math.fsum(sample.seconds) < 5.1


def test_the_largest_count_ends_a_measurement() -> None:
    drifting = itertools.chain(itertools.repeat(MS, 201), (MS + i * MS // 50 for i in itertools.count()))
    sample, _ = run(drifting, Plan(max_samples=300))
    assert sample.stop_reason == "count"
    assert len(sample.seconds) == 300


def test_the_least_time_holds_for_a_fast_call_too() -> None:
    # At 2.2 µs, 20,000 calls are over after 0.044 s: far too soon to tell noise.
    sample, _ = run(itertools.cycle([2_000, 2_400]), Plan(min_seconds=0.1, max_seconds=2.0, max_samples=20_000))
    assert sample.stop_reason == "noise"
    assert 0.1 <= math.fsum(sample.seconds) < 0.1001


def test_a_clock_that_stands_still_ends_by_count() -> None:
    sample, _ = run(itertools.repeat(0), Plan(max_samples=200, max_calls=200, max_warmup_calls=500))
    assert (sample.warmup_calls, sample.warmup_settled) == (500, False)
    assert sample.seconds == (0.0,) * 200
    assert sample.stop_reason == "count"


def test_a_clock_that_goes_back_gives_zero_and_is_noted() -> None:
    # The 5th warm-up call and the 3rd timed call meet a clock that is set back by an hour.
    back = {4, 23}
    durations = (-3600_000 * MS if call in back else 10 * MS for call in itertools.count())
    sample, _ = run(durations, Plan())
    assert sample.warmup_calls == 22
    assert sample.clock_jumps == 1
    assert sample.seconds[:3] == (0.01, 0.0, 0.01)
    assert min(sample.seconds) == 0.0
    # Neither does the hour make the measurement last longer.
    assert sample.stop_reason in ("noise", "plateau")
    assert len(sample.seconds) < 300


def test_answers_are_checked_outside_the_timed_region() -> None:
    clock = FakeClock()
    workload = Workload(clock, itertools.repeat(10 * MS))
    seen: list[tuple[object, int]] = []

    def check(answer: object, index: int) -> None:
        seen.append((answer, index))
        clock.time += 90 * MS

    sample = measure_steady(workload, Plan(), clock, after_each=check)
    assert set(sample.seconds) == {0.01}
    timed = workload.indices[sample.warmup_calls :]
    assert seen == [(f"answer {index}", index) for index in timed]
    # The checks count against the time allowed: 50 calls of 100 ms, and one call's end.
    assert sample.stop_reason == "time"
    assert len(sample.seconds) == 51


@pytest.mark.parametrize("duration", [MS // 100, MS, 2 * MS])
@pytest.mark.parametrize("answers_stay", [True, False])
def test_short_calls_follow_each_other_and_every_answer_is_seen_once(duration: int, answers_stay: bool) -> None:
    clock = FakeClock()
    workload = Workload(clock, itertools.repeat(duration))
    seen: list[tuple[object, int]] = []
    behind = []

    def check(answer: object, index: int) -> None:
        seen.append((answer, index))
        behind.append(workload.indices[-1] - index)

    plan = Plan(max_samples=1000)
    sample = measure_steady(workload, plan, clock, after_each=check, answers_stay=answers_stay)
    timed = workload.indices[sample.warmup_calls :]
    assert seen == [(f"answer {index}", index) for index in timed]
    assert len(sample.seconds) == len(timed)
    assert max(behind) == (15 if answers_stay and duration <= MS else 0)
    # Where it stops does not depend on it.
    alone = measure_steady(Workload(clock, itertools.repeat(duration)), plan, clock, after_each=lambda *_: None)
    assert (sample.stop_reason, sample.seconds) == (alone.stop_reason, alone.seconds)


def test_counts_are_kept_to_by_calls_in_a_row() -> None:
    clock = FakeClock()
    plan = Plan(max_samples=1003, max_calls=1003, noise_target=0, plateau_tolerance=0, min_seconds=0)
    durations = itertools.cycle(range(1000, 9000, 7))
    sample = measure_steady(Workload(clock, durations), plan, clock)
    assert (len(sample.seconds), sample.stop_reason) == (1003, "count")


def test_an_answer_is_freed_before_the_next_call_is_timed() -> None:
    clock = FakeClock()

    class Answer:
        def __del__(self) -> None:
            clock.time += 7 * MS

    def call(index: int) -> Answer:
        clock.time += 10 * MS
        return Answer()

    assert set(measure_steady(call, Plan(), clock).seconds) == {0.01}


def test_errors_of_the_call_and_of_the_check_come_through() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("session lost")

    with pytest.raises(RuntimeError, match="session lost"):
        measure_steady(fail, Plan(), FakeClock())
    with pytest.raises(RuntimeError, match="session lost"):
        run(itertools.repeat(MS), Plan(), after_each=fail)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], False),
        ([1.0], False),
        ([1.0, 1.1], True),
        ([1.1, 1.0], True),
        ([1.0, 1.11], False),
        ([1.0, 1.05, 1.11], False),
        ([1.11, 1.05, 1.02], True),
        ([0.0, 0.0, 0.0], True),
        ([0.0, 0.1], False),
    ],
)
def test_windows_agree_within_a_tenth(windows: list[float], expected: bool) -> None:
    assert settled(windows, 0.10) is expected


@given(st.lists(st.floats(1e-9, 10), min_size=2, max_size=6), st.floats(0, 1), st.floats(1e-3, 1e3))
def test_agreement_is_the_same_in_any_order_and_never_lost_with_tolerance(
    windows: list[float], tolerance: float, more: float
) -> None:
    assert settled(windows, tolerance) == settled(sorted(windows), tolerance)
    assert settled(windows, tolerance) <= settled(windows, tolerance + more)


@pytest.mark.parametrize(
    ("samples", "elapsed", "expected"),
    [
        ([], 100.0, None),
        ([1.0], 0.0, None),
        ([1.0], 5.0, None),
        ([1.0] * 2, 59.9, None),
        ([1.0] * 2, 60.0, "time"),
        ([1.0] * 3, 4.9, None),
        ([1.0] * 3, 5.0, "time"),
        ([1.0] * 63, 1.0, None),
        ([1.0] * 64, 0.49, None),
        ([1.0] * 64, 0.5, "noise"),
        ([1.0] * 65, 0.5, None),
        ([1.0] * 65, 5.0, "noise"),
        ([1.0, 2.0] * 32, 0.5, "plateau"),
        ([1.0, 2.0] * 32, 0.4, None),
        ([1.0] * 32 + [2.0] * 32, 0.5, None),
        ([1.0] * 32 + [2.0] * 32, 5.0, "time"),
        ([1.0] * 900 + [2.0] * 100, 1.0, "count"),
        ([1.0] * 1000, 1.0, "noise"),
        ([1.0] * 1000, 0.49, None),
        ([1.0] * 1999, 0.1, None),
        ([1.0] * 2000, 0.1, "count"),
    ],
)
def test_when_to_stop(samples: list[float], elapsed: float, expected: str | None) -> None:
    assert should_stop(samples, elapsed, Plan(max_samples=1000, max_calls=2000)) == expected


def test_the_noise_target_is_the_relative_standard_error() -> None:
    # Half at 0.9, half at 1.1: deviation over mean is 0.1 (nearly), so 400 samples reach 0.5%.
    def samples(count: int) -> list[float]:
        return [0.9, 1.1] * (count // 2)

    plan = Plan(plateau_tolerance=0.0)
    assert should_stop(samples(384), 1.0, plan) is None
    assert should_stop(samples(416), 1.0, plan) == "noise"


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=200), st.one_of(st.floats(0, 10), st.floats(50, 70)))
def test_nothing_stops_below_the_minima_but_a_maximum(samples: list[float], elapsed: float) -> None:
    plan = Plan(max_samples=150, max_calls=180)
    reason = should_stop(samples, elapsed, plan)
    if len(samples) < plan.min_samples or elapsed < plan.min_seconds:
        assert reason in (None, "time", "count")
    if elapsed < plan.min_seconds and len(samples) < plan.max_calls:
        assert reason is None
    out_of_time = elapsed >= plan.max_seconds and len(samples) >= plan.fewest_samples
    if out_of_time or elapsed >= plan.patience_seconds or len(samples) >= plan.max_calls:
        assert reason is not None
    elif len(samples) < plan.fewest_samples:
        assert reason is None
    if elapsed >= plan.min_seconds and len(samples) >= plan.max_samples:
        assert reason is not None


def test_looking_at_the_noise_is_amortised(monkeypatch: pytest.MonkeyPatch) -> None:
    visited = 0

    def count_visits(values: np.ndarray) -> float:
        nonlocal visited
        visited += len(values)
        return 1.0

    monkeypatch.setattr(steady, "relative_standard_error", count_visits)
    monkeypatch.setattr(steady, "relative_deviation", lambda values: float(len(values)))
    plan, samples = Plan(), []
    for _ in range(20_000):
        samples.append(1.0)
        assert should_stop(samples, 1.0, plan) is None
    assert len(samples) < visited < 16 * len(samples)
    # Nor is a look taken at every call that the least time still lacks after the largest number.
    visited, plan = 0, Plan(max_samples=1000)
    for count in range(1000, 3000):
        assert should_stop(samples[:count], 0.4, plan) is None
    assert visited == 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"min_samples": 0}, "min_samples"),
        ({"fewest_samples": 0}, "fewest_samples"),
        ({"patience_seconds": -1.0}, "patience_seconds"),
        ({"patience_seconds": math.inf}, "patience_seconds"),
        ({"patience_seconds": math.nan}, "patience_seconds"),
        ({"min_warmup_calls": 0}, "min_warmup_calls"),
        ({"warmup_windows": 1}, "warmup_windows"),
        ({"min_seconds": -1.0}, "min_seconds"),
        ({"noise_target": math.nan}, "noise_target"),
        ({"max_seconds": 0.1}, "max_seconds"),
        ({"max_seconds": math.inf}, "max_seconds"),
        ({"max_samples": 63}, "max_samples"),
        ({"max_calls": 99_999}, "max_calls"),
        ({"max_warmup_seconds": 0.1}, "max_warmup_seconds"),
        ({"max_warmup_calls": 9}, "max_warmup_calls"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(changes: dict[str, float], name: str) -> None:
    with pytest.raises(InputError, match=name):
        Plan(**changes)


def test_the_quick_plan_is_shorter_but_asks_for_the_same_figures() -> None:
    quick, full = Plan.quick(), Plan()
    for field in ("min_warmup_seconds", "max_warmup_seconds", "min_seconds", "max_seconds", "max_samples"):
        assert getattr(quick, field) < getattr(full, field)
    assert quick.min_samples == full.min_samples
    assert dataclasses.replace(quick) == quick
