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

_DIGITS_OF_HASH = 8


def kserve_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    values = common_values(model, golden) | {
        "SERVICE": service_name(model.name, model.sha256),
        # Another model has another folder: only a service that changes is rolled out anew.
        "STORED": f"model_repository-{model.sha256[:_DIGITS_OF_HASH]}",
    }
    return {
        **plain_files("kserve", ("README.md", "inference-service.yaml", "upload.yaml"), values),
        **server_files(model, golden),
    }


def service_name(name: str, sha256: str) -> str:
    """A name that Kubernetes takes: small letters, digits and dashes, a letter first.

    Args:
        name: Of the model.
        sha256: Its hash, whose beginning ends a name that has to be cut; the precision stands last in a name, and
            without it all precisions of one network would be one service.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", f"mnist-{name}".lower()).strip("-")
    if len(plain) <= LONGEST_SERVICE_NAME:
        return plain
    ending = f"-{sha256[:_DIGITS_OF_HASH]}"
    return plain[: LONGEST_SERVICE_NAME - len(ending)].strip("-") + ending
