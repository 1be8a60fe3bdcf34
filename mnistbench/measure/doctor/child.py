"""The program of a fresh process: ``python -m mnistbench.measure.doctor.child QUESTION ANSWER``.

Reads a question from one file and writes the answer to another, so that nothing
that libraries print can get between.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mnistbench.files import write_json
from mnistbench.measure.doctor.answers import answer
from mnistbench.runtime.parent import end_with_parent


def main(arguments: list[str]) -> int:
    """Run as a program, which ends with the process that started it."""
    end_with_parent()
    question, answered = map(Path, arguments)
    write_json(answered, answer(json.loads(question.read_bytes())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
