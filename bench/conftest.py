"""Prints the ratios after the tests, and writes them as JSON when asked to.

``--results FILE`` (``make bench ARGS="--results bench/results/NAME.json"``)
keeps the ratios together with a description of the machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

RATIOS = pytest.StashKey[list[dict[str, Any]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="cpu, cuda or cuda:N, where a benchmark can choose")
    parser.addoption("--results", type=Path, help="write the ratios and the environment to this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RATIOS] = []


@pytest.fixture
def ratios(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Where a benchmark leaves its ratio for the table at the end."""
    return request.config.stash[RATIOS]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash[RATIOS]
    if not rows:
        return
    from mnistbench.report.units import seconds

    terminalreporter.section("ratios, medians of alternating rounds")
    terminalreporter.write_line(f"{'benchmark':<44} {'baseline':>9} {'ours':>9} {'ratio':>7}  also")
    for row in rows:
        also = []
        if "ours_peak_bytes" in row:
            also.append(f"{row['baseline_peak_bytes'] / 1e6:.0f}/{row['ours_peak_bytes'] / 1e6:.0f} MB")
        if "ours_accuracy" in row:
            also.append(f"{row['baseline_accuracy']:.2%}/{row['ours_accuracy']:.2%}")
        if "ours_extra_seconds" in row:
            also.append(f"{row['ours_extra_seconds'] * 1e6:+.2f} µs")
        terminalreporter.write_line(
            f"{row['name']:<44} {seconds(row['baseline_seconds']):>9} {seconds(row['ours_seconds']):>9} "
            f"{row['ratio']:>6.2f}x  {' '.join(also)}"
        )
    path = config.getoption("--results")
    if path is not None:
        from mnistbench.files import write_json
        from mnistbench.measure.environment import collect_environment

        document = {"schema_version": 1, "kind": "ratios", "environment": collect_environment().as_dict()}
        write_json(path, document | {"rows": rows})
        terminalreporter.write_line(f"written to {path}")
