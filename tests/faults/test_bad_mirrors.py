"""Mirrors that misbehave, each before a good one and alone; single cases are in tests/data/test_mirrors.py."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from fault_trials.mirrors import MIRRORS, try_mirrors


# Where a server breaks off within its header, http.client leaves the file over the closed socket to the collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_after_any_bad_mirror_comes_the_next_and_then_a_clear_message(memory: Path) -> None:
    records = list(try_mirrors(memory / "mirrors"))
    assert [problem for record in records for problem in record["problems"]] == []
    assert [record["mirror"] for record in records] == [*MIRRORS, "all of these"]
    gc.collect()  # while the warning is known
