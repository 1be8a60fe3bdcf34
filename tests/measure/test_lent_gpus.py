"""Which GPUs belong to this program; all of them are made up."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from mnistbench.measure import lent_gpus as module
from mnistbench.measure.lent_gpus import GpusHere, lent_gpus, look_at_gpus
from mnistbench.results import GpuFacts


def gpu(uuid: str, name: str = "X", parent: str = "") -> GpuFacts:
    return GpuFacts("", uuid, name, "1g.10gb" if parent else "", 300.0, "590", "13.0", "1.31", parent=parent)


ALIKE = (gpu("GPU-0a"), gpu("GPU-1b"), gpu("GPU-1c"), gpu("GPU-d"))
DIVIDED = (gpu("GPU-0"), gpu("MIG-1a", parent="GPU-1"), gpu("MIG-1b", parent="GPU-1"), gpu("GPU-2"))
MIXED = (gpu("GPU-0"), gpu("GPU-1", "Y"), gpu("GPU-2"))


def names(gpus: tuple[GpuFacts, ...]) -> list[str]:
    return [one.uuid for one in gpus]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("0,1,2,3", "GPU-0a GPU-1b GPU-1c GPU-d"),
        ("3, 0", "GPU-0a GPU-d"),
        ("1,1", "GPU-1b"),
        ("GPU-1b,GPU-d", "GPU-1b GPU-d"),
        ("GPU-0", "GPU-0a"),
        ("GPU-1", ""),  # of two
        ("", ""),
        ("-1", ""),
        ("NoDevFiles", ""),
        ("0,-1,1", "GPU-0a"),
        ("0,9,1", "GPU-0a"),
        ("0,,1", "GPU-0a"),
        ("9" * 5000, ""),
        ("²", ""),
        ("none,0", ""),
    ],
)
def test_only_visible_gpus_are_lent(visible: str, expected: str) -> None:
    lent, others = lent_gpus(GpusHere(ALIKE, visible))
    assert names(lent) == expected.split()
    hidden = [one.uuid for one in ALIKE if one not in lent]
    assert (others is None) == (not hidden)
    assert all(f"X ({uuid})" in (others or "") for uuid in hidden)


@pytest.mark.parametrize("most", [None, 4, 9])
def test_where_nothing_is_hidden_all_are_lent(most: int | None) -> None:
    assert lent_gpus(GpusHere(ALIKE), most) == (ALIKE, None)
    assert lent_gpus(GpusHere(()), most) == ((), None)


@pytest.mark.parametrize(
    ("visible", "most", "expected"),
    [(None, 1, "GPU-0a"), (None, 0, ""), ("2,3", 1, "GPU-1c"), ("2,3", 2, "GPU-1c GPU-d"), ("2", 4, "GPU-1c")],
)
def test_a_cluster_lends_the_first_of_the_visible(visible: str | None, most: int, expected: str) -> None:
    lent, others = lent_gpus(GpusHere(ALIKE, visible), most)
    assert names(lent) == expected.split()
    assert others is not None
    assert "not lent by the cluster" in others


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("MIG-1b", "MIG-1b"),
        ("MIG-1a,MIG-1b", "MIG-1a MIG-1b"),
        ("MIG-1", ""),
        ("1", "MIG-1a"),  # CUDA takes the first part
        ("GPU-1", "MIG-1a"),
        ("2", "GPU-2"),
        ("0,2", "GPU-0 GPU-2"),
    ],
)
def test_parts_of_a_divided_gpu_are_lent_by_themselves(visible: str, expected: str) -> None:
    assert names(lent_gpus(GpusHere(DIVIDED, visible))[0]) == expected.split()


def test_a_cluster_counts_a_divided_gpu_once() -> None:
    assert lent_gpus(GpusHere(DIVIDED), 3) == (DIVIDED, None)
    assert names(lent_gpus(GpusHere(DIVIDED), 2)[0]) == ["GPU-0", "MIG-1a"]


def test_a_number_that_may_mean_any_of_several_kinds_is_none_of_ours() -> None:
    lent, others = lent_gpus(GpusHere(MIXED, "0"))
    assert lent == ()
    assert others is not None
    assert "set CUDA_DEVICE_ORDER=PCI_BUS_ID" in others
    assert names(lent_gpus(GpusHere(MIXED, "0", "PCI_BUS_ID"))[0]) == ["GPU-0"]
    assert names(lent_gpus(GpusHere(MIXED, "GPU-1"))[0]) == ["GPU-1"]
    assert lent_gpus(GpusHere(MIXED, "2,0,1")) == (MIXED, None)


def test_the_environment_says_what_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_gpus", lambda: ALIKE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert look_at_gpus() == GpusHere(ALIKE, "1", "PCI_BUS_ID")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert look_at_gpus() == dataclasses.replace(look_at_gpus(), visible=None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_what_a_process_has_hidden_from_itself_since_it_started_counts_no_more() -> None:
    script = (
        "import os; os.environ['CUDA_VISIBLE_DEVICES'] = ''\n"
        "from mnistbench.measure.lent_gpus import look_at_gpus\n"
        "print(look_at_gpus(as_started=True).visible, repr(look_at_gpus().visible))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "2,3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2,3 ''\n"
