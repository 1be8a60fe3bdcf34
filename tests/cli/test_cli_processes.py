"""How many fresh processes ``mnistbench bench`` takes for a row: the usual number, more where they disagree."""

from __future__ import annotations

import pytest
from latency_models import measured

from mnistbench.cli.bench import MOST_PROCESSES, PROCESSES, QUICK_PROCESSES
from mnistbench.measure.latency.processes import FreshProcesses

MODEL = "64-64-10"


@pytest.fixture
def restless(monkeypatch):
    """Processes of which none agrees with another, and that take no time."""
    count = 0

    def measure(_self, _request):
        nonlocal count
        count += 1
        return measured(*[float(count)] * 20)

    monkeypatch.setattr(FreshProcesses, "__call__", measure)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ((), MOST_PROCESSES),
        (("--quick",), QUICK_PROCESSES),
        (("--processes", 4), 4),
        (("--processes", 4, "--most-processes", 7), 7),
        (("--most-processes", PROCESSES), PROCESSES),
        (("--quick", "--most-processes", 3), 3),
    ],
)
def test_who_asks_for_a_number_gets_it(cli, restless, tmp_path, options, count) -> None:
    asked = ("bench", MODEL, "--batch", 1, "--output", tmp_path / "run.json", "--json")
    (row,) = cli(*asked, *options).succeeds().json
    assert len(row["processes"]) == count


def test_fewer_at_most_than_usual_makes_no_sense(cli) -> None:
    outcome = cli("bench", MODEL, "--processes", 4, "--most-processes", 3)
    assert outcome.code == 2
    assert "3 is less than the 4 processes of every row" in outcome.err
