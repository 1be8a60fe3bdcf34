from __future__ import annotations

import pytest

from mnistbench.measure.latency.enough import agree


@pytest.mark.parametrize(
    ("seconds", "enough"),
    [
        ([1.0], False),
        ([1.0, 1.0], False),
        ([1.0, 1.0, 1.0], True),
        ([1.0, 1.01, 1.005, 1.0, 1.01], True),
        ([1.0, 1.3, 1.4, 1.5, 1.6], False),  # luck, or all others disturbed
        ([1.0, 1.01, 1.3, 1.4, 1.6], False),
        ([1.0, 1.01, 1.005, 1.4, 1.6], True),
        ([1.0, 1.01, 1.005, 1.0, 1.01, 1.0, 1.4, 1.6], True),
    ],
)
def test_when_a_few_more_would_tell(seconds, enough) -> None:
    assert agree(seconds) is enough
    assert agree([1e-5 * value for value in seconds]) is enough


def test_a_clock_that_does_not_tick_is_not_asked_again() -> None:
    assert agree([0.0, 1.0, 2.0])
