"""The kit for NVIDIA Triton Inference Server."""

from __future__ import annotations

from mnistbench.embed.contents import common_values
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.targets.server import server_files
from mnistbench.embed.templates import plain_files


def triton_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    return {
        **plain_files("triton", ("README.md",), common_values(model, golden)),
        **server_files(model, golden),
    }
