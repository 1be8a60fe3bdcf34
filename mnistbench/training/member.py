"""One model that is to be merged with others: read, and refused unless it keeps the contract. Knows no other member."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, shape_inference

from mnistbench.artifacts import ModelFile, called
from mnistbench.errors import ExportError, ModelError
from mnistbench.layers import INPUT_SHAPE, NUM_CLASSES
from mnistbench.precisions import MIXED, PRECISIONS
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.onnx_parser import OnnxInfo
from mnistbench.training.description import LABELS, describe_value
from mnistbench.training.graph import IR_VERSION, OPSET

INPUT = "image"
_OUTPUTS = {
    "logits": ("float32", [NUM_CLASSES]),
    "probabilities": ("float32", [NUM_CLASSES]),
    "label": ("int64", []),
}
_CONTRACT = (
    f"expected the input {INPUT}, uint8 [batch, 1, 28, 28], and the outputs logits, probabilities and label, "
    "as 'mnistbench export' writes them"
)


@dataclass(frozen=True, eq=False)
class Member:
    """A model of the contract and what its metadata says.

    Attributes:
        name: What it is called, with ``@int8`` and the like behind it in other precisions than ``fp32``.
        source: Where it was read, for messages.
        content: The file's bytes.
        model: The same, parsed.
        info: The file's facts.
        sha256: Of the bytes.
    """

    name: str
    source: str
    content: bytes
    model: onnx.ModelProto
    info: OnnxInfo
    sha256: str

    @property
    def metadata(self) -> Mapping[str, str]:
        """The file's metadata properties."""
        return self.info.metadata

    @property
    def notation(self) -> str:
        """The network's notation, or the name where the file does not say one."""
        return self.metadata.get("mnistbench.notation", self.name)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the ten classes in order; the digits where the file does not say."""
        text = self.metadata.get("names")
        if text is None:
            return LABELS
        try:
            names = ast.literal_eval(text)
            return tuple(str(names[index]) for index in range(len(names)))
        except (ValueError, SyntaxError, TypeError, LookupError, RecursionError, MemoryError):
            raise ExportError(f"{self.source}: its metadata names no classes: {text!r:.60}") from None

    @property
    def precision(self) -> str:
        """``fp32`` and the like as the file says it (``mixed`` of some ensembles), otherwise by its weights."""
        if (said := self.metadata.get("mnistbench.precision")) in (*PRECISIONS, MIXED):
            return str(said)
        if any(node.op_type == "DequantizeLinear" for node in self.model.graph.node):
            return "int8"
        types = {tensor.data_type for tensor in self.model.graph.initializer}
        return "fp16" if TensorProto.FLOAT16 in types else "fp32"

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, counted in the graph."""
        return count_macs(self.model)

    def as_dict(self) -> dict[str, Any]:
        """Who it is, for metadata and manifest."""
        said = {key: self.metadata.get(f"mnistbench.{key}") for key in ("dropout", "recipe", "seed")}
        return {
            "name": self.name,
            "precision": self.precision,
            "notation": self.notation,
            "sha256": self.sha256,
            "num_parameters": self.info.num_parameters,
            **{key: value for key, value in said.items() if value is not None},
        }


def read_member(file: ModelFile) -> Member:
    """Read a model and make sure that it can be merged.

    Raises:
        ModelError: When it cannot be read or is damaged.
        ExportError: When it has another contract, opset or IR version, data in other files or control flow.
    """
    source = str(file.path)
    info = read_onnx_file(file.path)
    if info.external_data:
        raise ExportError(f"{source} keeps weights in other files; {_CONTRACT}, in one file")
    try:
        content = file.path.read_bytes()
        model = onnx.load_model_from_string(content)
    except (OSError, DecodeError) as error:
        raise ModelError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    member = Member(file.name, source, content, model, info, hashlib.sha256(content).hexdigest())
    if (name := info.metadata.get("mnistbench.name")) is not None:
        # The name of an ensemble says its members' precisions already.
        is_ensemble = "mnistbench.members" in info.metadata
        member = replace(member, name=name if is_ensemble else called(name, member.precision))
    _require_versions(member)
    _require_contract(member)
    return member


def count_macs(model: onnx.ModelProto) -> int:
    """Multiply-accumulates for one image: those of the convolutions and products, by the shapes of their weights."""
    inferred = shape_inference.infer_shapes(model).graph
    shapes = {value.name: _dims(value) for value in (*inferred.value_info, *inferred.output)}
    shapes |= {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    macs = 0
    for node in inferred.node:
        if node.op_type not in {"Conv", "Gemm", "MatMul"}:
            continue
        weight = shapes.get(node.input[1], [])
        # The output's place of a filter; a product's weights are each used once an image.
        places = shapes.get(node.output[0], [])[2:] if node.op_type == "Conv" else []
        if all(isinstance(size, int) for size in (*weight, *places)):
            macs += prod(map(int, weight)) * prod(map(int, places))
    return macs


def _require_versions(member: Member) -> None:
    opsets, graph = dict(member.info.opsets), member.model.graph
    foreign = sorted(set(opsets) - {""} | {node.domain for node in graph.node} - {"", "ai.onnx"})
    if foreign:
        raise ExportError(f"{member.source} uses the operator domain {foreign[0]!r}; expected ONNX's own only")
    if opsets.get("") != OPSET or member.info.ir_version > IR_VERSION:
        raise ExportError(
            f"{member.source} has opset {opsets.get('', 'none')} and IR version {member.info.ir_version}; expected "
            f"opset {OPSET} and at most IR version {IR_VERSION}: export it again with 'mnistbench export'"
        )
    if member.model.functions or graph.sparse_initializer or any(map(_has_subgraph, graph.node)):
        raise ExportError(
            f"{member.source} has control flow, functions or sparse weights, which cannot be merged; {_CONTRACT}"
        )


def _require_contract(member: Member) -> None:
    graph, source = member.model.graph, member.source
    try:
        inputs = [describe_value(value) for value in graph.input]
        outputs = {value.name: describe_value(value) for value in graph.output}
    except KeyError:  # a type that numpy does not have
        inputs, outputs = [], {}
    if [given["name"] for given in inputs] != [INPUT] or outputs.keys() != _OUTPUTS.keys():
        names = ", ".join([*(value.name for value in graph.input), "->", *(value.name for value in graph.output)])
        raise ExportError(f"{source} has other inputs or outputs ({names:.120}); {_CONTRACT}")
    (given,) = inputs
    if given["dtype"] != "uint8":
        raise ExportError(
            f"{source} takes {given['dtype']} images; an ensemble takes uint8: export it with --input uint8"
        )
    batches = [given["shape"][:1], *(value["shape"][:1] for value in outputs.values())]
    fixed = [size for batch in batches for size in batch if isinstance(size, int) and size > 0]
    if fixed:
        raise ExportError(f"{source} takes batches of {fixed[0]} only; export it with a free batch, as {_CONTRACT}")
    if given["shape"][1:] != list(INPUT_SHAPE) or any(
        (outputs[name]["dtype"], outputs[name]["shape"][1:]) != wanted for name, wanted in _OUTPUTS.items()
    ):
        raise ExportError(f"{source} has inputs or outputs of other shapes or types; {_CONTRACT}")


def _has_subgraph(node: onnx.NodeProto) -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
