from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from stored_runs import JOBS
from tiny import make_dataset

from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.run import run_job
from mnistbench.training.stores import Store


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from threads, and the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Job, FinishedRun]:
    """A whole run of each job of the tests of stores; to be read only."""
    folder = tmp_path_factory.mktemp("whole")
    return {job: run_job(job, make_dataset(), torch.device("cpu"), folder) for job in JOBS}


@pytest.fixture(params=["memory", "file", "path"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    folder = tmp_path / "store"
    return Store(
        {"memory": f"memory://{secrets.token_hex(8)}/runs", "file": folder.as_uri(), "path": str(folder)}[request.param]
    )
