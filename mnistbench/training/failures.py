"""Which errors are one job's failure, and what is said of them.

Knows nothing of torch, and does not know who trains the jobs.
"""

from __future__ import annotations

from mnistbench.errors import MnistbenchError
from mnistbench.training.job import Job

JOB_ERRORS = (MnistbenchError, OSError, RuntimeError)
"""Raised while a job is trained, these fail it and let the next one begin; torch raises ``RuntimeError`` for all it
cannot do. Anything else is a mistake of ours and ends everything."""


def reason_of(job: Job, error: Exception) -> str:
    """Why a job failed, in one line that names the network and the next step.

    Args:
        job: The job.
        error: One of :data:`JOB_ERRORS`.
    """
    if isinstance(error, MnistbenchError):
        return str(error)
    if isinstance(error, OSError):
        where = f"cannot use {error.filename}: " if error.filename else ""
        return f"{job.network.name} stopped: {where}{error.strerror or error}; free it, then repeat the command"
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{job.network.name} stopped by {said}; repeat the command for it alone with --debug to see where"
