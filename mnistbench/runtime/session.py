"""onnxruntime sessions: made from a checked file, on the device asked for, with settings that are data.

onnxruntime neither prints nor falls back to another device here, and what it
raises comes out as one line. Knows nothing of images.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mnistbench.errors import CombinationError, MnistbenchError, ModelError, ProviderError
from mnistbench.runtime.devices import Device, plugin_device, require
from mnistbench.runtime.machine import Machine
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.onnx_parser import OnnxInfo, parse_onnx
from mnistbench.runtime.ort import import_onnxruntime
from mnistbench.runtime.placement import RECORD, check_placement
from mnistbench.runtime.threads import MOST_THREADS, usable_cpus
from mnistbench.runtime.untrusted.limits import Limits
from mnistbench.runtime.untrusted.session import UntrustedSession

GRAPH_OPTIMIZATIONS: tuple[str, ...] = ("all", "extended", "basic", "none")
"""onnxruntime's levels, from the most to none."""

_SILENT = 4  # fatal errors only; everything else arrives as an exception


@dataclass(frozen=True)
class SessionSettings:
    """What a session is made with; all of it is stored beside a measurement."""

    intra_op_num_threads: int = field(default_factory=usable_cpus)
    """Threads within one operator; onnxruntime's own default ignores the process's affinity."""
    allow_spinning: bool = True
    """Whether idle threads wait busily: faster, at the price of a busy processor."""
    graph_optimization: str = "all"
    """One of :data:`GRAPH_OPTIMIZATIONS`."""
    provider_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    """For the provider, above what its device gives it."""

    def __post_init__(self) -> None:
        if not 1 <= self.intra_op_num_threads <= MOST_THREADS:
            raise ProviderError(f"{self.intra_op_num_threads} threads are not possible; expected 1 to {MOST_THREADS:,}")
        if self.graph_optimization not in GRAPH_OPTIMIZATIONS:
            raise ProviderError(
                f"unknown graph optimisation {self.graph_optimization!r}; expected {', '.join(GRAPH_OPTIMIZATIONS)}"
            )

    def as_dict(self) -> dict[str, Any]:
        """The fields, for results."""
        return dataclasses.asdict(self)


def create_session(
    source: str | os.PathLike[str] | bytes,
    device: Device,
    settings: SessionSettings | None = None,
    *,
    info: OnnxInfo | None = None,
    allow_external_data: bool = False,
    extra_options: Mapping[str, str] | None = None,
    opening: Callable[[Callable[[], Any]], Any] | None = None,
    profile_prefix: Path | None = None,
    machine: Machine | None = None,
    untrusted: Limits | None = None,
) -> Any:
    """Load an ONNX model and return its ``onnxruntime.InferenceSession``, on ``device`` and nowhere else.

    Args:
        source: The file, or its content. A file is handed on as a path, since external data lies
            relative to it; content cannot have any.
        device: Where to run; checked with :func:`mnistbench.runtime.devices.require`.
        settings: Threads, spinning and optimisation level; the defaults when ``None``.
        info: The file's facts, when the caller has read them already.
        allow_external_data: Whether the file may name other files that hold its weights.
        extra_options: For the provider, above those of the device.
        opening: Gets the function that opens the session, and returns what that returns; to time just that.
        profile_prefix: Beginning of the file that the session's ``end_profiling()`` writes; every run is
            profiled, and slower for it. No profile when ``None``.
        machine: What the device is checked against; a test gives its own.
        untrusted: Limits of a process of its own, which the model is loaded and run in; in this one when ``None``.
            Only for a file, on the CPU, with neither profile nor provider options.

    Raises:
        ModelError: When the file is missing, damaged, too new, or has external data that was not allowed.
        ProviderError: When the device cannot be used, or some of the model would run elsewhere.
        ProcessError: When the process of an untrusted model ended, or gave no answer in time.
    """
    what = "the model" if isinstance(source, bytes) else str(Path(source))
    if info is None:
        info = parse_onnx(source) if isinstance(source, bytes) else read_onnx_file(source)
    if info.external_data and (isinstance(source, bytes) or not allow_external_data):
        raise ModelError(
            f"{what} keeps weights in other files, which any path could be; "
            "if you trust it, allow external data (--allow-external-data)"
        )
    require(device, machine=machine)
    settings = settings or SessionSettings()
    if untrusted is not None:
        assert not isinstance(source, bytes), "its process reads a file"
        if not device.is_default:
            raise CombinationError(
                f"an untrusted model runs on the CPU only, not on {device.label}; use the device cpu"
            )
        return UntrustedSession(Path(source), settings.as_dict(), untrusted, allow_external_data=allow_external_data)
    onnxruntime = import_onnxruntime()
    options = _session_options(onnxruntime, device, settings)
    if profile_prefix is not None:
        options.enable_profiling, options.profile_file_prefix = True, os.fspath(profile_prefix)
    given = provider_options(device, settings) | dict(extra_options or {})
    # onnxruntime's Python layer would otherwise retry on the CPU by itself, here and in run().
    keywords: dict[str, Any] = {"enable_fallback": 0}
    try:
        if device.source.package is not None:
            options.add_provider_for_devices([plugin_device(device, machine=machine or Machine())], given)
        else:
            keywords["providers"] = [(device.provider, given)]
        model = source if isinstance(source, bytes) else os.fspath(source)
        open_session = partial(onnxruntime.InferenceSession, model, options, **keywords)
        session = opening(open_session) if opening is not None else open_session()
    except onnxruntime_errors() as error:
        raise _load_error(error, what, device, info, onnxruntime.__version__) from error
    used = session.get_providers()
    if not used or used[0] != device.provider:
        raise ProviderError(
            f"{device.label} was asked for, but onnxruntime chose {', '.join(used) or 'nothing'}; "
            f"its {device.source.name} provider could not start, see the troubleshooting in the README"
        )
    check_placement(session, device, what)
    _check_arguments(session, what)
    return session


def _check_arguments(session: Any, what: str) -> None:
    """Make sure that inputs and outputs can be asked for: onnxruntime takes names that are no text."""
    try:
        for argument in (*session.get_inputs(), *session.get_outputs()):
            _ = argument.name, argument.shape
    except UnicodeDecodeError as error:
        raise ModelError(f"{what} is damaged: the name of an input or output is no text ({error})") from None


def provider_options(device: Device, settings: SessionSettings) -> dict[str, str]:
    """What a device's provider is given: its own options, settings that it has for itself, and those meant for it."""
    options = dict(device.provider_options)
    if device.source.name == "openvino" and device.text == "cpu":
        # OpenVINO has threads of its own. One stream: one call at a time gets all of them.
        config = {"CPU": {"INFERENCE_NUM_THREADS": str(settings.intra_op_num_threads), "NUM_STREAMS": "1"}}
        options["load_config"] = json.dumps(config)
    return options | dict(settings.provider_options)


def onnxruntime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its own exceptions share no base class."""
    import_onnxruntime()
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "EngineError EPFail Fail InvalidArgument InvalidGraph InvalidProtobuf ModelLoaded NoModel NoSuchFile "
        "NotImplemented RuntimeException"
    )
    own = tuple(getattr(state, name) for name in names.split() if hasattr(state, name))
    return (*own, RuntimeError, ValueError, TypeError, MemoryError, IndexError, OSError)


def run_error(error: Exception, *, name: str, device: Device, batch_size: int, advice: str = "") -> MnistbenchError:
    """The error to raise for an exception of ``session.run``: memory, or the model itself and what may help there."""
    text = one_line(error)
    if isinstance(error, MemoryError) or re.search(r"allocat|out of memory|bad_alloc", text, re.IGNORECASE):
        return ProviderError(f"{device.label} has not enough memory for {name} at batch {batch_size:,}: {text}")
    return ModelError(f"{name} fails on a batch of {batch_size:,}: {text}{advice}")


def one_line(error: BaseException) -> str:
    """The readable part of an onnxruntime message: no status prefix, no C++ source position."""
    # Cut before the pattern, whose cost grows with the square of a word.
    text = " ".join(str(error)[:2000].split()) or type(error).__name__
    text = re.sub(r"\[ONNXRuntimeError\] : [0-9]+ : [A-Z_]+ : ", "", text)
    text = re.sub(r"\S*/onnxruntime/\S+:[0-9]+ [^()]*(?:operator\(\))?\((?:[^()]|\([^()]*\))*\)(?: const)? ?", "", text)
    return text[:400].rstrip()


def _session_options(onnxruntime: Any, device: Device, settings: SessionSettings) -> Any:
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = settings.intra_op_num_threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = {
        "all": levels.ORT_ENABLE_ALL,
        "extended": levels.ORT_ENABLE_EXTENDED,
        "basic": levels.ORT_ENABLE_BASIC,
        "none": levels.ORT_DISABLE_ALL,
    }[settings.graph_optimization]
    # onnxruntime would else read a file called .ort, or content that says so, in a format that nobody checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if settings.allow_spinning else "0")
    options.add_session_config_entry(RECORD, "1")
    if not device.is_default:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def _load_error(error: Exception, what: str, device: Device, info: OnnxInfo, version: str) -> MnistbenchError:
    text = one_line(error)
    if "fallback to CPU EP has been explicitly disabled" in text:
        return ProviderError(
            f"{what} cannot run wholly on {device.label}: onnxruntime has no {device.provider} kernel for some of "
            "its operators, or the provider could not start; use the device cpu"
        )
    if "IR version" in text:
        return ModelError(
            f"{what} has IR version {info.ir_version}, newer than onnxruntime {version} reads ({text}); "
            "update onnxruntime or export with an older IR version"
        )
    if "opset" in text.lower() and ("development" in text or "till opset" in text):
        return ModelError(
            f"{what} uses opset {info.opsets.get('', 0)}, newer than onnxruntime {version} knows; "
            "update onnxruntime or export with an older opset"
        )
    if not device.is_default and re.search(r"CUDA|CUDNN|cuBLAS|TensorRT|OpenVINO|memory|device", text):
        return ProviderError(f"{device.label} cannot load {what}: {text}")
    return ModelError(f"{what} cannot be loaded by onnxruntime {version}: {text}")
