"""MNIST networks of a paper: trained in PyTorch, exported to ONNX, measured with onnxruntime.

To read digits, only numpy and onnxruntime are needed:

    import mnistbench
    model = mnistbench.load("lenet5")
    labels = model.predict(images)  # uint8 (n, 28, 28), white ink on black
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mnistbench._version import __version__
from mnistbench.catalog import NETWORKS, Network, PaperRow
from mnistbench.errors import MnistbenchError
from mnistbench.spec import NetworkSpec

if TYPE_CHECKING:
    from mnistbench.runtime.model import Model

__all__ = [
    "MnistbenchError",
    "Network",
    "NetworkSpec",
    "PaperRow",
    "__version__",
    "find_network",
    "list_networks",
    "load",
]


def list_networks() -> tuple[Network, ...]:
    """The paper's 29 networks, in its order."""
    return NETWORKS


def find_network(name: str, *, dropout: float | None = None) -> Network:
    """The network that a name, an alias or a notation means.

    Args:
        name: Such as ``lenet5``, ``64-10-dropout`` or ``24-P-48-P-96-10``.
        dropout: Replaces the rate that the name says.

    Raises:
        UnknownNetworkError: When nothing fits; the message suggests near names.
        NotationError: When it is a notation, but not one of a usable network.
    """
    from mnistbench import catalog

    return catalog.find(name, dropout=dropout)


def load(
    name: str | os.PathLike[str],
    *,
    zoo: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    num_threads: int | None = None,
) -> Model:
    """Load a model that reads digits.

    Args:
        name: A bundled network such as ``lenet5``, or the path of an ONNX file that mnistbench exported.
        zoo: Folder of ``mnistbench export`` to look in before the bundled models.
        device: ``cpu``, ``cuda`` or ``cuda:N``; what is asked for is what is used.
        num_threads: Threads within an operator; every usable processor when ``None``.

    Raises:
        MnistbenchError: When the model is not there, is damaged or cannot run on the device.
    """
    from mnistbench.artifacts import bundled_zoo, locate
    from mnistbench.runtime.model import Model
    from mnistbench.runtime.session import SessionSettings

    zoos = [bundled_zoo()] if zoo is None else [Path(zoo), bundled_zoo()]
    found = locate(os.fspath(name), zoos)
    settings = SessionSettings() if num_threads is None else SessionSettings(intra_op_num_threads=num_threads)
    return Model.load(found.path, device=device, settings=settings, name=found.name)
