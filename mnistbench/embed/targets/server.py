"""What the kits for Triton and KServe share: Triton's model repository, requests of protocol v2, and who asks."""

from __future__ import annotations

from mnistbench.embed.contents import (
    common_files,
    common_values,
    golden_files,
    json_text,
    pixels_of,
    probabilities_of,
)
from mnistbench.embed.golden import Golden, GoldenCase
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.templates import filled, plain_files

_CLIENT = ("client.py", "predict.py", "self_test.py")


def server_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """Model repository, golden vectors and the programs that ask a server, by their paths in the kit."""
    values = common_values(model, golden)
    folder = f"model_repository/{model.name}"
    shared = common_files(model, model_path=f"{folder}/1/model.onnx")
    example = next((case for case in golden.cases if case.name == values["EXAMPLE"]), golden.cases[0])
    return {
        **plain_files("server", _CLIENT, values),
        **shared,
        f"{folder}/config.pbtxt": filled("triton/config.pbtxt", values),
        f"{folder}/labels.txt": shared["labels.txt"],
        **golden_files(model, golden, pictures="pgm"),
        "golden/request.json": json_text(_request(example)),
        "golden/response.json": json_text(_response(example, model)),
    }


def _request(case: GoldenCase) -> dict[str, object]:
    image = {"name": "image", "shape": [1, 1, 28, 28], "datatype": "UINT8", "data": pixels_of(case)}
    return {"inputs": [image], "outputs": [{"name": "label"}, {"name": "probabilities"}]}


def _response(case: GoldenCase, model: EmbeddedModel) -> dict[str, object]:
    label = {"name": "label", "datatype": "INT64", "shape": [1, 1], "data": [case.label]}
    probabilities = {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": probabilities_of(case)}
    return {"model_name": model.name, "model_version": "1", "outputs": [label, probabilities]}
