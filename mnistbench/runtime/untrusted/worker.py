"""The program of the limited process: ``python -m mnistbench.runtime.untrusted.worker MEMORY_BYTES SECONDS``.

Reads requests from standard input and answers each on what was standard output;
what libraries print there goes nowhere. Loads one model, and runs it when asked.
Ends with the process that started it, in the middle of a call too.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from mnistbench import errors
from mnistbench.errors import MnistbenchError
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.ort import import_onnxruntime
from mnistbench.runtime.parent import end_with_parent
from mnistbench.runtime.session import SessionSettings, create_session, one_line, onnxruntime_errors
from mnistbench.runtime.untrusted.limits import Limits, limit_processor_time, limit_this_process
from mnistbench.runtime.untrusted.session import SECONDS_TO_START
from mnistbench.runtime.untrusted.wire import Arrays, WireError, decode, encode


def serve(read_from: int, write_to: int, limits: Limits) -> None:
    """Answer requests until there are no more."""
    session: Any = None
    while True:
        try:
            request, arrays = decode(lambda count: _read(read_from, count))
        except EOFError:
            return
        limit_processor_time(SECONDS_TO_START + limits.seconds)
        try:
            if request["do"] == "load":
                session = _load(request)
                answer = encode(_described(session))
            else:
                answer = encode({}, _run(session, request["outputs"], arrays))
        except MnistbenchError as error:
            answer = encode({"error": str(error)[:2000], "type": type(error).__name__})
        except WireError as error:
            answer = encode({"error": str(error), "type": errors.ModelError.__name__})
        except onnxruntime_errors() as error:
            answer = encode({"error": one_line(error), "type": "run"})
        _write(write_to, answer)


def _load(request: dict[str, Any]) -> Any:
    settings = SessionSettings(**request["settings"])
    return create_session(request["path"], CPU, settings, allow_external_data=request["allow_external_data"])


def _described(session: Any) -> dict[str, Any]:
    def arguments(found: Any) -> list[list[Any]]:
        return [[one.name, one.type, list(one.shape)] for one in found]

    return {
        "inputs": arguments(session.get_inputs()),
        "outputs": arguments(session.get_outputs()),
        "providers": session.get_providers(),
    }


def _run(session: Any, outputs: list[str], arrays: Arrays) -> Arrays:
    found = session.run(outputs, arrays)
    return {name: np.asarray(array) for name, array in zip(outputs, found, strict=True)}


def _read(descriptor: int, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        part = os.read(descriptor, min(count - len(content), 1 << 20))
        if not part:
            raise EOFError
        content += part
    return bytes(content)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def main(arguments: list[str]) -> int:
    """Run as a program."""
    end_with_parent()
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    import_onnxruntime()
    onnxruntime_errors()
    memory_bytes, seconds = arguments
    limits = Limits(int(memory_bytes), float(seconds))
    limit_this_process(limits)
    serve(0, answers, limits)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
