"""What the page says of each network: its parts, the paper's figure, ours.

Knows nothing of the page; what it gives is plain data for JSON. Errors are fractions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mnistbench import catalog
from mnistbench.artifacts import called
from mnistbench.catalog import Network
from mnistbench.embed.model import EmbeddedModel
from mnistbench.errors import MnistbenchError
from mnistbench.layers import Conv2d
from mnistbench.measure.stats import wilson_interval
from mnistbench.measure.summary import DEFAULT_RECIPE, summarize
from mnistbench.precisions import PLAIN
from mnistbench.results import RunRecord

_COUNTS = re.compile(r"(\d{1,9})/([1-9]\d{0,8})")


def network_facts(model: EmbeddedModel, runs: Iterable[RunRecord]) -> dict[str, Any]:
    """A network's figures for the page.

    Args:
        model: The file.
        runs: The published ones, with which our error is told where the file's weights are of one of them.

    Returns:
        ``name, title, notation, num_parameters, size_bytes, paper, ours``: ``title`` is in words and ``notation`` as
        in the paper, with ``@int8`` and the like; ``paper`` has ``table, error``, ``ours`` has ``error, low, high,
        basis``; either is ``None`` where it is not known or the network was trained on other images than MNIST's.
    """
    network = _network(model)
    comparable = model.info.metadata.get("mnistbench.dataset") == "mnist"
    paper = network.paper if network is not None and comparable else None
    return {
        "name": model.name,
        "title": _title(network) if network is not None else model.name,
        "notation": _notation(model),
        "num_parameters": _number(model.said("mnistbench.num_parameters"), model.info.num_parameters),
        "size_bytes": len(model.content),
        "paper": {"table": paper.table, "error": paper.error} if paper is not None else None,
        "ours": (_published(model, network, runs) or _own(model.info.metadata)) if comparable else None,
    }


def _network(model: EmbeddedModel) -> Network | None:
    """What the file's name means; ``None`` for an ensemble and the like."""
    try:
        return catalog.find(model.info.metadata.get("mnistbench.name", ""))
    except MnistbenchError:
        return None


def _notation(model: EmbeddedModel) -> str:
    """As the paper writes it; the name of an ensemble says its members' precisions already."""
    name = model.said("mnistbench.name") or model.name
    return name if "mnistbench.members" in model.info.metadata else called(name, model.precision)


def _title(network: Network) -> str:
    """A network in a few words."""
    if any("lenet" in alias for alias in network.aliases):
        return "LeNet-5"
    convolutions = sum(isinstance(layer, Conv2d) for layer in network.spec.layers)
    if convolutions:
        return f"{convolutions} convolution{'s' * (convolutions > 1)}"
    hidden = len(network.spec.layers) - 1
    return f"{hidden} hidden layer{'s' * (hidden != 1)}"


def _published(model: EmbeddedModel, network: Network | None, runs: Iterable[RunRecord]) -> dict[str, Any] | None:
    """The median over the published seeds with the default recipe, if the file is of one of them."""
    own = model.info.metadata.get("mnistbench.weights_sha256")
    if network is None or model.precision != PLAIN:
        return None
    of_network = [run for run in runs if (run.name, run.recipe) == (network.name, DEFAULT_RECIPE)]
    if own not in {run.weights_sha256 for run in of_network}:
        return None
    (summary,) = summarize(of_network, [network])
    ours = summary.default
    assert ours is not None, "there is a run at least"
    seeds = len(ours.seeds)
    return {
        "error": ours.median_error,
        "low": ours.error_rate_low,
        "high": ours.error_rate_high,
        "basis": f"median of {seeds} seeds" if seeds > 1 else "one seed",
    }


def _own(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """What the file itself says."""
    counts = _COUNTS.fullmatch(metadata.get("mnistbench.test_errors", ""))
    if counts is None or int(counts[1]) > int(counts[2]):
        return None
    errors, images = int(counts[1]), int(counts[2])
    low, high = wilson_interval(errors, images)
    return {"error": errors / images, "low": low, "high": high, "basis": "of this file"}


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else otherwise
