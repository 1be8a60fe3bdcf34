from __future__ import annotations

import numpy as np
import onnx
import pytest
from ensembles import tiny_model
from onnx import TensorProto, helper, numpy_helper

from mnistbench.layers import NUM_CLASSES
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.onnx_parser import parse_onnx
from mnistbench.runtime.session import create_session
from mnistbench.training.graph import check_model, to_bytes
from mnistbench.training.merge import merge_models

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 1, 28, 28), dtype=np.uint8)


def answers(model: onnx.ModelProto, images: np.ndarray = IMAGES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    session = create_session(to_bytes(model), resolve_device("cpu"))
    logits, probabilities, label = session.run(["logits", "probabilities", "label"], {"image": images})
    return logits, probabilities, label


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(float) - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize(
    "texts", [("4-10", "4-10"), ("4-10", "2-P-4-10", "2-P-3-P-10"), ("4-10",) * 9], ids=lambda texts: str(len(texts))
)
def test_probabilities_are_the_mean_and_the_rest_follows_from_them(texts):
    models = [tiny_model(text, seed) for seed, text in enumerate(texts)]
    merged = merge_models(models, name="all")
    check_model(merged, "all")
    logits, probabilities, label = answers(merged)
    mean = np.mean([answers(model)[1].astype(float) for model in models], axis=0)
    assert np.abs(probabilities - mean).max() < 1e-6
    assert np.array_equal(label, mean.argmax(1))
    assert np.abs(softmax(logits) - probabilities).max() < 1e-6
    assert len(set(label)) > 1


def test_it_is_not_the_mean_of_the_logits():
    models = [tiny_model("4-10", seed, scale=1.0) for seed in range(3)]
    mean_logits = softmax(np.mean([answers(model)[0] for model in models], axis=0))
    assert np.abs(answers(merge_models(models, name="all"))[1] - mean_logits).max() > 0.1


def test_the_contract_is_every_models():
    single, merged = tiny_model(), merge_models([tiny_model(seed=seed) for seed in range(2)], name="all")
    assert list(merged.graph.input) == list(single.graph.input)
    assert list(merged.graph.output) == list(single.graph.output)
    assert (merged.ir_version, merged.opset_import) == (single.ir_version, single.opset_import)
    assert answers(merged, IMAGES[:0])[2].shape == (0,)


def test_names_say_where_each_node_comes_from():
    merged = merge_models([tiny_model("2-P-4-10", seed) for seed in range(2)], name="all")
    names = [node.name for node in merged.graph.node]
    assert len(set(names)) == len(names)
    assert {"member1.conv1", "member2.fc2", "sum2", "probabilities", "logits", "label"} <= set(names)
    assert {"member1.conv1.weight", "member2.fc2.bias", "member_share"} <= {i.name for i in merged.graph.initializer}
    # What only a member's label needs is left out.
    assert not {"member1.label", "member2.label"} & set(names)


def test_parameters_are_the_members_together():
    models = [tiny_model("2-P-4-10", seed) for seed in range(3)]
    counts = [parse_onnx(to_bytes(model)).num_parameters for model in models]
    assert parse_onnx(to_bytes(merge_models(models, name="all"))).num_parameters == sum(counts) > 0


def test_the_bytes_depend_on_the_members_alone():
    first, again = (to_bytes(merge_models([tiny_model(seed=s) for s in (0, 1)], name="all")) for _ in range(2))
    assert first == again
    assert first != to_bytes(merge_models([tiny_model(seed=s) for s in (1, 0)], name="all"))


def test_an_ensemble_can_be_a_member():
    inner = merge_models([tiny_model(seed=seed) for seed in range(2)], name="inner")
    outer = merge_models([inner, tiny_model(seed=2)], name="outer")
    check_model(outer, "outer")
    assert "member1.member2.fc1" in {node.name for node in outer.graph.node}
    expected = (answers(inner)[1] + answers(tiny_model(seed=2))[1]) / 2
    assert np.abs(answers(outer)[1] - expected).max() < 1e-6


def test_a_node_without_a_name_is_called_by_what_it_gives():
    model = tiny_model()
    for node in model.graph.node:
        node.name = ""
    merged = merge_models([model, tiny_model(seed=1)], name="all")
    assert "member1.fc1" in {node.name for node in merged.graph.node}


def test_probabilities_of_nothing_have_finite_logits():
    def certain(digit: int) -> onnx.ModelProto:
        model = tiny_model()
        bias = next(tensor for tensor in model.graph.initializer if tensor.name == "fc2.bias")
        bias.CopyFrom(numpy_helper.from_array(np.where(np.arange(10) == digit, 1e4, 0).astype(np.float32), "fc2.bias"))
        return model

    logits, probabilities, label = answers(merge_models([certain(3), certain(5)], name="all"))
    assert np.array_equal(probabilities[0], [0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0])
    assert np.isfinite(logits).all()
    assert np.abs(softmax(logits) - probabilities).max() < 1e-6
    assert set(label) == {3}


def test_optional_inputs_stay_empty():
    given = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 1, 28, 28])
    model = tiny_model()
    clip = helper.make_node("Clip", ["fc1", "", "six"], ["clipped"], name="clip")
    position = next(i for i, node in enumerate(model.graph.node) if node.name == "relu1")
    model.graph.node[position].input[0] = "clipped"
    model.graph.node.insert(position, clip)
    model.graph.initializer.append(numpy_helper.from_array(np.array(6, np.float32), "six"))
    merged = merge_models([model, tiny_model(seed=1)], name="all")
    assert next(node for node in merged.graph.node if node.name == "member1.clip").input[1] == ""
    assert given == merged.graph.input[0]
    assert answers(merged)[1].shape == (30, NUM_CLASSES)
