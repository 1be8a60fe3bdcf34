"""What a model takes, as plain data that a fresh process can be given.

A model that reads digits has a plan for images. Any other model gets tensors of
the shapes that it declares or that the user says, random or from a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError, ModelError
from mnistbench.runtime.contract import DTYPES
from mnistbench.runtime.input_plan import InputPlan

TENSORS = DTYPES | {"tensor(bool)": "bool"}
"""numpy's names of the types that can be made and compared; images come in those of :data:`DTYPES`."""

MOST_BYTES = 4 << 30
"""Of one input; more is a slip of the keyboard."""

_BEGINNINGS = (b"\x93NUMPY", b"PK")
"""Of an ``.npy`` file, and of an archive such as ``.npz``."""

Size = int | None
"""Of an axis; ``None`` is the batch."""


@dataclass(frozen=True)
class Inputs:
    """What the timed calls give a model and ask of it."""

    outputs: tuple[str, ...]
    """Names of the outputs."""
    plan: InputPlan | None = None
    """For digits; without it the next three count."""
    shapes: Mapping[str, tuple[Size, ...]] = field(default_factory=dict, hash=False)
    """By name of the input."""
    dtypes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """numpy's names, by name of the input."""
    file: str | None = None
    """An ``.npy`` or ``.npz`` file with the tensors; random ones when ``None``."""
    given_batch: int | None = None
    """Size of the first axis of the given tensors."""

    @property
    def fixed_batch(self) -> int | None:
        """The only batch size that is possible; ``None`` when any is."""
        if self.plan is not None:
            return self.plan.batch_size
        if self.file is not None:
            return self.given_batch
        if any(size is None for shape in self.shapes.values() for size in shape):
            return None
        return next((shape[0] for shape in self.shapes.values() if shape), 1)

    def only_batch(self, name: str) -> str:
        """Why no other batch size is possible, for a model of this name: ``lenet5 takes batches of 8 only``."""
        if self.plan is None and self.file is not None:
            return f"{Path(self.file).name} has a batch of {self.given_batch}, which is all that {name} is given"
        return f"{name} takes batches of {self.fixed_batch} only"

    @property
    def advice(self) -> str:
        """What to do where the model fails on them, to be put behind an error; empty where they are no random ones."""
        if self.plan is not None or self.file is not None:
            return ""
        return (
            f"; its inputs were drawn at random ({self.describe():.200}): "
            "where it takes certain values only, give them with --input-file"
        )

    def describe(self) -> str:
        """The tensors in words: ``x float32 [N, 3, 224, 224]``."""
        return ", ".join(f"{name} {self.dtypes[name]} {show_shape(shape)}" for name, shape in self.shapes.items())

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        plan = self.plan.as_dict() if self.plan is not None else None
        shapes = {name: list(shape) for name, shape in self.shapes.items()}
        return {**dataclasses.asdict(self), "plan": plan, "outputs": list(self.outputs), "shapes": shapes}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What :meth:`as_dict` gave."""
        plan = document["plan"]
        changes = {
            "plan": InputPlan(**plan) if plan is not None else None,
            "outputs": tuple(document["outputs"]),
            "shapes": {name: tuple(shape) for name, shape in document["shapes"].items()},
        }
        return cls(**{**document, **changes})

    def random(self, batch_size: int, generator: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """Tensors by name: floats from 0 to 1, bytes from 0 to 255, other whole numbers from 0 to 9, either bool.

        Raises:
            InputError: When one would be larger than :data:`MOST_BYTES`.
        """
        tensors: dict[str, npt.NDArray[Any]] = {}
        for name, sizes in self.shapes.items():
            shape, dtype = tuple(batch_size if size is None else size for size in sizes), np.dtype(self.dtypes[name])
            if dtype.itemsize * np.prod([float(size) for size in shape]) > MOST_BYTES:
                raise InputError(f"the input {name!r} of shape {shape} has more than {MOST_BYTES >> 30} GiB")
            if dtype.kind == "f":
                tensors[name] = generator.random(shape, dtype=np.float32).astype(dtype)
            elif dtype.kind == "b":
                tensors[name] = generator.integers(0, 2, shape).astype(dtype)
            else:
                tensors[name] = generator.integers(0, 256 if dtype == np.uint8 else 10, shape).astype(dtype)
        return tensors

    def read(self, path: Path) -> dict[str, npt.NDArray[Any]]:
        """Tensors by name from a file, checked against dtypes and shapes.

        Raises:
            ModelError: When it cannot be read, or has not what the model takes.
        """
        if path.suffix == ".npy" and path.is_file() and path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{path} is larger than {MOST_BYTES >> 30} GiB")
        arrays = _load(path, list(self.shapes))
        for name, sizes in self.shapes.items():
            if name not in arrays:
                raise ModelError(f"{path} has no array {name!r}; it has {', '.join(arrays)[:200] or 'none'}")
            array = arrays[name]
            fits = len(sizes) == array.ndim and all(
                size is None or size == have for size, have in zip(sizes, array.shape, strict=True)
            )
            if str(array.dtype) != self.dtypes[name] or not fits:
                raise ModelError(
                    f"{path} has {name!r} as {array.dtype} {list(array.shape)}; the model takes "
                    f"{self.dtypes[name]} {show_shape(sizes)}"
                )
        # Not numpy.ascontiguousarray, which makes a list of one number out of a number.
        return {name: np.asarray(arrays[name], order="C") for name in self.shapes}


def tensor_inputs(
    session: Any, shapes: Mapping[str | None, Sequence[Size]] | None = None, file: Path | None = None
) -> Inputs:
    """The inputs of a model that need not have anything to do with images.

    Args:
        session: A loaded model, which says names, types and shapes.
        shapes: What the user says of them; the key ``None`` means the only input.
        file: Given tensors.

    Raises:
        ModelError: When a size is open that nothing tells, or a shape does not fit the model.
    """
    wanted = dict(shapes or {})
    arguments = session.get_inputs()
    names = [str(argument.name) for argument in arguments]
    if None in wanted:
        if len(names) != 1:
            raise ModelError(f"the model has {len(names)} inputs; name the shape's: {' or '.join(names)[:200]}")
        wanted[names[0]] = wanted.pop(None)
    strangers = [name for name in wanted if name not in names]
    if strangers:
        raise ModelError(f"the model has no input {strangers[0]!r:.80}; it has {', '.join(names)[:200] or 'none'}")
    found: dict[str, tuple[Size, ...]] = {}
    dtypes: dict[str, str] = {}
    for argument in arguments:
        if argument.type not in TENSORS:
            raise ModelError(
                f"the input {argument.name!r} is a {argument.type}; only tensors of numbers or bool can be made"
            )
        dtypes[argument.name] = TENSORS[argument.type]
        declared = list(argument.shape or [])
        given = wanted.get(argument.name)
        found[argument.name] = _given(argument.name, declared, given) if given is not None else _declared(
            argument.name, declared, is_read=file is not None
        )  # fmt: skip
    outputs = tuple(output.name for output in session.get_outputs() if output.type in TENSORS)
    if not outputs:
        raise ModelError("the model has no output that is a tensor of numbers or bool: no answer could be checked")
    if any(size == 0 for shape in found.values() for size in shape):
        raise ModelError("an input would be empty; expected sizes from 1 on")
    inputs = Inputs(outputs, None, found, dtypes)
    if file is None:
        return inputs
    arrays = inputs.read(file)
    batch = next((array.shape[0] for array in arrays.values() if array.ndim), 1)
    if any(array.size == 0 for array in arrays.values()):
        raise ModelError(f"{file} has an empty array; expected sizes from 1 on")
    sizes = {name: array.shape for name, array in arrays.items()}
    return dataclasses.replace(inputs, shapes=sizes, file=str(file.resolve()), given_batch=batch)


def parse_shape(text: str) -> tuple[str | None, tuple[Size, ...]]:
    """A shape as the user says it: ``Nx3x224x224``, ``NAME=1x3x224x224``; ``N`` is the batch, ``NAME=`` a scalar.

    Raises:
        InputError: When it is none.
    """
    name, equals, sizes = text.rpartition("=")
    parts = [part.strip() for part in re.split("[x,]", sizes)] if sizes.strip() else []
    if not (parts or equals) or not all(part in ("N", "n") or re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise InputError(f"{text!r:.80} is no shape; expected NAME=Nx3x224x224, N for the batch size")
    return (name if equals else None), tuple(None if part in ("N", "n") else int(part) for part in parts)


def show_shape(sizes: Sequence[Size]) -> str:
    """``[N, 3, 224, 224]``."""
    return "[" + ", ".join("N" if size is None else str(size) for size in sizes) + "]"


def _declared(name: str, declared: Sequence[int | str | None], *, is_read: bool) -> tuple[Size, ...]:
    """Sizes as the model says them; an open first one is the batch, another open one has to be told."""
    sizes: list[Size] = [size if isinstance(size, int) else None for size in declared]
    if not is_read and any(size is None for size in sizes[1:]):
        shown = "x".join("N" if i == 0 and s is None else str(s or "?") for i, s in enumerate(sizes))
        raise ModelError(
            f"the input {name!r} leaves sizes open: [{', '.join(map(str, declared))}]; "
            f"say them with --shape {name}={shown} (a number in place of each ?)"
        )
    return tuple(sizes)


def _given(name: str, declared: Sequence[int | str | None], given: Sequence[Size]) -> tuple[Size, ...]:
    fits = not declared or (
        len(declared) == len(given)
        and all(not isinstance(have, int) or want in (None, have) for have, want in zip(declared, given, strict=True))
    )
    if not fits:
        raise ModelError(
            f"the input {name!r} has shape [{', '.join(map(str, declared))}], which {show_shape(given)} does not fit"
        )
    # A size that the model fixes is no batch, whatever the option says.
    fixed = list(declared) or [None] * len(given)
    return tuple(have if isinstance(have, int) else want for have, want in zip(fixed, given, strict=True))


def _load(path: Path, names: list[str]) -> dict[str, npt.NDArray[Any]]:
    try:
        # Opened here, since numpy leaves a damaged archive open.
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False, max_header_size=10_000)
            if not isinstance(loaded, np.ndarray):
                _check_archive(path, loaded)
                return {name: loaded[name] for name in loaded.files}
        if len(names) != 1:
            raise ModelError(f"{path} has one array, the model {len(names)} inputs; give an .npz file with names")
        return {names[0]: loaded}
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001  # numpy and zipfile raise a dozen kinds for damaged files
        raise ModelError(
            f"{path} is no readable .npy or .npz file of numbers: {_why_unreadable(path, error)}"
        ) from None


def _why_unreadable(path: Path, error: Exception) -> str:
    """In our words: numpy takes any other file for a pickle and advises to trust it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    with contextlib.suppress(OSError), path.open("rb") as stream:
        if not (head := stream.read(len(_BEGINNINGS[0]))):
            return "it is empty"
        if not head.startswith(_BEGINNINGS):
            return "it begins as neither of them; write one with numpy.save or numpy.savez"
    if "Object arrays" in str(error):
        return "it holds Python objects, which are never loaded; save arrays of numbers"
    return "it is damaged or cut off; write it again with numpy.save or numpy.savez"


def _check_archive(path: Path, loaded: Any) -> None:
    """Refuse what would unpack to more than fits."""
    size = sum(entry.file_size for entry in loaded.zip.infolist())
    if size > MOST_BYTES:
        raise ModelError(f"{path} unpacks to {size:,} bytes; expected at most {MOST_BYTES >> 30} GiB")
