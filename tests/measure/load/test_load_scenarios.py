from __future__ import annotations

import math

import pytest

from mnistbench.errors import InputError
from mnistbench.measure.load.scenarios import (
    SCENARIOS,
    Limits,
    MultiStream,
    Offline,
    Paced,
    Scenario,
    Server,
    SingleStream,
    limits_of,
)
from mnistbench.measure.stats import supported


@pytest.mark.parametrize("scenario", [SingleStream(), MultiStream(), Offline(), Server(), Paced()])
def test_limits_support_the_figure_of_the_scenario(scenario: Scenario) -> None:
    limits = limits_of(scenario, 3.0)
    assert supported(scenario.percentile, limits.min_queries)
    assert not supported(scenario.percentile, limits.min_queries - 1)
    assert (limits.min_seconds, limits.max_seconds) == (3.0, 30.0)


def test_the_figures_and_counts_of_mlperf() -> None:
    assert SCENARIOS == ("single-stream", "multi-stream", "offline", "server", "paced")
    assert limits_of(SingleStream(), 1).min_queries == 64
    assert limits_of(MultiStream(), 1).min_queries == limits_of(Server(), 1).min_queries == 662
    assert MultiStream().samples_per_query == 8


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 1, 1),
        (-1, 1, 1),
        (math.nan, 1, 1),
        (1, 1, math.inf),
        (2, 1, 1),
        (1, 0, 2),
        (1, 11, 2, 10),
    ],
)
def test_limits_that_make_no_sense(numbers) -> None:
    with pytest.raises(InputError, match="expected"):
        Limits(*numbers)


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (Server, {"bound_seconds": 0}),
        (Server, {"bound_seconds": math.nan}),
        (Server, {"rate": -1.0}),
        (Server, {"rate": math.inf}),
        (Paced, {"gap_seconds": -0.001}),
        (Paced, {"gap_seconds": math.nan}),
    ],
)
def test_scenarios_that_make_no_sense(make, settings) -> None:
    with pytest.raises(InputError, match="expected"):
        make(**settings)
