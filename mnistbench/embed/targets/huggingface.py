"""The kit in the layout of a model repository of Hugging Face: card, configurations, ``onnx/model.onnx``."""

from __future__ import annotations

from mnistbench.embed.contents import common_files, common_values, golden_files, json_text
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel, other_precisions
from mnistbench.embed.targets.python import PROGRAMS
from mnistbench.embed.templates import plain_files

_MODEL = "onnx/model.onnx"

# The README makes its environment in the folder, which is made to be published. A file whose name begins with a dot
# would be easy to lose on the way into a wheel.
_NAMES = {"README.md": "README.md", "gitignore": ".gitignore"}


def huggingface_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it; with the other precisions that the same zoo has of the same weights."""
    others = {f"onnx/model_{name}.onnx": content for name, content in other_precisions(model).items()}
    said = model.said("license") or ""
    values = common_values(model, golden, model_path=_MODEL) | {
        "CARD_LICENCE": "mit" if said.upper().startswith("MIT") else "other",
        "FILES": "\n".join(f"- `{path}`" for path in (_MODEL, *others)),
    }
    return {
        **plain_files("huggingface", _NAMES, values),
        **plain_files("python", PROGRAMS, values),
        "config.json": json_text(_config(model)),
        "preprocessor_config.json": json_text(_PREPROCESSOR),
        **common_files(model, model_path=_MODEL),
        **others,
        **golden_files(model, golden, pictures="pgm"),
    }


_PREPROCESSOR = {
    "do_convert_rgb": False,
    "do_normalize": False,
    "do_rescale": False,
    "do_resize": False,
    "size": {"height": 28, "width": 28},
}


def _config(model: EmbeddedModel) -> dict[str, object]:
    return {
        "id2label": {str(number): label for number, label in enumerate(model.labels)},
        "label2id": {label: number for number, label in enumerate(model.labels)},
        "image_size": 28,
        "num_channels": 1,
        "num_labels": len(model.labels),
        "task": "image-classification",
    }
