"""What a process finds out about its own onnxruntime, as plain data: what is installed, offered, and really runs.

Runs in a fresh process (``child.py``), since a driver or a plug-in may crash or
hang it. Nothing here judges.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mnistbench.errors import MnistbenchError, ProviderError
from mnistbench.measure.clock import Clock, MonotonicClock
from mnistbench.measure.doctor.images import drawn_digits
from mnistbench.runtime.cuda import count_gpus
from mnistbench.runtime.devices import Device, require, resolve_device
from mnistbench.runtime.identity import INPUT, OUTPUT, identity_model
from mnistbench.runtime.known_providers import Provider
from mnistbench.runtime.machine import Machine, hardware_of
from mnistbench.runtime.ort import import_onnxruntime
from mnistbench.runtime.placement import node_placement
from mnistbench.runtime.providers import built_in_providers, ep_devices, plugin_providers, register_plugin
from mnistbench.runtime.session import create_session, onnxruntime_errors, run_error


@dataclass(frozen=True)
class Installed:
    """What onnxruntime has."""

    onnxruntime: str
    """The version that is really imported."""
    providers: tuple[Provider, ...]
    """Those that it was built with, usable or not."""
    plugin_packages: tuple[str, ...]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What ``dataclasses.asdict`` gave, after a way through JSON."""
        changes = {
            "providers": tuple(map(read_provider, document["providers"])),
            "plugin_packages": tuple(document["plugin_packages"]),
        }
        return cls(**{**document, **changes})


@dataclass(frozen=True)
class Ran:
    """One model on one device, or why not."""

    error: str | None = None
    session_seconds: float | None = None
    node_placement: dict[str, int] = dataclasses.field(default_factory=dict)
    labels: tuple[int, ...] = ()
    scores: tuple[tuple[float, ...], ...] | None = None
    """A row for each image: logits, or what an identity gives back; ``None`` when not all are finite."""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What ``dataclasses.asdict`` gave, after a way through JSON."""
        scores = document["scores"]
        changes = {"labels": tuple(document["labels"]), "scores": scores and tuple(map(tuple, scores))}
        return cls(**{**document, **changes})


def answer(
    question: Mapping[str, Any], *, machine: Machine | None = None, clock: Clock | None = None
) -> dict[str, Any]:
    """Answer one question, both of JSON types.

    Args:
        question: ``{"what": "installed"}``, ``{"what": "gpus"}``, ``{"what": "openvino"}``,
            ``{"what": "plugin", "package": name}``, or
            ``{"what": "run", "provider": name, "device": text, "models": [path or null]}``.
        machine: What is asked.
        clock: Times the making of sessions.

    Returns:
        ``{"installed": ...}``; ``{"gpus": count}``, those that CUDA sees; ``{"devices": [device]}``, those of the
        OpenVINO that onnxruntime was built with, ``null`` where it cannot say; ``{"offered": [[provider, [device]]]}``;
        ``{"ran": [...]}``, one for each model; ``{"missing": text}`` where what is needed is not there.
    """
    machine = machine or Machine()
    match question["what"]:
        case "installed":
            return {"installed": dataclasses.asdict(installed(machine))}
        case "gpus":
            return {"gpus": count_gpus(machine=machine)}
        case "openvino":
            kinds = machine.openvino_hardware()
            return {"devices": None if kinds is None else _numbered(kinds)}
    try:
        if question["what"] == "plugin":
            found = offered(question["package"], machine)
            return {"offered": [[dataclasses.asdict(provider), devices] for provider, devices in found]}
        device = resolve_device(question["device"], question["provider"], machine=machine)
        require(device, machine=machine)
    except ProviderError as error:
        return {"missing": str(error)}
    return {"ran": list(map(dataclasses.asdict, run_models(device, question["models"], machine, clock)))}


def installed(machine: Machine) -> Installed:
    """What onnxruntime has; plug-in packages are named only."""
    return Installed(
        onnxruntime=str(import_onnxruntime().__version__),
        providers=built_in_providers(machine=machine),
        plugin_packages=tuple(machine.plugin_packages()),
    )


def offered(package: str, machine: Machine) -> list[tuple[Provider, list[str]]]:
    """Providers of an installed plug-in package, each with the devices that it takes: ``cpu, gpu:0, gpu:1``.

    Raises:
        ProviderError: When the package cannot be imported or its plug-in cannot be loaded.
    """
    try:
        providers = plugin_providers(package, machine=machine)
    except Exception as error:  # noqa: BLE001  # a stranger's package
        text = " ".join(str(error).split())[:300] or type(error).__name__
        raise ProviderError(f"the package {package} cannot be imported: {text}") from None
    found = []
    for provider in providers:
        register_plugin(provider, machine=machine)
        found.append((provider, _numbered(map(hardware_of, ep_devices(provider, machine=machine)))))
    return found


def _numbered(kinds: Iterable[str]) -> list[str]:
    """Names of devices by their kinds: ``cpu, gpu:0, gpu:1``."""
    devices: list[str] = []
    for kind in kinds:
        number = sum(device.startswith(f"{kind}:") for device in devices)
        devices.append(kind if kind == "cpu" else f"{kind}:{number}")
    return list(dict.fromkeys(devices))


def read_provider(document: Mapping[str, Any]) -> Provider:
    """What ``dataclasses.asdict`` gave, after a way through JSON."""
    return Provider(**{**document, "hardware": tuple(document["hardware"])})


def run_models(
    device: Device, models: Sequence[str | None], machine: Machine | None = None, clock: Clock | None = None
) -> list[Ran]:
    """Run models on the drawn digits, each in a session of its own.

    Args:
        device: Checked already.
        models: ONNX files of this project; ``None`` is a model that does nothing.
        machine: What the device is checked against.
        clock: Times the making of sessions.
    """
    clock = clock or MonotonicClock()
    return [_run_model(device, model, machine, clock) for model in models]


def _run_model(device: Device, model: str | None, machine: Machine | None, clock: Clock) -> Ran:
    images, truth = drawn_digits()
    try:
        start = clock.now_ns()
        session = create_session(identity_model() if model is None else model, device, machine=machine)
        seconds = max(0, clock.now_ns() - start) / 1_000_000_000
        outputs = [OUTPUT] if model is None else ["logits", "label"]
        try:
            given = session.run(outputs, {INPUT: images[:, None]})
        except onnxruntime_errors() as error:
            raise run_error(error, name=model or "identity", device=device, batch_size=len(images)) from error
    except MnistbenchError as error:
        return Ran(error=str(error))
    scores = np.asarray(given[0], dtype=np.float64).reshape(len(images), -1)
    labels = truth if model is None else np.asarray(given[1])
    finite = bool(np.isfinite(scores).all())
    return Ran(
        session_seconds=seconds,
        node_placement=node_placement(session),
        labels=tuple(map(int, labels)),
        scores=tuple(map(tuple, scores.tolist())) if finite else None,
    )
