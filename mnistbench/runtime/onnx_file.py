"""Checks an ONNX file before anything loads it: it is there, a file, readable, and says what it is.

Knows nothing of onnxruntime.
"""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from mnistbench.errors import ModelError
from mnistbench.runtime.onnx_parser import OnnxInfo, parse_onnx

MAX_BYTES = 2**31 - 1
"""Protobuf's own limit for one message."""


def read_onnx_file(path: str | os.PathLike[str]) -> OnnxInfo:
    """Read the facts of the ONNX file at ``path``.

    Raises:
        ModelError: When there is no such file, it cannot be read, or it is not an ONNX file.
    """
    path = Path(path)
    try:
        # Asked before opening: opening a pipe would wait for ever.
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise ModelError(f"{path} is a folder; name the .onnx file in it")
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"{path} is not a regular file; expected an .onnx file")
        if status.st_size == 0:
            raise ModelError(f"{path} is empty; export or download it again")
        if status.st_size > MAX_BYTES:
            raise ModelError(f"{path} has {status.st_size:,} bytes; an ONNX file has at most {MAX_BYTES:,}")
        with (
            open(path, "rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as content,
        ):
            return parse_onnx(content, source=str(path))
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}; check the path, 'mnistbench list' shows the networks") from None
    except PermissionError:
        raise ModelError(f"{path} cannot be read: permission denied") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
