"""A process ends itself when it computes longer than it may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

resource = pytest.importorskip("resource", reason="this system limits no process")

LIMIT = """
import sys
from mnistbench.runtime.untrusted.limits import limit_processor_time
for seconds in sys.argv[1:]:
    limit_processor_time(float(seconds))
"""
COMPUTE = """
import time
end = time.process_time() + 3
while time.process_time() < end:
    pass
"""
TELL = """
import resource
print(resource.getrlimit(resource.RLIMIT_CPU)[0])
"""


@pytest.mark.parametrize(
    ("seconds", "status"), [(["1000", "0"], -signal.SIGXCPU), (["0", "1000"], 0)], ids=["shorter", "longer"]
)
def test_the_system_ends_a_process_that_computes_longer_than_was_said_last(seconds, status):
    command = [sys.executable, "-c", LIMIT + COMPUTE, *seconds]
    assert subprocess.run(command, check=False, timeout=120).returncode == status


@pytest.mark.parametrize("seconds", ["0.5", "1e300", "inf"])
def test_any_number_of_seconds_is_possible_and_a_hard_limit_stays(seconds):
    def limit_of_the_user():
        resource.setrlimit(resource.RLIMIT_CPU, (500, 500))

    def told(before=None):
        command = [sys.executable, "-c", LIMIT + TELL, seconds]
        return int(subprocess.run(command, capture_output=True, check=True, preexec_fn=before, timeout=60).stdout)

    processors = os.cpu_count() or 1
    if seconds == "0.5":
        assert processors * 0.5 < told() < processors * 0.5 + 60
    else:
        assert told() >= 10**9
        assert told(limit_of_the_user) == 500
