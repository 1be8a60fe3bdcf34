"""Python code that makes a session as :mod:`mnistbench.runtime.session` does, for programs without this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mnistbench.runtime.devices import Device
from mnistbench.runtime.session import SessionSettings, provider_options

_LEVELS = {"extended": "ORT_ENABLE_EXTENDED", "basic": "ORT_ENABLE_BASIC", "none": "ORT_DISABLE_ALL"}


def session_snippet(
    path: Path, device: Device, settings: SessionSettings, extra_options: Mapping[str, str] | None = None
) -> str:
    """Lines that end with ``session``, an ``onnxruntime.InferenceSession``; they need onnxruntime only.

    Args:
        path: The ONNX file, which the code names as it is given.
        device: Where to run.
        settings: Threads, spinning, level of optimisation, options of the provider.
        extra_options: For the provider, above those.
    """
    given = provider_options(device, settings) | dict(extra_options or {})
    is_plugin = device.source.package is not None
    lines = ["import onnxruntime"]
    if is_plugin:
        lines.append(f"import {_module(device)} as plugin")
    lines += ["", *_session_options(device, settings)]
    if is_plugin:
        lines += [*_plugin_devices(device), f"options.add_provider_for_devices(devices, {_literal(given)})"]
        last = f"session = onnxruntime.InferenceSession({_literal(str(path))}, options)"
    else:
        if device.text.startswith("cuda"):
            lines.append("onnxruntime.preload_dlls()  # finds the CUDA libraries that pip installed")
        lines.append(f"providers = [({_literal(device.provider)}, {_literal(given)})]")
        last = f"session = onnxruntime.InferenceSession({_literal(str(path))}, options, providers)"
    if given.get("enable_cuda_graph") == "1":
        lines.append("# Replay needs session.run_with_iobinding() with the same binding in every call.")
    return "\n".join([*lines, last]) + "\n"


def _session_options(device: Device, settings: SessionSettings) -> list[str]:
    lines = [
        "options = onnxruntime.SessionOptions()",
        f"options.intra_op_num_threads = {settings.intra_op_num_threads}",
    ]
    if settings.intra_op_num_threads > 1:
        entry = f'"session.intra_op.allow_spinning", "{int(settings.allow_spinning)}"'
        lines.append(f"options.add_session_config_entry({entry})")
    if settings.graph_optimization in _LEVELS:
        level = _LEVELS[settings.graph_optimization]
        lines.append(f"options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.{level}")
    if not device.is_default:
        lines.append('options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")')
    return lines


def _plugin_devices(device: Device) -> list[str]:
    kind, index = device.text.partition(":")[0], device.index or 0
    hardware = "GPU" if kind == "cuda" else kind.upper()
    return [
        f"library = plugin.get_library_path()  # of the package {device.source.package}",
        f"onnxruntime.register_execution_provider_library({_literal(device.source.package or '')}, library)",
        "devices = [",
        "    found",
        "    for found in onnxruntime.get_ep_devices()",
        f"    if found.ep_name == {_literal(device.provider)} and found.device.type.name == {_literal(hardware)}",
        f"][{index}:{index + 1}]",
    ]


def _module(device: Device) -> str:
    return (device.source.package or "").replace("-", "_")


def _literal(value: str | Mapping[str, str]) -> str:
    """As Python writes it, with double quotes; what JSON makes of texts means the same in Python."""
    return json.dumps(value if isinstance(value, str) else dict(value))
