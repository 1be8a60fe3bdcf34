"""MNIST networks of a paper: trained in PyTorch, exported to ONNX, measured with onnxruntime.

To read digits, only numpy and onnxruntime are needed:

    import mnistbench
    model = mnistbench.load("lenet5")
    labels = model.predict(images)  # uint8 (n, 28, 28), white ink on black
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistbench._version import __version__
from mnistbench.catalog import NETWORKS, Network, PaperRow
from mnistbench.errors import MnistbenchError
from mnistbench.spec import NetworkSpec

if TYPE_CHECKING:
    from mnistbench.pictures.read import Answer
    from mnistbench.results import TuningResult
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
    "predict_image",
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
    precision: str | None = None,
    zoo: str | os.PathLike[str] | None = None,
    device: str | None = None,
    provider: str | None = None,
    num_threads: int | None = None,
    allow_spinning: bool | None = None,
    tuned: str | os.PathLike[str] | TuningResult | None = None,
    untrusted: bool = False,
) -> Model:
    """Load a model that reads digits.

    Args:
        name: A bundled network such as ``lenet5``, or the path of an ONNX file that mnistbench exported.
        precision: ``fp32``, ``fp16``, ``int8`` or ``web``, as exported; ``lenet5@int8`` says it too. ``fp32`` for a
            name when ``None``.
        zoo: Folder of ``mnistbench export`` to look in before the bundled models.
        device: ``cpu``, ``cuda`` or ``cuda:N``; what is asked for is what is used. Where ``provider`` usually runs
            when ``None``, and the CPU without one.
        provider: ``cpu``, ``cuda``, ``tensorrt``, ``openvino`` or another that is installed; the CPU's own, or
            CUDA, when ``None``.
        num_threads: Threads within an operator; every usable processor when ``None``.
        allow_spinning: Whether idle threads wait busily; they do when ``None``.
        tuned: What ``mnistbench bench NAME --tune`` found, as a file or as read from one: device, provider,
            threads, spinning and the provider's options are taken from it. It has to be of this very file and machine;
            another version of onnxruntime is a warning only.
        untrusted: Whether the file is a stranger's: it is then loaded and run on the CPU in a process of its own with
            1 GiB of memory, two minutes to load and a minute a call, so that a crash or a hang there is an error here.
            No sandbox: a process that a fault in onnxruntime hands over has the user's rights. Each call takes
            longer, by a pipe.

    Raises:
        ArtifactError: When ``tuned`` is of another file, device, mode or machine; the message names what differs.
        InputError: When settings are given beside ``tuned``.
        MnistbenchError: When the model is not there, is damaged or cannot run on the device.
    """
    from mnistbench.artifacts import bundled_zoo
    from mnistbench.errors import InputError
    from mnistbench.locate import locate
    from mnistbench.runtime.devices import expand_devices, resolve_device
    from mnistbench.runtime.model import Model
    from mnistbench.runtime.session import SessionSettings
    from mnistbench.runtime.untrusted.limits import LIMITS

    zoos = [bundled_zoo()] if zoo is None else [Path(zoo), bundled_zoo()]
    found = locate(os.fspath(name), zoos, precision=precision)
    given = {"intra_op_num_threads": num_threads, "allow_spinning": allow_spinning}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if tuned is None:
        settings = SessionSettings(**changes)
        if device is None and provider is not None:
            (place,) = expand_devices(None, [provider])
        else:
            place = resolve_device("cpu" if device is None else device, provider)
    elif changes:
        raise InputError("num_threads and allow_spinning are said by tuned; give either these or tuned")
    else:
        from mnistbench.measure.tuned import use_tuning

        place, settings = use_tuning(tuned, found.path, device=device, provider=provider)
    limits = LIMITS if untrusted else None
    return Model.load(found.path, device=place, settings=settings, name=found.name, untrusted=limits)


def predict_image(source: Any, model: str | os.PathLike[str] | Model | None = None, *, multi: bool = False) -> Answer:
    """Read the digit on a picture of any size: a photograph, a scan, a drawing.

    The picture is cleaned and normalised as MNIST's were; what is no digit gets no label.

    Args:
        source: A path, the bytes of a file, a PIL image, or a uint8 array of shape ``(h, w)``, ``(h, w, 3)`` or
            ``(h, w, 4)``, in colours as they are seen; dark ink on light paper or the other way round.
        model: A name or a file as for :func:`load`, or what that returned; the bundled network with the fewest
            errors when ``None``.
        multi: Whether to read several digits in a row; the answer's ``text`` and ``digits`` have them.

    Returns:
        An answer with ``label`` (``None`` where it is no digit), ``probabilities``, ``is_digit``, ``reason``, the
        exact 28x28 ``image`` that the network was given, and the ``box`` of the ink.

    Raises:
        PictureError: When the picture cannot be opened.
        MnistbenchError: When the model cannot be loaded.
    """
    from mnistbench.pictures import read

    if isinstance(model, str | os.PathLike):
        model = load(model)
    return read.predict_image(source, model, multi=multi)
