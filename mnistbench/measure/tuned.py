"""Settings that ``mnistbench bench --tune`` found, used on the machine and for the file that they are for."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from mnistbench.errors import ArtifactError
from mnistbench.files import read_json, sha256_of
from mnistbench.measure.environment import collect_environment, run_command
from mnistbench.results import Environment, TuningResult
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.providers import find_provider
from mnistbench.runtime.session import SessionSettings

MODE = "e2e"
"""What ``predict`` does: numpy arrays in, numpy arrays out."""


def read_tuning(path: Path) -> TuningResult:
    """Read a tuning, or what ``mnistbench bench --tune --json`` printed of a single one.

    Raises:
        ArtifactError: When the file is missing, damaged, of another kind or of a newer schema, or has several.
    """
    try:
        document = read_json(path)
        if isinstance(document, list):
            if len(document) != 1:
                raise ArtifactError(f"it has {len(document)} results; expected one")
            document = document[0]
        return TuningResult.from_dict(document)
    except (OSError, ValueError, ArtifactError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArtifactError(f"{path} is not a tuning: {reason}; make one with 'mnistbench bench NAME --tune'") from None


def use_tuning(
    tuned: str | os.PathLike[str] | TuningResult,
    path: Path,
    *,
    device: str | None = None,
    provider: str | None = None,
    environment: Environment | None = None,
) -> tuple[Device, SessionSettings]:
    """Device and settings for a model that is to run as it was tuned.

    Another file, device, mode or machine is an error and never passed over: what
    is fastest there says nothing of here. Another version of onnxruntime is a
    warning, since the settings mean the same in it and an update must not stop a program.

    Args:
        tuned: The file of a tuning, or its content.
        path: The ONNX file that is to be loaded.
        device: Where the caller wants it to run; ``None`` for wherever it was tuned.
        provider: Likewise.
        environment: This machine; looked at when ``None``.

    Raises:
        ArtifactError: When the tuning cannot be read or does not fit; the message names what differs.
        ProviderError: When the device or provider is unknown.
    """
    if isinstance(tuned, TuningResult):
        tuning, what = tuned, "the tuning"
    else:
        tuning, what = read_tuning(Path(tuned)), f"the tuning {os.fspath(tuned)}"
    again = f"tune it with: mnistbench bench {path} --tune"
    if tuning.settings is None:
        raise ArtifactError(f"{what} found no settings: {tuning.error}; {again}")
    if tuning.mode != MODE:
        raise ArtifactError(f"{what} is of calls in the mode {tuning.mode}, a loaded model runs in {MODE}; {again}")
    digest = _hash(path)
    if tuning.sha256 != digest:
        raise ArtifactError(
            f"{what} is of another file: {tuning.name} with sha256 {tuning.sha256[:12]}, "
            f"and {path} has {digest[:12]}; {again}"
        )
    there = resolve_device(tuning.device, tuning.provider)
    asked = {"device": _full(device), "provider": None if provider is None else find_provider(provider).name}
    for (key, wanted), has in zip(asked.items(), (there.text, there.source.name), strict=True):
        if wanted not in (None, has):
            raise ArtifactError(
                f"{what} is of the {key} {has}, not of {wanted}; leave the {key} out, or {again} --{key} {wanted}"
            )
    here = environment if environment is not None else _environment(there)
    different = _differences(tuning.environment, here, there)
    if different:
        raise ArtifactError(f"{what} is of another machine: {'; '.join(different)}; {again}{_on_trust(tuning)}")
    versions = _versions(tuning.environment)
    if versions != _versions(here):
        warnings.warn(
            f"{what} is of {_text(versions)}, this is {_text(_versions(here))}; it is used, but {again} to be sure",
            stacklevel=3,
        )
    return there, _settings(tuning, there, what)


def _settings(tuning: TuningResult, device: Device, what: str) -> SessionSettings:
    """Only what a tuning can have found: a provider's options can name libraries and addresses."""
    assert tuning.settings is not None
    for key, value in tuning.settings["provider_options"].items():
        if value not in device.source.choices.get(key, ()):
            raise ArtifactError(
                f"{what} gives the provider {device.source.name} {key}={value!r:.60}, which no tuning tries; "
                "restore the file, or tune again"
            )
    return SessionSettings(**tuning.settings)


def _on_trust(tuning: TuningResult) -> str:
    """How to use the settings all the same, where that can be said."""
    settings = tuning.settings
    if settings is None or settings["provider_options"]:
        return ""
    threads, spins = settings["intra_op_num_threads"], settings["allow_spinning"]
    return f"; or take its settings on trust: num_threads={threads}, allow_spinning={spins}"


def _hash(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}; name an ONNX file that exists") from None


def _full(device: str | None) -> str | None:
    """``cuda:0`` for ``cuda``."""
    if device is None:
        return None
    text = device.strip().lower()
    return text if text == "cpu" or ":" in text else f"{text}:0"


def _environment(device: Device) -> Environment:
    """This machine; its GPUs only where they matter, since asking for them takes long."""
    return collect_environment(
        run=lambda command: None if command[0] == "nvidia-smi" and not device.is_gpu else run_command(command)
    )


def _differences(tuned: Environment, here: Environment, device: Device) -> list[str]:
    facts: list[tuple[str, object, object]] = [
        ("processor", tuned.cpu, here.cpu),
        ("usable processors", tuned.cpus_usable, here.cpus_usable),
    ]
    if device.is_gpu:
        facts.append(("GPUs", _gpus(tuned), _gpus(here)))
    return [f"{name} {one!s:.300}, here {another!s:.300}" for name, one, another in facts if one != another]


def _gpus(environment: Environment) -> str:
    return ", ".join(sorted(str(gpu.get("name")) for gpu in environment.gpus)) or "none"


def _versions(environment: Environment) -> dict[str, str]:
    return {name: text for name, text in environment.packages.items() if name.startswith("onnxruntime")}


def _text(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or "no onnxruntime"
