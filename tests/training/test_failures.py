from __future__ import annotations

import subprocess
import sys

import pytest
from tiny import tiny_job

from mnistbench.errors import TrainingError
from mnistbench.training.failures import JOB_ERRORS, reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TrainingError("8-10 diverged"), "8-10 diverged"),
        (
            NotADirectoryError(20, "Not a directory", "w/8-10"),
            "8-10 stopped: cannot use w/8-10: Not a directory; free it, then repeat the command",
        ),
        (OSError("odd"), "8-10 stopped: odd; free it, then repeat the command"),
        (
            RuntimeError("one\n  two"),
            "8-10 stopped by RuntimeError: one two; repeat the command for it alone with --debug to see where",
        ),
    ],
)
def test_a_reason_is_one_line_with_a_next_step(error: Exception, reason: str) -> None:
    assert isinstance(error, JOB_ERRORS)
    assert reason_of(tiny_job("8-10"), error) == reason


def test_mistakes_and_interrupts_are_no_failure_of_a_job() -> None:
    assert not issubclass(KeyboardInterrupt, JOB_ERRORS)
    assert not issubclass(AssertionError, JOB_ERRORS)
    assert not issubclass(TypeError, JOB_ERRORS)


def test_reasons_need_no_torch() -> None:
    script = "import sys, mnistbench.training.failures; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
