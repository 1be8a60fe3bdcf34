"""Works out how an ONNX file takes 28x28 images and where its answer is.

Shapes and dtypes come from the loaded model, the value range from an option,
the dtype, the metadata, or else from trying labelled training images. What
cannot be settled is an error that names the option to give. Never looks at
test images, and knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from mnistbench.errors import ModelError
from mnistbench.runtime.images import Images
from mnistbench.runtime.input_plan import LAYOUTS, VALUE_RANGES, InputPlan, Labels, ranges_of
from mnistbench.runtime.session import one_line, onnxruntime_errors
from mnistbench.runtime.trial import choose_by_trial

Calibration = tuple[Images, Labels]
"""Labelled training images, uint8 of shape ``(n, 28, 28)`` and integers of shape ``(n,)``; some hundreds."""

DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(int16)": "int16",
    "tensor(uint32)": "uint32",
    "tensor(int32)": "int32",
    "tensor(uint64)": "uint64",
    "tensor(int64)": "int64",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
}

_ONNX_RANGES = {"NominalRange_0_255": "0..255", "Normalized_0_1": "0..1", "Normalized_1_1": "-1..1"}
"""Values of ONNX's metadata key ``Image.NominalPixelRange``. Source: ONNX, "Metadata properties"."""

_SCORE_NAMES = ("logits", "probabilities", "scores", "output")

Progress = Callable[[int, int], None]
"""Gets the number of images done and of all images."""

Shape = Sequence[int | str | None]
Output = tuple[str, Literal["scores", "label"]]


def is_own_contract(session: Any) -> bool:
    """Whether a session has exactly the inputs and outputs of a model that this project exports."""
    inputs = [(arg.name, arg.type, list(arg.shape[1:])) for arg in session.get_inputs()]
    outputs = {arg.name: (arg.type, list(arg.shape[1:])) for arg in session.get_outputs()}
    free = all(not isinstance(arg.shape[0], int) for arg in session.get_inputs() if arg.shape)
    return (
        free
        and inputs == [("image", "tensor(uint8)", [1, 28, 28])]
        and outputs.get("logits") == outputs.get("probabilities") == ("tensor(float)", [10])
        and outputs.get("label") == ("tensor(int64)", [])
    )


def own_plan() -> InputPlan:
    """The plan of a model that this project exports."""
    how = dict.fromkeys(("layout", "value_range", "output"), "contract")
    return InputPlan("image", "N1HW", "uint8", "0..255", None, "label", "label", how)


def find_plan(
    session: Any,
    metadata: Mapping[str, str],
    *,
    calibration: Calibration | None = None,
    layout: str | None = None,
    value_range: str | None = None,
    output: str | None = None,
    assume_range: bool = False,
) -> InputPlan:
    """Find out how a loaded model takes images.

    Args:
        session: An ``onnxruntime.InferenceSession``.
        metadata: The file's metadata properties.
        calibration: What undecided candidates are tried on; never test images.
        layout: Overrides what the shape says; a key of :data:`mnistbench.runtime.input_plan.LAYOUTS`.
        value_range: Overrides what is found; one of :data:`mnistbench.runtime.input_plan.VALUE_RANGES`.
        output: Name of the output to read.
        assume_range: Take the commonest value range when nothing tells it, trying included. For timing, where
            the numbers hardly matter; the plan then says so.

    Raises:
        ModelError: When the model cannot classify 28x28 images into ten classes, or an
            option is needed to tell how.
    """
    if is_own_contract(session) and layout is value_range is output is None:
        return own_plan()
    argument = _only_input(session)
    dtype = DTYPES.get(argument.type)
    if dtype is None:
        raise ModelError(f"the input {argument.name!r} is a {argument.type}; expected a tensor of numbers")
    layouts, how_layout = _layouts(argument.name, argument.shape, layout)
    ranges, how_range = _ranges(dtype, metadata, value_range, can_try=calibration is not None)
    output_name, kind = _output(session, output)
    how = {"layout": how_layout, "value_range": how_range, "output": "option" if output else "shape"}
    plans, problem = [], ""
    for candidate in layouts:
        batch = _fixed_batch(argument.shape, candidate)
        plan = InputPlan(argument.name, candidate, dtype, ranges[0], batch, output_name, kind, how)
        try:
            plans.append(_tested(session, plan))
        except ModelError as error:
            problem = str(error)
    if not plans:
        raise ModelError(problem)
    if len(plans) == len(ranges) == 1:
        return plans[0]
    if calibration is not None:
        candidates = [replace(plan, value_range=name) for plan in plans for name in ranges]
        try:
            return choose_by_trial(candidates, lambda plan: _predictor(session, plan), *calibration)
        except ModelError:
            if not assume_range:
                raise
    if len(ranges) == 1 or assume_range:
        how = how if len(ranges) == 1 else how | {"value_range": "assumed"}
        return replace(plans[0], how_found=how)
    raise ModelError(
        f"nothing says which values the input {argument.name!r} ({dtype}) takes; "
        f"give --input-range with one of {', '.join(ranges)}"
    )


def answer(
    session: Any,
    plan: InputPlan,
    images: Images,
    *,
    batch_size: int | None = None,
    on_progress: Progress | None = None,
) -> Labels:
    """The model's labels for images of shape ``(n, 28, 28)`` or ``(n, 1, 28, 28)``; any ``n``.

    What the output means is looked at once for all calls, so that the calls follow each other closely.

    Args:
        session: An ``onnxruntime.InferenceSession``.
        plan: How it takes images.
        images: Checked already.
        batch_size: Images in a call where the model takes any number; all at once when ``None``.
        on_progress: Called after every call.

    Raises:
        ModelError: When the output is not what the plan says.
        Exception: What onnxruntime raises.
    """
    run, outputs, parts, done = session.run, [plan.output], [], 0
    for given, count in plan.chunks(images, batch_size):
        parts.append(plan.rows(run(outputs, {plan.name: given})[0], plan.batch_size or count)[:count])
        done += count
        if on_progress is not None:
            on_progress(done, len(images))
    if not parts:
        return np.empty(0, dtype=np.int64)
    return plan.labels(parts[0] if len(parts) == 1 else np.concatenate(parts), len(images))


def _predictor(session: Any, plan: InputPlan) -> Callable[[Images], Labels]:
    return lambda images: answer(session, plan, images)


def _only_input(session: Any) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        have = ", ".join(f"{arg.name} {arg.type}{_show(arg.shape)}" for arg in inputs) or "none"
        raise ModelError(f"a classifier of images has one input; this model has {len(inputs)}: {have[:400]}")
    return inputs[0]


def _layouts(name: str, shape: Shape, layout: str | None) -> tuple[list[str], str]:
    """Layouts that an input's shape allows; a symbolic size allows any number."""
    if layout is not None and layout not in LAYOUTS:
        raise ModelError(f"unknown input layout {layout!r}; expected one of {', '.join(LAYOUTS)}")
    fitting = [key for key in LAYOUTS if _fits(shape, key)]
    if layout is not None:
        # Without a declared shape the list is empty and nothing contradicts the option.
        if shape and layout not in fitting:
            raise ModelError(f"the input {name!r} has shape {_show(shape)}, which is not the layout {layout!r}")
        return [layout], "option"
    if not shape:
        raise ModelError(
            f"the input {name!r} does not declare a shape; give --input-layout with one of {', '.join(LAYOUTS)}"
        )
    if not fitting:
        raise ModelError(
            f"the input {name!r} has shape {_show(shape)}; expected 28x28 grey images, such as [batch, 1, 28, 28], "
            "[batch, 28, 28, 1], [batch, 28, 28] or [batch, 784]"
        )
    return fitting, "shape"


def _fits(shape: Shape, layout: str) -> bool:
    has_batch, image = LAYOUTS[layout]
    expected = (None, *image) if has_batch else image
    return len(shape) == len(expected) and all(
        size > 0 if want is None else size == want
        for size, want in zip(shape, expected, strict=True)
        if isinstance(size, int)
    )


def _fixed_batch(shape: Shape, layout: str) -> int | None:
    if not LAYOUTS[layout][0]:
        return 1
    return shape[0] if shape and isinstance(shape[0], int) else None


def _ranges(
    dtype: str, metadata: Mapping[str, str], value_range: str | None, *, can_try: bool
) -> tuple[tuple[str, ...], str]:
    """Value ranges that remain possible, and what told so."""
    possible = ranges_of(dtype)
    if value_range is not None:
        if value_range not in VALUE_RANGES:
            raise ModelError(f"unknown input range {value_range!r}; expected one of {', '.join(VALUE_RANGES)}")
        if value_range not in possible:
            raise ModelError(f"{dtype} cannot hold the range {value_range}; expected one of {', '.join(possible)}")
        return (value_range,), "option"
    if not dtype.startswith("float") and not can_try:
        return possible[:1], "dtype"
    said = metadata.get("mnistbench.value_range") or _ONNX_RANGES.get(metadata.get("Image.NominalPixelRange", ""))
    if said in possible:
        return (said,), "metadata"
    return possible, "trial"


def _output(session: Any, wanted: str | None) -> Output:
    """The output to read: scores if there are any, else labels."""
    usable: list[Output] = []
    for arg in session.get_outputs():
        if arg.type in ("tensor(float)", "tensor(float16)", "tensor(double)") and _could_hold(arg.shape, 10):
            usable.append((arg.name, "scores"))
        elif arg.type in ("tensor(int64)", "tensor(int32)", "tensor(uint8)") and _could_hold(arg.shape, 1):
            usable.append((arg.name, "label"))
    have = ", ".join(f"{arg.name} {arg.type}{_show(arg.shape)}" for arg in session.get_outputs())
    if wanted is not None:
        for name, kind in usable:
            if name == wanted:
                return name, kind
        raise ModelError(
            f"the output {wanted!r} cannot be read; the model has {have[:400]}; expected ten scores or a label"
        )
    if not usable:
        raise ModelError(f"no output has ten scores or an integer label for an image; the model has {have[:400]}")

    def preference(found: Output) -> tuple[bool, int]:
        name, kind = found
        return kind != "scores", _SCORE_NAMES.index(name) if name in _SCORE_NAMES else len(_SCORE_NAMES)

    return min(usable, key=preference)


def _could_hold(shape: Shape, per_image: int) -> bool:
    """Whether all sizes but the first, the batch, may multiply to ``per_image``."""
    sizes = list(shape)
    if len(sizes) > 4:
        return False
    with_batch = [size for size in sizes[1:] if isinstance(size, int) and size != 1]
    rest = [per_image] if per_image != 1 else []
    symbolic = any(not isinstance(size, int) for size in sizes[1:])
    return with_batch == rest or sizes == [per_image] or (symbolic and with_batch == []) or not sizes


def _tested(session: Any, plan: InputPlan) -> InputPlan:
    """The plan after a run on blank images; with a batch of 1 when the model claims to take more and does not."""
    failures: tuple[type[Exception], ...] = (ModelError, *onnxruntime_errors())
    problem = ""
    for trial in (plan, replace(plan, batch_size=1)) if plan.batch_size is None else (plan,):
        try:
            answer(session, trial, np.zeros((2, 28, 28), dtype=np.uint8))
            return trial
        except failures as error:
            problem = problem or one_line(error)
    raise ModelError(f"the model fails on 28x28 images in the layout {plan.layout}: {problem}")


def _show(shape: Shape) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"
