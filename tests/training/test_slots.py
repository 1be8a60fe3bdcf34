"""Slots on GPUs that nobody has, and on machines that nobody knows."""

from __future__ import annotations

import pytest

from mnistbench.cluster import Node
from mnistbench.training.slots import MOST_ON_A_GPU, Slot, least_loaded, slots_of_machine, slots_of_node


def machine(gpus: tuple[int, ...] = (), *, at_once: int = 1, num_jobs: int = 100, threads: int | None = None):
    return slots_of_machine(gpus, at_once=at_once, num_jobs=num_jobs, num_threads=threads, usable_threads=8)


@pytest.mark.parametrize(
    ("at_once", "num_jobs", "count", "threads"),
    [(1, 100, 1, 8), (4, 100, 4, 2), (3, 100, 3, 2), (100, 100, 100, 1), (4, 2, 2, 4), (4, 0, 1, 8)],
)
def test_processes_on_the_cpu_share_its_threads(at_once, num_jobs, count, threads):
    assert machine(at_once=at_once, num_jobs=num_jobs) == (Slot("cpu", num_threads=threads),) * count


def test_each_gpu_has_one_process_that_takes_turns():
    assert machine((0, 1, 3), at_once=4) == tuple(Slot(f"cuda:{index}", 4, 2) for index in (0, 1, 3))
    assert machine((2,), at_once=4, threads=1) == (Slot("cuda:2", 4, 1),)


def test_there_are_no_more_processes_than_jobs_and_no_more_turns_than_streams():
    assert [slot.device for slot in machine((0, 1, 2), num_jobs=2)] == ["cuda:0", "cuda:1"]
    assert {slot.at_once for slot in machine((0, 1), at_once=1000)} == {MOST_ON_A_GPU}


def node(cpus: float, gpus: float = 0.0) -> Node:
    return Node("n", "10.0.0.1", cpus, gpus)


@pytest.mark.parametrize(
    ("there", "at_once", "count", "threads"),
    [(node(8), 1, 1, 8), (node(8), 3, 3, 2), (node(8), 100, 8, 1), (node(0), 1, 0, None), (node(0.5), 1, 0, None)],
)
def test_processes_on_a_machine_of_a_cluster_never_claim_more_than_it_lends(there, at_once, count, threads):
    slots = slots_of_node(there, on_gpus=False, device="cpu", at_once=at_once)
    assert slots == (Slot("cpu", 1, threads, "n", float(threads or 0)),) * count
    assert sum(slot.cpus for slot in slots) <= there.cpus


@pytest.mark.parametrize(
    ("there", "count", "cpus"),
    [(node(8, 2), 2, 1.0), (node(1, 3), 3, 0.3333), (node(8, 0), 0, 0), (node(8, 0.5), 0, 0), (node(0, 1), 1, 0.0)],
)
def test_each_whole_gpu_of_a_cluster_has_one_process(there, count, cpus):
    slots = slots_of_node(there, on_gpus=True, device="cuda:0", at_once=5)
    assert slots == (Slot("cuda:0", 5, 1, "n", cpus, 1.0),) * count
    assert sum(slot.cpus for slot in slots) <= there.cpus


@pytest.mark.parametrize(
    ("loads", "capacities", "index"),
    [
        ([], [], None),
        ([1], [1], None),
        ([0, 0], [1, 1], 0),
        ([1, 0], [4, 4], 1),
        ([1, 0], [4, 0], 0),
        ([2, 3, 2], [2, 9, 9], 2),
    ],
)
def test_the_next_job_goes_where_there_are_fewest(loads, capacities, index):
    assert least_loaded(loads, capacities) == index
