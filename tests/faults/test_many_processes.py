"""Processes at once in one folder; with sixteen by ``scripts/run_fault_trials.py processes``."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_trials.many_processes import run_together
from fault_trials.one_of_many import ACTIONS, LOCKS

CASES = [(what, kind) for what in ("export into a zoo", "results --save") for kind in LOCKS]
CASES += [(what, "without effect") for what in ACTIONS if what not in dict(CASES)]


@pytest.mark.parametrize(("what", "kind"), CASES)
def test_four_processes_at_once_all_succeed_and_lose_nothing(memory: Path, what: str, kind: str) -> None:
    assert run_together(what, 4, kind, memory / "together") == []
