"""What a process of a cluster says, found out without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny import make_dataset

from mnistbench._version import __version__
from mnistbench.errors import ProcessError
from mnistbench.training.executor import Sweep
from mnistbench.training.ray_actor import Terms, Trainer
from mnistbench.training.slots import Slot
from mnistbench.training.stores import Store


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such users")
def test_a_machine_without_a_home_is_left_out_and_says_why(homeless, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    terms = Terms("10.0.0.7", __version__, frozenset(), Path("mark"), Store((tmp_path / "store").as_uri()))
    said = Trainer().train(Sweep((), make_dataset, tmp_path / "work"), Slot("cpu"), terms)
    ((kind, _key, error),) = next(said)
    assert kind == "broken"
    assert isinstance(error, ProcessError)
    assert str(error).startswith("10.0.0.7 cannot train: cannot tell where the user's cache is")
    assert list(tmp_path.iterdir()) == []
