"""Training on a cluster that goes away: one line says so, and nothing that was finished is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ray_clusters import children, needs_ray

pytestmark = needs_ray

# A cluster of its own, which looks after it more often than is needed.
PROGRAM = """
import sys
from mnistbench import cluster
from mnistbench.cli import root
cluster.SECONDS_BETWEEN_LOOKS, cluster.SECONDS_WITHOUT_HEAD = 1.0, 2.0
root.main(sys.argv[1:], prog_name="mnistbench")
"""
ENDLESS = ("train", "8-10", "--epochs", 5_000, "--seed", 0, "--device", "cpu", "--executor", "ray")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks ps for children")
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("/raylet", "this machine is no longer part of the cluster"),
        ("/gcs_server", "is gone; start it again"),
    ],
)
def test_the_end_of_the_cluster_is_one_line(cli, tmp_path: Path, program: str, said: str) -> None:
    errors = tmp_path / "errors"
    settings = {"MNISTBENCH_DATA": str(cli.data), "MNISTBENCH_WORK": str(cli.work), "OMP_NUM_THREADS": "1"}
    with errors.open("w") as stderr:
        driver = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, ENDLESS)],
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        try:
            while ": epoch 2/" not in errors.read_text():
                assert driver.poll() is None, errors.read_text()
                time.sleep(0.05)
            (server,) = children(driver.pid, program)
            os.kill(server, signal.SIGKILL)
            assert driver.wait(timeout=120) == 1, errors.read_text()[-2000:]
        finally:
            driver.terminate()
            driver.wait(timeout=60)
    last = errors.read_text().splitlines()[-1]
    assert last.startswith("error: "), last
    assert said in last
    assert "the same command goes on after the epochs that were finished" in last
    assert "Traceback" not in errors.read_text()
    assert list(cli.work.glob("training/8-10/*/*"))
