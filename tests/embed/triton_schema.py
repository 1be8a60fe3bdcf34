"""Reads a config.pbtxt by Triton's own schema: run with the folder of the package ``tritonclient``, file and name."""

from __future__ import annotations

import sys

sys.path.insert(0, f"{sys.argv[1]}/tritonclient/grpc")

import model_config_pb2
from google.protobuf import text_format


def tensors(parts):
    return [(part.name, model_config_pb2.DataType.Name(part.data_type), list(part.dims)) for part in parts]


def main(path, name):
    with open(path, encoding="utf-8") as stream:
        config = text_format.Parse(stream.read(), model_config_pb2.ModelConfig())
    assert tensors(config.input) == [("image", "TYPE_UINT8", [1, 28, 28])], config
    assert sorted(tensors(config.output)) == [
        ("label", "TYPE_INT64", [1]),
        ("logits", "TYPE_FP32", [10]),
        ("probabilities", "TYPE_FP32", [10]),
    ], config
    (label,) = (part for part in config.output if part.name == "label")
    assert label.HasField("reshape"), label
    assert list(label.reshape.shape) == [], label
    assert (config.name, config.backend) == (name, "onnxruntime"), config
    assert config.max_batch_size > 1, config
    assert config.HasField("dynamic_batching"), config
    try:
        text_format.Parse('name: "x" max_batch: 3', model_config_pb2.ModelConfig())
    except text_format.ParseError:
        return
    raise AssertionError("an unknown field is not found")


if __name__ == "__main__":
    main(*sys.argv[2:])
