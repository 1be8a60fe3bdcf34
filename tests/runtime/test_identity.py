from __future__ import annotations

import numpy as np
import onnx

from mnistbench.runtime.devices import CPU
from mnistbench.runtime.identity import INPUT, OUTPUT, identity_model
from mnistbench.runtime.onnx_parser import parse_onnx
from mnistbench.runtime.session import create_session


def test_it_is_a_valid_model_that_gives_back_what_it_gets():
    onnx.checker.check_model(onnx.load_from_string(identity_model()), full_check=True)
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    assert np.array_equal(create_session(identity_model(), CPU).run([OUTPUT], {INPUT: images})[0], images)
    assert parse_onnx(identity_model()).num_parameters == 0
