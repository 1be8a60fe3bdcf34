"""Findings on what is installed: packages and their versions. Imports none of them."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Mapping

from mnistbench.results import Environment, Finding, Severity
from mnistbench.runtime.machine import ONNXRUNTIMES

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "train": ("onnx", "onnxscript", "safetensors", "torch"),
    "plots": ("matplotlib",),
    "openvino": ("onnxruntime-ep-openvino",),
    "gpu": ("nvidia-ml-py",),
    "ray": ("ray",),
    "store": ("fsspec",),
}
"""Optional parts of mnistbench and the packages of each, as in ``pyproject.toml``."""

_PURPOSES = {
    "train": "training and exporting",
    "plots": "pictures of results",
    "openvino": "a faster provider on Intel's hardware",
    "gpu": "clocks and throttling of NVIDIA GPUs",
    "ray": "training and measuring on the machines of a cluster",
    "store": "keeping finished runs in an object store",
}

_OPENVINO_SYSTEMS = (("Linux", "x86_64"), ("Windows", "AMD64"))
_OPENVINO_BUILD = "onnxruntime-openvino"

AREA = "software"


def installed_packages() -> dict[str, str]:
    """Version of every installed package by its name in small letters with dashes."""
    return {
        re.sub(r"[-_.]+", "-", name).lower(): package.version
        for package in importlib.metadata.distributions()
        if isinstance(name := package.metadata["Name"], str)
    }


def check_software(
    environment: Environment,
    packages: Mapping[str, str],
    imported: str | None,
    system: tuple[str, str] | None = None,
) -> list[Finding]:
    """mnistbench, Python, onnxruntime, numpy, and the extras.

    Args:
        environment: The machine; decides which extras are of use.
        packages: As :func:`installed_packages` gives them.
        imported: Version that onnxruntime says when it is imported; ``None`` when it cannot be.
        system: Operating system and kind of processor, as :mod:`platform` names them.
    """
    return [
        Finding(AREA, "mnistbench", "ok", environment.packages.get("mnistbench", "")),
        Finding(AREA, "Python", "ok", environment.python),
        check_onnxruntime(packages, imported),
        _numpy(packages),
        *(
            check_extra(extra, environment, packages, system or (platform.system(), platform.machine()))
            for extra in EXTRAS
        ),
        *_torch_without_cuda(environment, packages),
    ]


def check_onnxruntime(packages: Mapping[str, str], imported: str | None) -> Finding:
    """Whether exactly one package brings onnxruntime, and it is what is imported."""
    found = [name for name in ONNXRUNTIMES if name in packages]
    if not found:
        return Finding(AREA, "onnxruntime", "problem", "it is not installed", "pip install onnxruntime-gpu")
    kept = found[0]
    named = ", ".join(f"{name} {packages[name]}" for name in found)
    again = f"pip uninstall -y {' '.join(found)} && pip install {kept}=={packages[kept].partition('+')[0]}"
    if len(found) > 1:
        text = f"{named} are installed at once and overwrite each other's files; keep one"
        return Finding(AREA, "onnxruntime", "problem", text, again)
    if imported is None:
        return Finding(AREA, "onnxruntime", "problem", f"{named} is installed but cannot be imported", again)
    if _release(imported) != _release(packages[kept]):
        text = f"{named} is installed, but {imported or 'an unknown version'} is imported: files of another remain"
        return Finding(AREA, "onnxruntime", "problem", text, again)
    return Finding(AREA, "onnxruntime", "ok", named)


def check_extra(extra: str, environment: Environment, packages: Mapping[str, str], system: tuple[str, str]) -> Finding:
    """Whether an optional part is installed, or how it would be and whether it is of use here."""
    subject = f"extra {extra}"
    if extra == "openvino" and _OPENVINO_BUILD in packages:
        return Finding(AREA, subject, "ok", f"built into {_OPENVINO_BUILD} {packages[_OPENVINO_BUILD]}")
    lacking = [package for package in EXTRAS[extra] if package not in packages]
    if not lacking:
        return Finding(AREA, subject, "ok", ", ".join(f"{name} {packages[name]}" for name in EXTRAS[extra]))
    text = f"{_PURPOSES[extra]}: not installed: {', '.join(lacking)}"
    severity: Severity = "missing"
    if extra == "openvino" and system not in _OPENVINO_SYSTEMS:
        return Finding(AREA, subject, "note", f"{text}; there is no build for {' '.join(system)}")
    if extra == "openvino" and "amd" in environment.cpu.lower():
        severity, text = "note", f"{text}; it takes Intel's hardware only, the build {_OPENVINO_BUILD} any CPU"
    if extra == "gpu" and not environment.gpus:
        severity, text = "note", f"{text}; there is no NVIDIA GPU here"
    return Finding(AREA, subject, severity, text, install_extra(extra) if severity == "missing" else "")


def install_extra(extra: str) -> str:
    """The command that installs an optional part."""
    return f"pip install 'mnistbench[{extra}]'"


def _numpy(packages: Mapping[str, str]) -> Finding:
    if "numpy" in packages:
        return Finding(AREA, "numpy", "ok", packages["numpy"])
    return Finding(AREA, "numpy", "problem", "it is not installed", "pip install numpy")


def _torch_without_cuda(environment: Environment, packages: Mapping[str, str]) -> list[Finding]:
    version, _, build = packages.get("torch", "").partition("+")
    if not environment.gpus or build != "cpu":
        return []
    text = f"{version} is a build without CUDA: training cannot use the GPU"
    return [Finding(AREA, "torch", "missing", text, f"pip install --force-reinstall torch=={version}")]


def _release(version: str) -> str:
    """``1.31.1`` of ``1.31.1.post1+cu130``."""
    match = re.match(r"[0-9]+(?:\.[0-9]+){0,2}", version)
    return match[0] if match else version
