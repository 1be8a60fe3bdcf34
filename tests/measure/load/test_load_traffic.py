from __future__ import annotations

import pytest

from mnistbench.measure.load.traffic import QUEUED, Notes, is_kept, merge


def test_the_notes_of_several_workers_come_in_the_order_of_issue() -> None:
    one, two = Notes(), Notes()
    one.add(2, 3_000, QUEUED, 9_000_000_000, "c")
    one.add(0, 1_000, 500, 8_000_000_000, "a")
    two.add(1, 2_000, 0, 10_000_000_000, "b")
    traffic = merge([one, two, Notes()], 7_000_000_000, "count")
    assert traffic.latency_seconds == (1e-6, 2e-6, 3e-6)
    assert traffic.lateness_seconds == (5e-7, 0.0)
    assert traffic.duration_seconds == 3.0
    assert traffic.stop_reason == "count"
    assert traffic.answers == ((0, "a"), (1, "b"), (2, "c"))


def test_nothing_answered_is_no_time() -> None:
    traffic = merge([Notes()], 7, "overload")
    assert (traffic.latency_seconds, traffic.duration_seconds, traffic.answers) == ((), 0.0, ())


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    notes = Notes()
    notes.add(0, -5, QUEUED, 3, "a")
    traffic = merge([notes], 7, "time")
    assert (traffic.latency_seconds, traffic.duration_seconds) == ((0.0,), 0.0)


def test_few_answers_are_kept_and_they_are_spread_over_all_queries_and_inputs() -> None:
    kept = [index for index in range(1 << 17) if is_kept(index)]
    assert kept[:256] == list(range(256))
    for power in range(8, 17):
        within = [index for index in kept if 1 << power <= index < 2 << power]
        assert 64 <= len(within) <= 86
        assert {index % 16 for index in within} == set(range(16))


@pytest.mark.parametrize("index", [0, 10**9, 10**15])
def test_any_number_can_be_asked_for(index: int) -> None:
    assert is_kept(index) in (True, False)
