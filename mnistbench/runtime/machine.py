"""What the runtime asks of the machine and of the installed onnxruntime; a test gives its own.

Nothing here decides anything.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.metadata
import io
import sys
from collections.abc import Sequence
from typing import Any

from mnistbench.runtime.ort import import_onnxruntime

PLUGIN_PREFIX = "onnxruntime-ep-"
"""How packages with a plug-in execution provider are named."""

ONNXRUNTIMES: tuple[str, ...] = (
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-migraphx",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-silicon",
    "onnxruntime-training",
    "ort-nightly",
    "ort-nightly-gpu",
    "onnxruntime",
)
"""Packages that all bring the folder ``onnxruntime``; of several, the first is kept."""

NVIDIA = 0x10DE
"""PCI number of the maker. Source: the PCI ID repository."""


_brought_by_plugins: set[str] = set()
"""Providers of this process's plug-ins: onnxruntime 1.31 lists them with those it was built with, older ones do not."""


class Machine:
    """This machine and the onnxruntime installed on it."""

    def load_library(self, name: str) -> Any:
        """A shared library by name, loaded.

        Raises:
            OSError: When it cannot be loaded.
        """
        return ctypes.CDLL(name)

    def available_providers(self) -> list[str]:
        """What the installed onnxruntime was built with, usable or not."""
        return [name for name in import_onnxruntime().get_available_providers() if name not in _brought_by_plugins]

    def cuda_version(self) -> str:
        """The CUDA that onnxruntime was built for, such as ``13.0``; empty when unknown."""
        return str(getattr(import_onnxruntime(), "cuda_version", "") or "")

    def preload(self) -> None:
        """Load the CUDA libraries that pip installed, where onnxruntime can find them."""
        preload = getattr(import_onnxruntime(), "preload_dlls", None)
        # It prints what it misses on stdout; what is missing is asked for, by name, afterwards.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(RuntimeError, OSError):
            if preload is not None:
                preload()

    def plugin_packages(self) -> list[str]:
        """Installed packages with a plug-in provider, such as ``onnxruntime-ep-openvino``."""
        names = {
            name.lower().replace("_", "-")
            for package in importlib.metadata.distributions()
            if isinstance(name := package.metadata["Name"], str)
        }
        return sorted(name for name in names if name.startswith(PLUGIN_PREFIX))

    def plugin(self, package: str) -> tuple[str, tuple[str, ...]]:
        """Library of a plug-in package and the names of its providers.

        Raises:
            Exception: When the package cannot be imported, or has not the functions that such packages have.
        """
        module: Any = importlib.import_module(package.replace("-", "_"))
        names = module.get_ep_names() if hasattr(module, "get_ep_names") else [module.get_ep_name()]
        return str(module.get_library_path()), tuple(map(str, names))

    def register_library(self, name: str, path: str) -> None:
        """Make onnxruntime load a plug-in; done once in a process.

        Raises:
            Exception: What onnxruntime raises for a library that it cannot load.
        """
        onnxruntime = import_onnxruntime()
        before = set(onnxruntime.get_available_providers())
        onnxruntime.register_execution_provider_library(name, path)
        _brought_by_plugins.update(set(onnxruntime.get_available_providers()) - before)

    def ep_devices(self) -> Sequence[Any]:
        """Pairs of provider and hardware that onnxruntime offers: ``OrtEpDevice``."""
        listed = getattr(import_onnxruntime(), "get_ep_devices", None)
        return list(listed()) if listed is not None else []

    def openvino_hardware(self) -> list[str] | None:
        """Kind of each device that the OpenVINO built into onnxruntime finds: ``cpu``, ``gpu`` or ``npu``.

        ``None`` when it cannot say. OpenVINO then looks for drivers, which may end the process.
        """
        import_onnxruntime()
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        listed = getattr(state, "get_available_openvino_device_ids", None)
        try:
            names = [str(name) for name in listed()] if listed is not None else []
        except Exception:  # noqa: BLE001  # a library's own exceptions
            return None
        kinds = [name.partition(".")[0].lower() for name in names]
        return [kind for kind in kinds if kind in ("cpu", "gpu", "npu")] or None

    def onnxruntimes(self) -> list[str]:
        """Installed packages that bring onnxruntime, as in :data:`ONNXRUNTIMES`; more than one is too many."""
        return [package for package in ONNXRUNTIMES if self.package_version(package)]

    def package_version(self, package: str) -> str:
        """Version of an installed package; empty when it is not."""
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return ""


def driver_name() -> str:
    """File name of the NVIDIA driver's library."""
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def hardware_of(ep_device: Any) -> str:
    """Kind of hardware of an ``OrtEpDevice``: ``cpu``, ``gpu`` or ``npu``."""
    return str(getattr(ep_device.device.type, "name", ep_device.device.type)).lower()


def vendor_of(ep_device: Any) -> int:
    """PCI number of the maker of an ``OrtEpDevice``'s hardware."""
    return int(getattr(ep_device.device, "vendor_id", 0))
