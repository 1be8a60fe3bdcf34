"""Tasks that have a machine of a cluster to themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from ray_clusters import alone_for_a_while, children, needs_ray, tells_for_a_while

from mnistbench.cluster import Node, connected, nodes_of, on_node
from mnistbench.errors import ProcessError, ProviderError
from mnistbench.measure.latency import alone
from mnistbench.measure.latency.alone import run_alone

MACHINE, OTHER = Node("a", "10.0.0.1", 1, 1), Node("b", "10.0.0.2", 1, 1)


def never(number, part):
    pytest.fail(f"{number} told {part}")


def lending(ray):
    return [node for node in nodes_of(ray) if node.gpus]


def test_tasks_of_one_machine_are_never_at_the_same_time(ray_address):
    notes = []
    with connected(ray_address) as ray:
        machine, _other = lending(ray)
        tasks = [(machine, "a"), (machine, "b"), (machine, "bad"), (machine, "dies")]
        told = run_alone(ray, alone_for_a_while, tasks, on_part=never, on_note=notes.append)
        done = {number: (answer, error) for number, answer, error in told}
    (first_begin, first_end), (second_begin, second_end) = done[0][0], done[1][0]
    assert first_end <= second_begin or second_end <= first_begin
    assert (done[2][0], str(done[2][1])) == (None, "no driver here")
    assert isinstance(done[2][1], ProviderError)
    assert done[3][0] is None
    assert isinstance(done[3][1], ProcessError)
    assert "died" in str(done[3][1]) or "crashed" in str(done[3][1])
    assert notes == []


def test_what_a_task_tells_comes_at_once_and_before_its_death(ray_address):
    told = []
    with connected(ray_address) as ray:
        machine, other = lending(ray)
        tasks = [(machine, "tells"), (other, "tells and dies")]
        for number, answer, error in run_alone(
            ray, tells_for_a_while, tasks, on_part=lambda *part: told.append(part), on_note=print
        ):
            told.append((number, answer, error is not None))
    assert [one for one in told if one[0] == 0] == [(0, "tells 1"), (0, "tells 2"), (0, "tells", False)]
    assert [one for one in told if one[0] == 1] == [(1, "tells and dies 1"), (1, "tells and dies 2"), (1, None, True)]


def test_without_tasks_nothing_happens(ray_address):
    with connected(ray_address) as ray:
        assert list(run_alone(ray, alone_for_a_while, [], on_part=never, on_note=print)) == []


def test_a_machine_that_others_use_is_named_once(ray_address, monkeypatch):
    monkeypatch.setattr(alone, "SECONDS_OF_PATIENCE", 0)
    monkeypatch.setattr(alone, "SECONDS_TO_LISTEN", 0.1)
    notes = []
    with connected(ray_address) as ray:
        machine, _other = lending(ray)
        others = ray.remote(num_cpus=1)(alone_for_a_while).options(scheduling_strategy=on_node(ray, machine.name))
        busy = [others.remote("others", print) for _ in range(4)]
        done = list(run_alone(ray, alone_for_a_while, [(machine, "a")], on_part=never, on_note=notes.append))
        ray.get(busy)
    assert [(number, error) for number, _answer, error in done] == [(0, None)]
    assert len(notes) == 1
    assert f"waiting for {machine.address}: nobody else may use it meanwhile" in notes[0]


def test_patience_ends_once_for_each_machine_and_not_while_something_runs(monkeypatch):
    now, notes = [0.0], []
    monkeypatch.setattr(alone.time, "monotonic", lambda: now[0])
    patience = alone._Patience([MACHINE, MACHINE, OTHER], notes.append)

    def after(seconds):
        now[0] += seconds
        notes.clear()
        patience.wait()
        return [text.split(":")[0] for text in notes]

    assert after(29) == []
    patience.begun(MACHINE)
    assert after(1) == ["waiting for 10.0.0.2"]
    assert after(1000) == []
    patience.ended(MACHINE)
    patience.begun(OTHER)
    patience.ended(OTHER)
    assert after(29) == []
    assert after(1) == ["waiting for 10.0.0.1"]
    patience.begun(MACHINE)
    patience.ended(MACHINE)
    assert after(1000) == []
    assert alone._Patience([], notes.append).wait() is None


# A cluster of its own, which looks after it more often than is needed.
PROGRAM = """
import sys
import time
from mnistbench import cluster
from mnistbench.measure.latency.alone import run_alone
cluster.SECONDS_BETWEEN_LOOKS, cluster.SECONDS_WITHOUT_HEAD = 1.0, 2.0

def say(*texts):
    print(*texts, flush=True)

def waits(seconds, tell):
    time.sleep(seconds)

with cluster.connected(None, cpus=1) as ray:
    say("begun")
    for done in run_alone(ray, waits, [(cluster.nodes_of(ray)[0], 600)], on_part=say, on_note=say):
        say(done)
"""


@needs_ray
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks ps for children")
@pytest.mark.parametrize(
    ("program", "said"),
    [("/raylet", "this machine is no longer part of the cluster"), ("/gcs_server", "is gone; start it again")],
)
def test_the_end_of_the_cluster_is_an_error(program, said):
    driver = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert driver.stdout.readline() == "begun\n"
        time.sleep(2)
        (server,) = children(driver.pid, program)
        os.kill(server, signal.SIGKILL)
        _, errors = driver.communicate(timeout=120)
    finally:
        driver.kill()
        driver.wait()
    assert driver.returncode == 1
    last = [line for line in errors.splitlines() if line.strip()][-1]
    assert last.startswith("mnistbench.errors.ProcessError: ")
    assert said in last
    assert "repeat the command" in last
