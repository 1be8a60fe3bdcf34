"""One inference by OpenVINO's C interface: what ``benchmark_app`` times, without what Python adds around it.

``benchmark_app`` prints the time that the request itself says it took. Python's ``InferRequest.infer`` takes some 6 µs
more (arguments, output dictionary), which a clock around it would count: a third of the smallest network's time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mnistbench.errors import ProviderError


class Shape(ctypes.Structure):
    """``ov_shape_t``."""

    _fields_ = (("rank", ctypes.c_int64), ("dims", ctypes.POINTER(ctypes.c_int64)))


def c_call(path: Path, feed: Mapping[str, Any], settings: Mapping[str, str]) -> Callable[[int], object]:
    """An inference on the CPU with its input set beforehand; the argument is not used.

    Args:
        path: An ONNX file.
        feed: Contiguous arrays by input.
        settings: OpenVINO's properties, such as ``{"NUM_STREAMS": "1"}``.

    Raises:
        ProviderError: When OpenVINO is not there, or refuses something.
    """
    library = _library()

    def checked(status: int) -> None:
        if status:
            raise ProviderError(f"OpenVINO refused: {library.ov_get_last_err_msg().decode(errors='replace')}")

    def made(function: str, *arguments: object) -> ctypes.c_void_p:
        """What a function of the interface writes to the pointer that is its last argument but the variable ones."""
        out = ctypes.c_void_p()
        checked(getattr(library, function)(*arguments, ctypes.byref(out)))
        return out

    core = made("ov_core_create")
    compiled = ctypes.c_void_p()
    properties = [part.encode() for pair in settings.items() for part in pair]
    count = ctypes.c_size_t(len(properties))
    checked(
        library.ov_core_compile_model_from_file(
            core, str(path).encode(), b"CPU", count, ctypes.byref(compiled), *map(ctypes.c_char_p, properties)
        )
    )
    request = made("ov_compiled_model_create_infer_request", compiled)
    for name, array in feed.items():
        tensor = made("ov_infer_request_get_tensor", request, name.encode())
        checked(library.ov_tensor_set_shape(tensor, Shape(array.ndim, (ctypes.c_int64 * array.ndim)(*array.shape))))
        source = np.ascontiguousarray(array)
        ctypes.memmove(made("ov_tensor_data", tensor), source.ctypes.data, source.nbytes)
    infer = library.ov_infer_request_infer
    checked(infer(request))
    return lambda _index: infer(request)


def _library() -> ctypes.CDLL:
    try:
        import openvino
    except ImportError:
        raise ProviderError("openvino is not installed; run: pip install openvino") from None
    folder = Path(openvino.__file__).parent / "libs"
    names = ("libopenvino_c.so*", "libopenvino_c*.dylib", "openvino_c.dll")
    found = next((path for name in names for path in sorted(folder.glob(name))), None)
    if found is None:
        raise ProviderError("this build of openvino has no C interface; run: pip install openvino")
    library = ctypes.CDLL(str(found))
    library.ov_get_last_err_msg.restype = ctypes.c_char_p
    # Named, since some processors pass variable arguments otherwise than these.
    fixed = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)]
    library.ov_core_compile_model_from_file.argtypes = fixed
    library.ov_infer_request_infer.argtypes = [ctypes.c_void_p]
    return library
