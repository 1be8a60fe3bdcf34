"""Asks a fresh process, so that a crash or a hang of a driver is one answer and not the end."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from mnistbench.errors import ProviderError
from mnistbench.files import read_json
from mnistbench.measure.program import run_module

SECONDS_TO_ANSWER = 120.0
"""Importing, a few sessions, some images; loading CUDA takes ten seconds, building with TensorRT a minute."""

PROGRAM = "mnistbench.measure.doctor.child"


class Ask(Protocol):
    """Answers questions as :func:`mnistbench.measure.doctor.answers.answer` does."""

    def __call__(self, question: Mapping[str, Any], /) -> Mapping[str, Any]:
        """The answer.

        Raises:
            ProviderError: When there is none.
        """
        ...


def ask_process(
    question: Mapping[str, Any], *, seconds: float = SECONDS_TO_ANSWER, program: str = PROGRAM
) -> Mapping[str, Any]:
    """Answer a question in a fresh process.

    Args:
        question: Of JSON types.
        seconds: After which the process is ended.
        program: The module that answers.

    Raises:
        ProviderError: When the process dies, hangs or writes something else.
    """
    # A process that cannot be killed may still write into the folder.
    with tempfile.TemporaryDirectory(prefix="mnistbench-", ignore_cleanup_errors=True) as name:
        asked, answered, said = (Path(name) / file for file in ("question.json", "answer.json", "said.txt"))
        asked.write_text(json.dumps(question), encoding="utf-8")
        ended = run_module(program, [asked, answered], seconds=seconds, said=said)
        if ended.status is None:
            raise ProviderError(f"the process that tried it hung and was ended after {seconds:.0f} s")
        if ended.status == 0:
            with contextlib.suppress(OSError, ValueError):
                document = read_json(answered)
                if isinstance(document, dict):
                    return document
    raise ProviderError(f"the process that tried it died ({ended.how}): {ended.last_words}")
