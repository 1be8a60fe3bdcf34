"""Mirrors that misbehave, each before a good one and alone; single cases are in tests/data/test_mirrors.py."""

from __future__ import annotations

from pathlib import Path

from fault_trials.mirrors import MIRRORS, try_mirrors


def test_after_any_bad_mirror_comes_the_next_and_then_a_clear_message(memory: Path) -> None:
    records = list(try_mirrors(memory / "mirrors"))
    assert [problem for record in records for problem in record["problems"]] == []
    assert [record["mirror"] for record in records] == [*MIRRORS, "all of these"]
