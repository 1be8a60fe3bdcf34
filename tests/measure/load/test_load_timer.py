from __future__ import annotations

import pytest
from fake_time import MS, FakeTime

from mnistbench.measure.load.timer import Timer


class Ticking(FakeTime):
    """A microsecond passes with every look, and a sleeper wakes 60 microseconds late."""

    def now_ns(self) -> int:
        self.time += 1000
        return self.time

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds + 60e-6 if seconds else 0.0)


def test_it_sleeps_until_shortly_before_and_then_looks_at_the_clock() -> None:
    time = Ticking()
    moment = time.time + 10 * MS
    assert moment <= Timer(time, time.sleep, 150e-6).wait_until(moment) <= moment + 2000
    assert time.slept[0] == pytest.approx(0.00985 + 60e-6, abs=2e-6)
    # Every further look lets other threads run.
    assert set(time.slept[1:]) == {0.0}
    assert 80 <= len(time.slept) <= 95


def test_without_watching_it_wakes_as_late_as_the_system_does() -> None:
    time = Ticking()
    moment = time.time + 10 * MS
    assert Timer(time, time.sleep, 0.0).wait_until(moment) - moment == pytest.approx(60_000, abs=2000)
    assert len(time.slept) == 1


@pytest.mark.parametrize("ahead", [0, -1, -5000 * MS])
def test_a_moment_that_has_passed_is_not_waited_for(ahead: int) -> None:
    time = FakeTime()
    assert time.timer().wait_until(time.time + ahead) == time.time
    assert time.slept == []


def test_a_long_sleep_is_taken_in_parts_and_can_be_stopped() -> None:
    time = FakeTime()
    time.timer().wait_until(time.time + 1000 * MS)
    assert time.slept == [0.1] * 10
    begin = time.time
    end = time.timer().wait_until(begin + 1000 * MS, lambda: time.time >= begin + 200 * MS)
    assert end == begin + 200 * MS
