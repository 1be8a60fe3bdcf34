"""What an ONNX model says about itself, read from its bytes without the onnx package.

The bytes may be hostile: nesting, lengths and the number of fields are limited,
and tensor data is skipped, not read. Knows nothing of files or onnxruntime.

Source: ``onnx/onnx.proto``, whose field numbers appear below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from mnistbench.errors import ModelError
from mnistbench.runtime.protobuf import Reader, signed, varint

_MAX_GRAPH_DEPTH = 16
_MAX_RANK = 32
_DEFAULT_LOCATION = 0
_COMPILED = "EPContext"
_FLOAT_TYPES = frozenset({1, 10, 11, 16})  # float, float16, double, bfloat16


@dataclass(frozen=True)
class OnnxInfo:
    """The facts of one file."""

    size_bytes: int
    ir_version: int
    opsets: Mapping[str, int]
    """Version by domain; ``""`` is the standard domain."""
    producer: str
    metadata: Mapping[str, str]
    """``metadata_props``: free text by key."""
    inputs: tuple[str, ...]
    """Names of the graph's inputs, without those that an initialiser fills."""
    outputs: tuple[str, ...]
    num_parameters: int
    """Elements of the weights. Counted are float initialisers, and integer ones that a
    ``DequantizeLinear`` turns into floats (the weights of a quantised model). Not counted are
    scalars (constants of the preprocessing), a quantised model's scales and zero points, and
    integers such as shapes."""
    external_data: bool
    """Whether the file may name others: any tensor does not lie in it, also inside a node's attributes, or
    a node holds or names what a provider has compiled."""


def parse_onnx(content: bytes | memoryview, *, source: str = "the model") -> OnnxInfo:
    """Read the facts from an ONNX file's bytes; ``source`` is what messages call it.

    Raises:
        ModelError: When the bytes are not an ONNX file, or are damaged.
    """
    if len(content) == 0:
        raise ModelError(f"{source} is empty; export or download it again")
    collector = _Collector()
    with memoryview(content) as view:
        try:
            collector.model(view)
        except ModelError as error:
            # Slices of the file live on in the traceback's frames; a map cannot be closed under them.
            message = str(error)
        else:
            message = collector.problem()
    if message:
        raise ModelError(f"{source} is not a usable ONNX file: {message}; export or download it again")
    return collector.info(len(content))


@dataclass
class _Collector:
    """Walks the messages; method names are those of the messages in ``onnx.proto``."""

    reader: Reader = field(default_factory=Reader)
    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    producer: list[str] = field(default_factory=lambda: ["", ""])
    metadata: dict[str, str] = field(default_factory=dict)
    num_graphs: int = 0
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    initializers: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Data type, rank and number of elements by name, in all graphs."""
    dequantized: set[str] = field(default_factory=set)
    scales: set[str] = field(default_factory=set)
    external: bool = False

    def problem(self) -> str:
        """What the file lacks, or nothing."""
        if self.num_graphs == 0:
            return "it holds no graph"
        if self.ir_version <= 0:
            return "it does not say its IR version"
        return ""

    def info(self, size_bytes: int) -> OnnxInfo:
        weights = sum(
            count for name, (kind, rank, count) in self.initializers.items() if self._counts(name, kind, rank)
        )
        return OnnxInfo(
            size_bytes=size_bytes,
            ir_version=self.ir_version,
            opsets=self.opsets,
            producer=" ".join(part for part in self.producer if part),
            metadata=self.metadata,
            inputs=tuple(name for name in self.inputs if name not in self.initializers),
            outputs=tuple(self.outputs),
            num_parameters=weights,
            external_data=self.external,
        )

    def _counts(self, name: str, data_type: int, rank: int) -> bool:
        if rank == 0 or name in self.scales:
            return False
        return data_type in _FLOAT_TYPES or name in self.dequantized

    def model(self, message: memoryview) -> None:
        for number, value in self.reader.fields(message):
            if number == 1:
                self.ir_version = _integer(value)
            elif number in (2, 3):
                self.producer[number - 2] = _text(value)
            elif number == 7:
                self.num_graphs += 1
                self.graph(_bytes(value), depth=0)
            elif number == 8:
                self.opset_import(_bytes(value))
            elif number == 14:
                entry = {part: _text(content) for part, content in self.reader.fields(_bytes(value)) if part in (1, 2)}
                self.metadata[entry.get(1, "")] = entry.get(2, "")
            elif number == 20:
                self.training_info(_bytes(value))
            elif number == 25:
                self.function(_bytes(value))

    def opset_import(self, message: memoryview) -> None:
        domain, version = "", 0
        for number, value in self.reader.fields(message):
            if number == 1:
                domain = _text(value)
            elif number == 2:
                version = _integer(value)
        self.opsets["" if domain == "ai.onnx" else domain] = version

    def training_info(self, message: memoryview) -> None:
        for number, value in self.reader.fields(message):
            if number in (1, 2):
                self.graph(_bytes(value), depth=1)

    def function(self, message: memoryview) -> None:
        for number, value in self.reader.fields(message):
            if number == 7:
                self.node(_bytes(value), depth=1)
            elif number == 11:
                self.attribute(_bytes(value), depth=1)

    def graph(self, message: memoryview, *, depth: int) -> None:
        if depth > _MAX_GRAPH_DEPTH:
            raise ModelError(f"its graphs are nested more than {_MAX_GRAPH_DEPTH} deep")
        for number, value in self.reader.fields(message):
            if number == 1:
                self.node(_bytes(value), depth=depth)
            elif number == 5:
                name, data_type, rank, count = self.tensor(_bytes(value))
                self.initializers[name] = (data_type, rank, count)
            elif number == 15:
                self.sparse_tensor(_bytes(value))
            elif number in (11, 12) and depth == 0:
                names = self.inputs if number == 11 else self.outputs
                names.extend(_text(content) for part, content in self.reader.fields(_bytes(value)) if part == 1)

    def node(self, message: memoryview, *, depth: int) -> None:
        inputs: list[str] = []
        operator = ""
        for number, value in self.reader.fields(message):
            if number == 1:
                inputs.append(_text(value))
            elif number == 4:
                operator = _text(value)
                # Its attributes name a file, such as an engine of TensorRT, unless they hold its content.
                self.external = self.external or operator == _COMPILED
            elif number == 5:
                self.attribute(_bytes(value), depth=depth)
        if operator in ("QuantizeLinear", "DequantizeLinear"):
            self.scales.update(inputs[1:])
        if operator == "DequantizeLinear":
            self.dequantized.update(inputs[:1])

    def attribute(self, message: memoryview, *, depth: int) -> None:
        for number, value in self.reader.fields(message):
            if number in (5, 10):
                self.tensor(_bytes(value))
            elif number in (6, 11):
                self.graph(_bytes(value), depth=depth + 1)
            elif number in (22, 23):
                self.sparse_tensor(_bytes(value))

    def sparse_tensor(self, message: memoryview) -> None:
        for number, value in self.reader.fields(message):
            if number in (1, 2):
                name, data_type, rank, count = self.tensor(_bytes(value))
                if number == 1:
                    self.initializers[name] = (data_type, rank, count)

    def tensor(self, message: memoryview) -> tuple[str, int, int, int]:
        """Name, data type, rank and number of elements."""
        dims: list[int] = []
        name, data_type, raw_bytes = "", 0, None
        for number, value in self.reader.fields(message):
            if number == 1 and isinstance(value, int):
                dims.append(signed(value))
            elif number == 1:
                dims.extend(_packed(_bytes(value)))
            elif number == 2:
                data_type = _integer(value)
            elif number == 8:
                name = _text(value)
            elif number == 9:
                raw_bytes = len(_bytes(value))
            elif number == 13 or (number == 14 and value != _DEFAULT_LOCATION):
                self.external = True
            if len(dims) > _MAX_RANK:
                raise ModelError(f"a tensor has more than {_MAX_RANK} dimensions")
        if any(size < 0 for size in dims):
            raise ModelError(f"the tensor {name[:80]!r} has a negative dimension")
        count = math.prod(dims)
        # Stops a short file that asks its reader for terabytes; 4-bit types pack two elements into a byte.
        if raw_bytes is not None and count > 4 * max(raw_bytes, 1) and not self.external:
            raise ModelError(f"the tensor {name[:80]!r} says it has {count:,} elements and brings {raw_bytes:,} bytes")
        return name, data_type, len(dims), count


def _packed(message: memoryview) -> list[int]:
    values: list[int] = []
    position = 0
    while position < len(message) and len(values) <= _MAX_RANK:
        value, position = varint(message, position)
        values.append(signed(value))
    return values


def _bytes(value: int | memoryview | None) -> memoryview:
    if isinstance(value, memoryview):
        return value
    raise ModelError("it is damaged: a number where a message belongs")


def _integer(value: int | memoryview | None) -> int:
    if isinstance(value, int):
        return signed(value)
    raise ModelError("it is damaged: bytes where a number belongs")


def _text(value: int | memoryview | None) -> str:
    return bytes(_bytes(value)).decode("utf-8", errors="replace")
