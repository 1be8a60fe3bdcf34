from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from random_models import IMAGES, plain_model

from mnistbench.catalog import find
from mnistbench.training.calibration import (
    CALIBRATION_IMAGES,
    JUDGED_IMAGES,
    METHODS,
    SEED,
    Batches,
    Method,
    draw_sample,
    feed,
    find_ranges,
)

NETWORK = find("2-P-8-10")


def numbered(count: int) -> np.ndarray:
    """Images of which each is told by its first two pixels."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(count) // 256, np.arange(count) % 256
    return images


def numbers(images: np.ndarray) -> list[int]:
    return [int(image[0, 0]) * 256 + int(image[0, 1]) for image in images]


@pytest.mark.parametrize(
    ("count", "calibrated", "judged"),
    [(1, 1, 1), (2, 1, 1), (3, 2, 1), (400, 200, 200), (6500, CALIBRATION_IMAGES, JUDGED_IMAGES)],
)
def test_images_are_drawn_once_each(count: int, calibrated: int, judged: int) -> None:
    sample = draw_sample(numbered(count), np.arange(count) % 10)
    first, second = numbers(sample.calibration), numbers(sample.judged)
    assert (len(first), len(second), sample.seed) == (calibrated, judged, SEED)
    assert len({*first, *second}) == (calibrated + judged if count > 1 else 1)
    assert sample.judged_labels.tolist() == [number % 10 for number in second]


def test_the_seed_draws() -> None:
    images, labels = numbered(100), np.arange(100) % 10
    first, again, other = (draw_sample(images, labels, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.calibration, again.calibration)
    assert not np.array_equal(first.calibration, other.calibration)
    # The draw stays what it is: published files stand on it.
    assert numbers(draw_sample(images, labels).calibration)[:5] == [67, 8, 94, 75, 15]


@pytest.mark.parametrize("count", [0, 1, 100, 250])
def test_batches_have_every_image_once(count: int) -> None:
    batches, seen = Batches(numbered(count), "uint8"), []
    while (given := batches.get_next()) is not None:
        seen.append(given["image"])
    assert batches.get_next() is None
    assert [len(batch) for batch in seen] == [100] * (count // 100) + [count % 100] * (count % 100 > 0)
    assert [number for batch in seen for number in numbers(batch[:, 0])] == [*range(count)]


def test_images_as_a_model_takes_them() -> None:
    assert feed(IMAGES, "uint8").dtype == np.uint8
    pixels = feed(IMAGES, "float32")
    assert (pixels.dtype, pixels.shape) == (np.float32, (len(IMAGES), 1, 28, 28))
    assert np.allclose(pixels[:, 0] * 255, IMAGES)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_ranges_hold_what_was_seen(method: Method, input_dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = plain_model(NETWORK, input_dtype)
    ranges = find_ranges(model, IMAGES, method, input_dtype=input_dtype)
    assert {"conv1", "relu1", "pool1", "flatten", "fc1", "relu2", "logits"} <= set(ranges)
    for name, (low, high) in ranges.items():
        assert low <= 0 < high, name
        # Eleven bits at most, so that the last bits of a processor's sums do not show.
        assert high * 2.0 ** (10 - np.frexp(high)[1]) % 1 == 0, name
    assert ranges["relu1"][0] == 0
    pixels = "scale" if input_dtype == "uint8" else "image"
    if method.calibrate_method == "MinMax":
        assert ranges[pixels] == (0, 1)
    assert capsys.readouterr() == ("", "")


def test_ranges_are_the_largest_values_rounded_outward() -> None:
    model = plain_model(NETWORK)
    fc1 = next(node for node in model.graph.node if node.name == "fc1")
    model.graph.output.append(onnx.helper.make_tensor_value_info(fc1.output[0], onnx.TensorProto.FLOAT, None))
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(["fc1"], {"image": IMAGES[:, None]})[0]
    low, high = find_ranges(plain_model(NETWORK), IMAGES, METHODS[0], input_dtype="uint8")["fc1"]
    assert values.max() <= high <= values.max() * 1.002
    assert values.min() * 1.002 <= low <= values.min()


def test_a_layer_that_is_silent_has_a_range_all_the_same() -> None:
    model = plain_model(NETWORK)
    for tensor in model.graph.initializer:
        if tensor.name in ("fc1.weight", "fc1.bias"):
            array = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(np.full_like(array, -1), tensor.name))
    low, high = find_ranges(model, IMAGES, METHODS[0], input_dtype="uint8")["relu2"]
    assert (low, 0 < high < 0.01) == (0, True)


def test_the_plainest_method_comes_first() -> None:
    assert METHODS[0] == Method("minmax")
    assert len({method.name for method in METHODS}) == len(METHODS)
