"""Which provider is to be tried on which device of this machine, and why one is not. Runs no model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mnistbench.errors import ProviderError
from mnistbench.measure.doctor.answers import read_provider
from mnistbench.measure.doctor.patient import Patient
from mnistbench.results import Finding
from mnistbench.runtime.devices import usual_device
from mnistbench.runtime.known_providers import CPU_PROVIDER, OPENVINO_PROVIDER, PROVIDERS, Provider

AREA = "devices"

UNSETTLED = "unknown"
"""In place of the device of a provider that nobody knows the hardware of."""


@dataclass(frozen=True)
class Place:
    """A provider on a device."""

    device: str
    """Its text: ``cuda:0``."""
    provider: str
    """Short name."""
    known: bool = True
    """Whether the provider is known to run models like ours."""
    refused: Finding | None = None
    """Why nothing is to be tried there; ``None`` where it is."""

    @property
    def label(self) -> str:
        """The device, and who runs there where that does not go without saying: ``cpu``, ``cuda:0 tensorrt``."""
        return self.device if self.provider in ("cpu", "cuda") else f"{self.device} {self.provider}"

    @property
    def subject(self) -> str:
        """What a finding is on."""
        return f"device {self.label}"


CPU_PLACE = Place("cpu", CPU_PROVIDER.name)


def other_places(patient: Patient) -> list[Place]:
    """All but the CPU by onnxruntime's own provider: what is known, then what else is installed."""
    installed = patient.installed
    built_in = {provider.full_name: provider for provider in (*PROVIDERS, *(installed.providers if installed else ()))}
    packages = installed.plugin_packages if installed else ()
    known = [provider.name for provider in PROVIDERS]
    places: list[Place] = []
    for provider in built_in.values():
        if provider.package is not None:
            if provider.package not in packages:
                places.append(Place(usual_device(provider), provider.name, refused=_not_installed(provider, patient)))
        elif provider.hardware == ("cuda",):
            places += _on_gpus(provider, patient)
        elif provider.full_name == OPENVINO_PROVIDER.full_name:
            places += _on_openvino(provider, patient)
        elif provider.full_name != CPU_PROVIDER.full_name:
            places += _built_in(provider, known=provider.name in known)
    for package in packages:
        places += _by_plugin(package, patient)
    return places


def _on_gpus(provider: Provider, patient: Patient) -> list[Place]:
    if patient.num_gpus is None:
        text = "the NVIDIA driver does not answer, so nothing was tried"
        subject = Place("cuda:0", provider.name).subject
        return [Place("cuda:0", provider.name, refused=Finding(AREA, subject, "problem", text))]
    # Where there is none, the first says what is missing.
    return [Place(f"cuda:{number}", provider.name) for number in range(max(1, patient.num_gpus))]


def _on_openvino(provider: Provider, patient: Patient) -> list[Place]:
    """Wherever an OpenVINO that is built in finds hardware; on the CPU alone where it cannot be asked."""
    try:
        devices = patient.ask({"what": "openvino"})["devices"]
        reason = "it does not say"
    except ProviderError as error:
        devices, reason = None, str(error)
    if devices is not None:
        return [Place(device, provider.name) for device in devices]
    text = f"not tried: OpenVINO was asked which devices it finds, and {reason}"
    others = [Place(f"{kind}:0", provider.name) for kind in provider.hardware if kind != "cpu"]
    refused = [replace(place, refused=Finding(AREA, place.subject, "note", text)) for place in others]
    return [Place("cpu", provider.name), *refused]


def _built_in(provider: Provider, *, known: bool) -> list[Place]:
    """Where another provider of the build runs: each of its kinds of device where nothing tells which."""
    if not provider.is_unsettled:
        return [Place(usual_device(provider), provider.name, known=known)] if provider.hardware else []
    if provider.kind_options:
        return [Place(kind if kind == "cpu" else f"{kind}:0", provider.name, known=known) for kind in provider.hardware]
    text = f"{provider.full_name} was not tried: nothing tells on which device it runs; --device has to name it"
    return [Place(UNSETTLED, provider.name, refused=Finding(AREA, f"provider {provider.name}", "note", text))]


def _by_plugin(package: str, patient: Patient) -> list[Place]:
    """Wherever the providers of an installed package run."""
    known = {provider.name: provider for provider in PROVIDERS}
    names = [provider.name for provider in PROVIDERS if provider.package == package]
    name = names[0] if names else package.rpartition("-")[2]
    try:
        answer = patient.ask({"what": "plugin", "package": package})
    except ProviderError as error:
        answer = {"missing": str(error)}
    if "missing" in answer:
        again = f"pip install --force-reinstall --no-deps {package}"
        return [Place("cpu", name, refused=Finding(AREA, package, "problem", str(answer["missing"]), again))]
    places = []
    for document, devices in answer["offered"]:
        provider = read_provider(document)
        places += [Place(device, provider.name, known=provider.name in known) for device in devices]
        if not devices:
            text = f"{package} takes none of this machine's devices"
            refused = Finding(AREA, f"plug-in {provider.name}", "note", text)
            places.append(Place(usual_device(provider), provider.name, refused=refused))
    return places


def _not_installed(provider: Provider, patient: Patient) -> Finding:
    """What is said of a plug-in that is not there: the extra's finding where there is one."""
    if provider.extra is not None and provider.extra in patient.extras:
        return patient.extras[provider.extra]
    text = f"{provider.package} is not installed"
    return Finding(AREA, provider.name, "missing", text, f"pip install {provider.package}")
