"""A cluster of several machines that are all this one, for tests of what runs on Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistbench.errors import ProviderError

HERE = Path(__file__).parent

# Not imported here: it reads the settings of a cluster as it is.
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra 'ray' is not installed")


@contextlib.contextmanager
def two_machines() -> Iterator[str]:
    """The address of a cluster of two machines, each of one processor and one GPU that it only counts.

    It asks for a token, has no dashboard, and its processes find the modules of the tests.
    """
    settings = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE / "training"), str(HERE), os.environ.get("PYTHONPATH")])),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "OMP_NUM_THREADS": "1",
    }
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Ray leaves some files and sockets to the end of the process.
        warnings.simplefilter("ignore")
        for name, value in settings.items():
            patch.setenv(name, value)
        ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")  # reads the settings
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, num_gpus=1)
            ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
            yield cluster.address
        finally:
            ray.shutdown()
            cluster.shutdown()


def alone_for_a_while(text: str, _tell: Callable[[Any], None]) -> tuple[float, float]:
    """A task for one of the machines, which find it by its name: when it began and ended."""
    begin = time.monotonic()
    time.sleep(0.2)
    if text == "bad":
        raise ProviderError("no driver here")
    if text == "dies":
        os._exit(1)
    return begin, time.monotonic()


def tells_for_a_while(text: str, tell: Callable[[str], None]) -> str:
    """A task that tells something twice before it answers, or dies."""
    for number in (1, 2):
        tell(f"{text} {number}")
        time.sleep(0.5)  # on its way, which a process that dies does not wait for
    if text.endswith("dies"):
        os._exit(1)
    return text


def children(pid: int, program: str) -> list[int]:
    """Processes that a process has started and that run a program."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if program in line.split()[1]]
