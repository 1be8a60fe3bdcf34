"""Devices by name, each with the execution provider that is to run models on it.

A device that cannot be used raises an error that names what is missing: nothing
falls back. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnistbench.errors import ProviderError, UnknownDeviceError
from mnistbench.runtime.cuda import count_gpus, require_cuda
from mnistbench.runtime.known_providers import CPU_PROVIDER, CUDA_PROVIDER, OPENVINO_PROVIDER, Provider
from mnistbench.runtime.machine import NVIDIA, Machine, hardware_of, vendor_of
from mnistbench.runtime.providers import ep_devices, find_provider, register_plugin


@dataclass(frozen=True)
class Device:
    """One place to run a model, and by which provider.

    ``cuda:N`` counts as CUDA does: fastest first, unless ``CUDA_DEVICE_ORDER=PCI_BUS_ID``
    makes it count as ``nvidia-smi`` does; ``CUDA_VISIBLE_DEVICES`` hides devices from both counts.
    """

    text: str
    """``cpu``, ``cuda:N``, or ``gpu:N`` and ``npu:N`` where a provider says so."""
    provider: str
    """onnxruntime's name of the execution provider."""
    index: int | None = None
    """Number of the accelerator; ``None`` for the CPU."""
    provider_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What onnxruntime is given for the provider."""
    source: Provider = CPU_PROVIDER
    """The provider as data."""

    @property
    def is_gpu(self) -> bool:
        """Whether it is not the CPU."""
        return self.index is not None

    @property
    def is_default(self) -> bool:
        """Whether the provider is onnxruntime's own for the CPU, which runs every operator."""
        return self.provider == CPU_PROVIDER.full_name

    @property
    def label(self) -> str:
        """The device, with the provider behind it where that does not go without saying: ``cpu openvino``."""
        usual = self.source.name in (CPU_PROVIDER.name, CUDA_PROVIDER.name)
        return self.text if usual else f"{self.text} {self.source.name}"


CPU = Device("cpu", CPU_PROVIDER.full_name)


def resolve_device(
    text: str | Device, provider: str | Provider | None = None, *, machine: Machine | None = None
) -> Device:
    """The device that ``cpu``, ``cuda`` (the first GPU) or ``cuda:N`` means; it is not touched.

    Args:
        text: The device; ``gpu:N`` and ``npu:N`` need a provider.
        provider: By name; the CPU's own, or CUDA, when ``None``.
        machine: What is asked which providers are installed.

    Raises:
        ProviderError: When it is none of these, or the provider does not run there.
    """
    return text if isinstance(text, Device) else _resolve(text, provider, machine=machine)


def _resolve(
    text: str, provider: str | Provider | None = None, *, machine: Machine | None = None, among_several: bool = False
) -> Device:
    """As :func:`resolve_device`; ``among_several`` says that the text stands where ``all`` may stand too."""
    match = re.fullmatch(r"(cpu)|(cuda|gpu|npu)(?::([0-9]{1,3}))?", text.strip().lower(), re.ASCII)
    if match is None or (provider is None and match[2] in ("gpu", "npu")):
        names = "cpu, cuda, cuda:N (N from 0) or all" if among_several else "cpu, cuda or cuda:N (N from 0)"
        more = f"; gpu:N and npu:N need {'--provider' if among_several else 'a provider'}" if match else ""
        raise UnknownDeviceError(f"unknown device {text!r}; expected {names}{more}")
    kind = match[1] or match[2]
    if isinstance(provider, str):
        provider = find_provider(provider, machine=machine)
    if provider is None:
        provider = CUDA_PROVIDER if kind == "cuda" else CPU_PROVIDER
    if not _fits(provider, kind):
        raise UnknownDeviceError(
            f"the provider {provider.name} does not run on {text.strip().lower()}; {_expected(provider)}"
        )
    if kind == "cpu":
        return Device("cpu", provider.full_name, None, _options(provider, kind, 0), provider)
    index = int(match[3] or 0)
    if index and not _tells_apart(provider):
        raise UnknownDeviceError(
            f"the provider {provider.name} cannot be told which {kind} to use; expected the device {kind}:0"
        )
    return Device(f"{kind}:{index}", provider.full_name, index, _options(provider, kind, index), provider)


def _options(provider: Provider, kind: str, index: int) -> dict[str, str]:
    """A provider's options, and which device it is to use; a plug-in is handed the device itself."""
    options = dict(provider.options)
    if provider.package is not None:
        return options
    if provider.name == OPENVINO_PROVIDER.name:
        # Its own names of devices; the first of a kind has no number where there is no second.
        return {"device_type": f"{kind.upper()}.{index}" if index else kind.upper()} | options
    if provider.number_option is not None:
        return {provider.number_option: str(index)} | options
    return dict(provider.kind_options.get(kind, {})) | options


def _tells_apart(provider: Provider) -> bool:
    """Whether a provider can be told to use the second device of a kind, and does not take the first all the same."""
    known = provider.number_option is not None or provider.name == OPENVINO_PROVIDER.name
    return known or provider.package is not None


def expand_devices(
    text: str | None, providers: Sequence[str] = (), *, machine: Machine | None = None
) -> tuple[Device, ...]:
    """Every device that is meant: names separated by commas, or ``all`` for the CPU and every NVIDIA GPU.

    Args:
        text: The devices; where each provider usually runs when ``None``, without providers the CPU.
        providers: Each is paired with each device that it runs on; a device's usual one when empty.
        machine: What is asked.

    Raises:
        ProviderError: When a text means no device or provider, or a provider runs on none of the devices, or has to
            be told on which.
    """
    chosen = [find_provider(name, machine=machine) for name in providers]
    if text is None:
        usual = [resolve_device(usual_device(provider), provider) for provider in chosen]
        return tuple(dict.fromkeys(usual or [CPU]))
    names: list[str] = []
    for part in text.split(","):
        if part.strip().lower() == "all":
            # That names none: what runs anywhere would then run under every name.
            for provider in chosen:
                _check_settled(provider)
            names += ["cpu", *(f"cuda:{index}" for index in range(count_gpus(machine=machine)))]
        else:
            names.append(part)
    if not chosen:
        return tuple(dict.fromkeys(_resolve(name, among_several=True) for name in names))
    found: list[Device] = []
    for provider in chosen:
        fitting = [name for name in names if _fits(provider, re.split(":", name.strip().lower())[0])]
        # None fits: the first one's error says where the provider runs.
        found += [_resolve(name, provider, among_several=True) for name in fitting or names[:1]]
    return tuple(dict.fromkeys(found))


def require(device: Device, *, machine: Machine | None = None) -> None:
    """Make sure that onnxruntime can use ``device``.

    Raises:
        ProviderError: When something is missing; the message names it and says what to do.
    """
    if device.is_default:
        return
    machine = machine or Machine()
    if device.source.package is not None:
        register_plugin(device.source, machine=machine)
        plugin_device(device, machine=machine)
    elif device.text.startswith("cuda"):
        assert device.index is not None
        require_cuda(device.text, device.index, device.provider, machine)
    elif device.provider not in machine.available_providers():
        raise ProviderError(f"the installed onnxruntime is built without {device.provider}; use another provider")


def plugin_device(device: Device, *, machine: Machine) -> Any:
    """The ``OrtEpDevice`` of a device with a plug-in provider.

    Raises:
        ProviderError: When the plug-in, once loaded, does not offer that hardware.
    """
    kind = device.text.partition(":")[0]
    offered = ep_devices(device.source, machine=machine)
    fitting = [found for found in offered if _is_kind(found, kind)]
    if len(fitting) > (device.index or 0):
        return fitting[device.index or 0]
    have = ", ".join(sorted({hardware_of(found) for found in offered})) or "none of this machine's devices"
    version = machine.package_version(device.source.package or "")
    vendor = ""
    if device.source.name == "openvino":
        vendor = " (it takes Intel's hardware only; the build onnxruntime-openvino takes any CPU)"
    raise ProviderError(
        f"{device.label} cannot be used: the plug-in of {device.source.package} {version} offers {have}{vendor}; "
        "use another provider or device"
    )


def _fits(provider: Provider, kind: str) -> bool:
    return kind in provider.hardware


def _is_kind(ep_device: Any, kind: str) -> bool:
    """Whether a pair of provider and hardware is of a kind; ``cuda`` are NVIDIA's GPUs and nobody else's."""
    if kind != "cuda":
        return hardware_of(ep_device) == kind
    return hardware_of(ep_device) == "gpu" and vendor_of(ep_device) == NVIDIA


def usual_device(provider: Provider) -> str:
    """The device that a provider is mostly used on: ``cpu``, or the first accelerator of its kind.

    Raises:
        UnknownDeviceError: When nothing tells which that is, or it is on another machine.
    """
    _check_settled(provider)
    if not provider.hardware:
        raise UnknownDeviceError(f"the provider {provider.name} cannot be used; {_expected(provider)}")
    first = provider.hardware[0]
    return first if first == "cpu" else f"{first}:0"


def _check_settled(provider: Provider) -> None:
    if provider.is_unsettled:
        raise UnknownDeviceError(
            f"nothing tells on which device the provider {provider.name} runs by itself; name it with --device: "
            f"{_kinds(provider)}"
        )


def _expected(provider: Provider) -> str:
    if not provider.hardware:
        return "it runs on another machine: use another provider"
    return f"expected the device {_kinds(provider)}"


def _kinds(provider: Provider) -> str:
    return " or ".join("cuda:N" if kind == "cuda" else kind for kind in provider.hardware)
