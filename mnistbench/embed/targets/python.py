"""The kit for Python: onnxruntime and numpy, three small files."""

from __future__ import annotations

from mnistbench.embed.contents import common_files, common_values, golden_files
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.templates import plain_files

PROGRAMS = ("digits.py", "predict.py", "self_test.py", "requirements.txt")


def python_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    values = common_values(model, golden)
    return {
        **plain_files("python", ("README.md", *PROGRAMS), values),
        **common_files(model),
        **golden_files(model, golden, pictures="pgm"),
    }
