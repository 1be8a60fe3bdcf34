from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from random_models import IMAGES, weights_of

from mnistbench.catalog import find
from mnistbench.training import variants
from mnistbench.training.acceptance import Answers
from mnistbench.training.calibration import METHODS, Method, draw_sample
from mnistbench.training.variants import build_variant, choose_method

NETWORK = find("2-P-8-8-10")
SAMPLE = draw_sample(IMAGES, np.arange(len(IMAGES)) % 10)


@pytest.mark.parametrize(("precision", "calibrated"), [("fp32", False), ("fp16", False), ("int8", True), ("web", True)])
def test_a_variant_says_what_it_was_calibrated_on(precision: str, calibrated: bool) -> None:
    variant = build_variant(
        NETWORK.spec, weights_of(NETWORK.spec.layers), SAMPLE, name=NETWORK.name, precision=precision
    )
    assert variant.precision == precision
    assert (variant.calibration is not None) == calibrated
    if variant.calibration is not None:
        assert variant.calibration["num_images"] == 32
        assert variant.calibration["seed"] == 20
        assert variant.calibration["method"] in {method.name for method in METHODS}


@pytest.fixture
def errors_of(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, int]:
    """How many judged images are wrong in float and with each method; a method's model is called as it is."""
    errors: dict[str, int] = {}

    def quantize(
        model: onnx.ModelProto, ranges: object, kind: str, *, method: Method, input_dtype: str
    ) -> onnx.ModelProto:
        made = onnx.ModelProto()
        made.CopyFrom(model)
        made.graph.name = method.name
        return made

    def answers_of(content: bytes, images: np.ndarray, *, input_dtype: str) -> Answers:
        assert np.array_equal(images, SAMPLE.judged)
        name = onnx.load_from_string(content).graph.name
        labels = SAMPLE.judged_labels.copy()
        wrong = errors["float" if name == NETWORK.name else name]
        labels[:wrong] = (labels[:wrong] + 1) % 10
        return Answers(np.empty(0, np.float32), np.empty(0, np.float32), labels)

    monkeypatch.setattr(variants, "quantize", quantize)
    monkeypatch.setattr(variants, "answers_of", answers_of)
    monkeypatch.setattr(variants, "find_ranges", lambda *_args, **_keywords: {})
    return errors


@pytest.mark.parametrize(
    ("wrong", "chosen"),
    [
        ((1, 1, 0, 0), "minmax"),  # good enough: the others are not tried
        ((3, 0, 0, 0), "minmax"),
        ((1, 9, 1, 0), "percentile-99.99"),
        ((1, 9, 8, 1), "minmax-float-ends"),
        ((1, 9, 8, 7), "minmax-float-ends"),
        ((1, 9, 7, 7), "percentile-99.99"),
        ((0, 9, 9, 9), "minmax"),
    ],
)
def test_the_plainest_that_is_good_enough_is_taken(
    errors_of: dict[str, int], wrong: tuple[int, ...], chosen: str
) -> None:
    errors_of |= dict(zip(("float", *(method.name for method in METHODS)), wrong, strict=True))
    plain = build_variant(NETWORK.spec, weights_of(NETWORK.spec.layers), SAMPLE, name=NETWORK.name, precision="fp32")
    method, model = choose_method(plain.model, SAMPLE, "int8", input_dtype="uint8")
    assert method.name == model.graph.name == chosen


def test_two_layers_have_none_between_their_ends(errors_of: dict[str, int]) -> None:
    network = find("16-10")
    errors_of |= {"float": 0, network.name: 0, "minmax": 9, "percentile-99.99": 8}
    plain = build_variant(network.spec, weights_of(network.spec.layers), SAMPLE, name=NETWORK.name, precision="fp32")
    method, _ = choose_method(plain.model, SAMPLE, "int8", input_dtype="uint8")
    assert method.name == "percentile-99.99"
