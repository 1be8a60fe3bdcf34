"""What kits of several kinds have in common: labels, golden pictures and answers, and the facts in a README."""

from __future__ import annotations

import io
import json
import re
import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mnistbench._version import __version__
from mnistbench.embed.golden import Golden, GoldenCase
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.pins import NPM_ONNXRUNTIME, NUMPY, PYTHON_ONNXRUNTIME, TRITON
from mnistbench.embed.templates import filled

_FACTS = (
    ("Network", "mnistbench.notation"),
    ("Parameters", "mnistbench.num_parameters"),
    ("Multiply-adds for an image", "mnistbench.macs"),
    ("Errors on the test set", "mnistbench.test_errors"),
    ("Trained on", "mnistbench.dataset"),
    ("Licence in the file", "license"),
)


_NUMBERS = re.compile(r"\[\n\s*([-+0-9.e,\s]+?)\s*\]")
"""A list of numbers over several lines, which no JSON string has."""


def common_values(model: EmbeddedModel, golden: Golden, *, model_path: str = "model.onnx") -> dict[str, str]:
    """Text for the marked places of all templates.

    Args:
        model: The kit's model.
        golden: Its golden vectors.
        model_path: Where the model lies in the kit.
    """
    example = next((case for case in golden.cases if case.name == "digit-7"), golden.cases[0])
    return {
        "NAME": model.name,
        "MODEL": model_path,
        "SHA256": model.sha256,
        "FACTS": _facts(model),
        "GOLDEN": _golden_text(golden),
        "EXAMPLE": example.name,
        "EXAMPLE_LABEL": model.labels[example.label],
        "TOLERANCE": f"{golden.tolerance:g}",
        "LICENCE": _licence(model, golden),
        "VERSION": __version__,
        "ONNXRUNTIME": PYTHON_ONNXRUNTIME,
        "NUMPY": NUMPY,
        "NPM_ONNXRUNTIME": NPM_ONNXRUNTIME,
        "TRITON": TRITON,
    }


def common_files(model: EmbeddedModel, *, model_path: str = "model.onnx") -> dict[str, bytes]:
    """Model, labels and the licence of the programs."""
    labels = "".join(f"{label}\n" for label in model.labels)
    return {model_path: model.content, "labels.txt": labels.encode(), "LICENSE": filled("common/LICENSE", {})}


def golden_files(model: EmbeddedModel, golden: Golden, *, pictures: str) -> dict[str, bytes]:
    """The golden pictures, and ``expected.json`` with their pixels and answers.

    Args:
        model: What answered.
        golden: Pictures and answers.
        pictures: ``pgm`` or ``png``.
    """
    draw = {"pgm": pgm, "png": png}[pictures]
    drawn = {f"golden/{case.name}.{pictures}": draw(case.image) for case in golden.cases}
    document = {
        "model": model.name,
        "model_sha256": model.sha256,
        "computed_with": golden.computed_with,
        "tolerance": golden.tolerance,
        "cases": [_case(case, model, f"{case.name}.{pictures}") for case in golden.cases],
    }
    return drawn | {"golden/expected.json": json_text(document)}


def probabilities_of(case: GoldenCase) -> list[float]:
    """The ten probabilities as the shortest decimals that are the same float32 numbers."""
    return [float(str(probability)) for probability in case.probabilities]


def pixels_of(case: GoldenCase) -> list[int]:
    """The 784 pixels, row by row."""
    return [int(pixel) for pixel in case.image.ravel()]


def pgm(image: npt.NDArray[np.uint8]) -> bytes:
    """An image of shape ``(28, 28)`` as a binary PGM file."""
    return b"P5\n%d %d\n255\n" % (image.shape[1], image.shape[0]) + np.ascontiguousarray(image).tobytes()


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """An image of shape ``(28, 28)`` as a grey PNG file."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def json_text(document: Any) -> bytes:
    """A document as JSON for people: indented, with each list of numbers on one line."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return (_NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n").encode()


def _case(case: GoldenCase, model: EmbeddedModel, picture: str) -> dict[str, Any]:
    return {
        "picture": picture,
        "truth": case.truth,
        "label": model.labels[case.label],
        "probabilities": probabilities_of(case),
        "pixels": pixels_of(case),
    }


def _facts(model: EmbeddedModel) -> str:
    facts = [f"- {title}: {text}" for title, key in _FACTS if (text := model.said(key))]
    facts.append(f"- SHA-256 of the model: `{model.sha256}`")
    facts.append("- Input `image`: uint8 `[batch, 1, 28, 28]`, 0 to 255, white ink on black; any batch size")
    facts.append("- Outputs: `logits` and `probabilities`, float32 `[batch, 10]`; `label`, int64 `[batch]`")
    return "\n".join(facts)


def _golden_text(golden: Golden) -> str:
    return _wrapped(
        f"`golden/` has {len(golden.cases)} test images of the dataset `{_name(golden)}`, with the answers of "
        f"{golden.computed_with} on the CPU: one picture of each digit, then those among the first that the model is "
        f"least sure of. A probability that differs by more than {golden.tolerance:g}, or another label, is a failure."
    )


def _licence(model: EmbeddedModel, golden: Golden) -> str:
    said = model.said("license")
    of_model = f"the model's file says `{said}`" if said else "the model's file does not say its licence"
    mnist = "those of MNIST are under CC BY-SA 3.0 (Yann LeCun, Corinna Cortes)"
    of_pictures = mnist if golden.dataset == "mnist" else f"their licence is that of the dataset `{_name(golden)}`"
    return _wrapped(
        f"The programs are under the MIT licence, see `LICENSE`; {of_model}. The golden pictures: {of_pictures}."
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _name(golden: Golden) -> str:
    return "".join(letter for letter in golden.dataset if letter.isprintable() and letter not in "`<>")
