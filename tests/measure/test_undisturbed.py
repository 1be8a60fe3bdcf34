from __future__ import annotations

import numpy as np
import pytest

from mnistbench.measure.undisturbed import rank, shortest, undisturbed


@pytest.mark.parametrize(
    ("seconds", "time"),
    [([3.0], 3.0), ([3.0, 1.0], 3.0), ([3.0, 1.0, 2.0], 2.0), ([2.0, 2.0, 9.0], 2.0), ([1.0, *[5.0] * 9], 5.0)],
)
def test_a_time_counts_that_a_second_process_confirms(seconds, time) -> None:
    assert undisturbed(seconds) == time
    assert undisturbed(seconds[::-1]) == time


def test_the_rank_is_that_of_the_second_or_of_the_only_one() -> None:
    assert [rank(count) for count in (1, 2, 3, 100)] == [1, 2, 2, 2]


def test_a_call_of_no_time_is_none() -> None:
    # The clock went back, or does not tick so fast.
    assert shortest([0.0, 3e-5, 2e-5]) == 2e-5
    assert shortest([0.0]) == shortest([]) == 0.0


def test_what_disturbs_most_calls_of_most_processes_does_not_show() -> None:
    generator = np.random.default_rng(0)
    quiet = [shortest(generator.normal(1.0, 0.01, 1000)) for _ in range(5)]
    busy = [shortest(generator.normal(1.0, 0.01, 1000) + 0.5 * (generator.random(1000) < 0.9)) for _ in range(2)]
    always = [shortest(generator.normal(1.6, 0.01, 1000)) for _ in range(3)]
    assert undisturbed([*busy, *always]) == pytest.approx(undisturbed(quiet), rel=0.02)
