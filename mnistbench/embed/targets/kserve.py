"""The kit for KServe: an InferenceService whose storage has Triton's model repository."""

from __future__ import annotations

import re

from mnistbench.embed.contents import common_values
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.targets.server import server_files
from mnistbench.embed.templates import plain_files

LONGEST_SERVICE_NAME = 44
"""A label of a host name has 63 characters, and KServe appends ``-predictor`` and the namespace."""


def kserve_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    values = common_values(model, golden) | {"SERVICE": service_name(model.name)}
    return {
        **plain_files("kserve", ("README.md", "inference-service.yaml", "upload.yaml"), values),
        **server_files(model, golden),
    }


def service_name(name: str) -> str:
    """A name that Kubernetes takes: small letters, digits and dashes, a letter first."""
    plain = re.sub(r"[^a-z0-9]+", "-", f"mnist-{name}".lower())
    return plain[:LONGEST_SERVICE_NAME].strip("-")
