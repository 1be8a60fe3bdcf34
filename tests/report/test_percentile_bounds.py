from __future__ import annotations

import pytest
from results_of import latency
from test_results import PROCESS

from mnistbench.catalog import find
from mnistbench.report.percentile_bounds import bounds


@pytest.mark.parametrize(
    ("processes", "percentile", "expected"),
    [
        (0, "p90", None),
        (1, "p90", None),
        (2, "p90", None),
        (3, "p90", (1.0, 2.0)),
        (15, "p90", (1.0, 2.0)),
        (15, "p99.9", None),
    ],
)
def test_only_the_spread_of_several_processes_bounds_a_percentile(processes, percentile, expected) -> None:
    result = latency(
        find("64-10"), processes=(PROCESS,) * processes, percentile_bounds={"p50": (0.0, 1.0), "p90": (1.0, 2.0)}
    )
    assert bounds(result, percentile) == expected
