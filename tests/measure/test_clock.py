from __future__ import annotations

import time

from mnistbench.measure.clock import Clock, MonotonicClock


def test_the_clock_never_goes_back() -> None:
    clock: Clock = MonotonicClock()
    readings = [clock.now_ns() for _ in range(1000)]
    assert readings == sorted(readings)
    assert all(type(reading) is int for reading in readings)


def test_the_clock_is_the_one_the_system_measures_with() -> None:
    before = time.perf_counter_ns()
    between = MonotonicClock().now_ns()
    after = time.perf_counter_ns()
    assert before <= between <= after
