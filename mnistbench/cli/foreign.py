"""Options that say how a model of somebody else is called, which several commands share, and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.options import PathType, combined

if TYPE_CHECKING:
    from mnistbench.runtime.untrusted.limits import Limits

CALIBRATION_IMAGES = 512

untrusted_option = click.option(
    "--untrusted",
    is_flag=True,
    help="For files of strangers: load and run models in processes of their own, on the CPU, with 1 GiB of memory and "
    "limits of time. One that crashes, hangs or eats memory is then an error and no more. Not a sandbox: it does not "
    "keep a fault in onnxruntime from being used.",
)

foreign_options = combined(
    click.option(
        "--input-layout", "layout", help="How a foreign model takes images: N1HW, NHW1, NHW or flat.  [default: found]"
    ),
    click.option(
        "--input-range",
        "value_range",
        help="Values a foreign model takes: 0..255, 0..1, -1..1 or standardised, with -inverted for black on white.  "
        "[default: found]",
    ),
    click.option("--output-name", "output", help="Output of a foreign model that answers.  [default: found]"),
    click.option(
        "--allow-external-data", is_flag=True, help="Let a model read its weights from other files that it names."
    ),
    untrusted_option,
)

tensor_options = combined(
    click.option(
        "--shape", "shapes", multiple=True, metavar="[NAME=]NxCxHxW", help="Random inputs of this shape; N: batch."
    ),
    click.option(
        "--input-file",
        type=PathType(dir_okay=False, exists=True),
        help="Inputs from an .npy or .npz file.",
    ),
)


def check_choice(option: str, value: str | None, choices: Iterable[str]) -> None:
    """Refuse a value that is none of the choices; they are not known before numpy is imported.

    Raises:
        click.BadParameter: When it is none.
    """
    if value is not None and value not in choices:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(choices)}", param_hint=option)


def check_foreign(layout: str | None, value_range: str | None) -> None:
    """Refuse a layout and a range that are none.

    Raises:
        click.BadParameter: When one is none.
    """
    from mnistbench.runtime.input_plan import LAYOUTS, VALUE_RANGES

    check_choice("--input-layout", layout, LAYOUTS)
    check_choice("--input-range", value_range, VALUE_RANGES)


def parse_shapes(texts: Sequence[str]) -> dict[str | None, tuple[int | None, ...]]:
    """Shapes by name of the input.

    Raises:
        click.BadParameter: When a text is none, or a name stands there twice.
    """
    from mnistbench.errors import InputError
    from mnistbench.measure.latency.inputs import parse_shape

    try:
        pairs = [parse_shape(text) for text in texts]
    except InputError as error:
        raise click.BadParameter(str(error), param_hint="--shape") from None
    if len(dict(pairs)) < len(pairs):
        raise click.BadParameter("an input has two shapes", param_hint="--shape")
    return dict(pairs)


def limits_of(untrusted: bool) -> Limits | None:
    """What the process of a stranger's model may take; ``None`` where it is trusted."""
    if not untrusted:
        return None
    from mnistbench.runtime.untrusted.limits import LIMITS, require_limits

    require_limits()
    return LIMITS


def calibration_images(dataset: Any) -> Any:
    """A few hundred labelled training images, which tell a foreign model's value range; never test images."""
    return dataset.train_images[:CALIBRATION_IMAGES], dataset.train_labels[:CALIBRATION_IMAGES]
