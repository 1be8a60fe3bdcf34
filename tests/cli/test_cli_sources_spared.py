"""``--output`` never replaces what a command reads: the model itself, or the inputs that it is given."""

from __future__ import annotations

import os

import numpy as np
import pytest
from latency_models import write_model, write_other

SHORT = {
    "bench": ("--quick", "--processes", 1, "--batch", 1),
    "load": ("--scenario", "single-stream", "--duration", 0.01),
    "breakdown": ("--quick", "--batch", 1),
    "evaluate": (),
}


@pytest.mark.parametrize("linked", [False, True], ids=["itself", "by a link"])
@pytest.mark.parametrize("command", SHORT)
def test_a_model_is_never_replaced_by_its_results(cli, tmp_path, command, linked):
    model = write_model(tmp_path / "mine.onnx")
    target = tmp_path / "." / ("link.json" if linked else "mine.onnx")
    if linked:
        os.symlink(model, target)
    before = model.read_bytes()
    outcome = cli(command, model, *SHORT[command], "--output", target)
    outcome.fails_with("is read by this command; name another file", code=2)
    assert model.read_bytes() == before


@pytest.mark.parametrize("command", ["bench", "load", "breakdown"])
def test_nor_are_the_inputs_that_it_is_given(cli, tmp_path, command):
    inputs = tmp_path / "x.npy"
    np.save(inputs, np.ones((1, 3, 8, 4), np.float32))
    before = inputs.read_bytes()
    model = write_other(tmp_path / "mine.onnx")
    outcome = cli(command, model, *SHORT[command], "--input-file", inputs, "--output", inputs)
    outcome.fails_with("is read by this command", code=2)
    assert inputs.read_bytes() == before


def test_nor_by_the_settings_that_tuning_finds(cli, tmp_path):
    model = write_model(tmp_path / "mine.onnx")
    before = model.read_bytes()
    outcome = cli("bench", model, *SHORT["bench"], "--tune", "--output", model)
    outcome.fails_with("is read by this command", code=2)
    assert model.read_bytes() == before
