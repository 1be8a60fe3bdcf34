"""A GPU's own clock: CUDA events around a call, on a stream that onnxruntime is told to use.

The wall time of a call has Python, the driver and the way back in it; the time
between two events is the GPU's alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from mnistbench.errors import ProviderError
from mnistbench.runtime.cuda import cuda_libraries
from mnistbench.runtime.machine import Machine


class CudaTimer:
    """A stream and two events on one GPU; close it after the sessions that use it.

    Args:
        index: Number of the GPU.
        machine: Loads the CUDA runtime.

    Raises:
        ProviderError: When CUDA refuses.
    """

    def __init__(self, index: int, *, machine: Machine | None = None) -> None:
        machine = machine or Machine()
        try:
            self._cuda: Any = machine.load_library(cuda_libraries(machine.cuda_version())[0])
        except OSError as error:
            raise ProviderError(f"cuda:{index} cannot be timed: {error}") from None
        self._stream, self._start, self._stop = (ctypes.c_void_p() for _ in range(3))
        self._check(self._cuda.cudaSetDevice(index))
        self._check(self._cuda.cudaStreamCreate(ctypes.byref(self._stream)))
        for event in (self._start, self._stop):
            self._check(self._cuda.cudaEventCreate(ctypes.byref(event)))

    @property
    def provider_options(self) -> dict[str, str]:
        """What makes onnxruntime's CUDA provider work on the stream."""
        return {"user_compute_stream": str(self._stream.value or 0)}

    def seconds(self, call: Callable[[], object]) -> float:
        """Time between the first and the last work of a call on the GPU.

        Raises:
            ProviderError: When CUDA refuses.
            Exception: Whatever ``call`` raises.
        """
        self._check(self._cuda.cudaEventRecord(self._start, self._stream))
        call()
        self._check(self._cuda.cudaEventRecord(self._stop, self._stream))
        self._check(self._cuda.cudaEventSynchronize(self._stop))
        milliseconds = ctypes.c_float()
        self._check(self._cuda.cudaEventElapsedTime(ctypes.byref(milliseconds), self._start, self._stop))
        return max(0.0, milliseconds.value / 1000)

    def close(self) -> None:
        """Give everything back."""
        for event in (self._start, self._stop):
            self._cuda.cudaEventDestroy(event)
        self._cuda.cudaStreamDestroy(self._stream)

    def _check(self, status: int) -> None:
        if status != 0:
            raise ProviderError(f"CUDA refuses to time a call (error {status})")
