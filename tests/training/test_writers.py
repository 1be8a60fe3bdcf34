from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnistbench import locks
from mnistbench.training import writers
from mnistbench.training.writers import is_of_epoch, is_tensor_file, is_written_out, tensor_file, writing

known_place = pytest.mark.skipif(locks.place() == locks.UNKNOWN_PLACE, reason="tells processes apart by /proc")


def of_process(number: int) -> str:
    with writing() as writer:
        return tensor_file("epoch", 1, f"{number}-{writer.split('-', 1)[1]}")


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_no_two_checkpoints_share_a_file() -> None:
    names = set()
    for _ in range(100):
        with writing() as writer:
            names.add(tensor_file("epoch", 10_000, writer))
    assert len(names) == 100
    assert all(is_tensor_file(name) and is_of_epoch(name, 10_000) and not is_of_epoch(name, 1000) for name in names)


@known_place
def test_a_file_is_written_out_when_its_writer_is_through_or_dead() -> None:
    with writing() as writer:
        name = tensor_file("best", 3, writer)
        assert not is_written_out(name)
        with writing():
            pass
        assert not is_written_out(name)
    assert is_written_out(name)
    assert is_written_out(of_process(dead_process()))
    assert not is_written_out(of_process(os.getppid()))


@known_place
def test_an_error_ends_a_writer_too() -> None:
    with pytest.raises(KeyError), writing() as writer:
        raise KeyError
    assert is_written_out(tensor_file("epoch", 1, writer))


def test_of_other_places_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = of_process(os.getpid())
    theirs = of_process(dead_process())
    monkeypatch.setattr(writers, "place", lambda: "another machine")
    assert not is_written_out(ours)
    assert not is_written_out(theirs)
    monkeypatch.setattr(writers, "place", lambda: locks.UNKNOWN_PLACE)
    assert not is_written_out(of_process(dead_process()))


@pytest.mark.parametrize("name", ["epoch-0001.safetensors", "best-9999.safetensors", "epoch-10000.safetensors"])
def test_files_of_earlier_versions_have_no_writer_to_wait_for(name: str) -> None:
    assert is_tensor_file(name)
    assert is_written_out(name)


@pytest.mark.parametrize(
    "name",
    ["", "epoch-1.safetensors", "../epoch-0001.safetensors", "epoch-0001.safetensors.x", "weights.safetensors", "a\0b"]
    + [
        f"epoch-0001-{writer}.safetensors" for writer in ("", "1", "1-2-3", "x-00000000-00000000", "9" * 11 + "-0" * 16)
    ],
)
def test_other_names_are_no_tensor_files(name: str) -> None:
    assert not is_tensor_file(name)
    assert not is_of_epoch(name, 1)
    assert not is_written_out(name)


@pytest.mark.parametrize("name", [None, 1, ["epoch-0001.safetensors"], {}])
def test_what_is_no_text_names_nothing(name: object) -> None:
    assert not is_of_epoch(name, 1)


@known_place
def test_a_number_beyond_every_process_is_no_error(tmp_path: Path) -> None:
    assert is_written_out(of_process(2**22 + 1)) == (not Path(f"/proc/{2**22 + 1}").exists())
    assert not is_written_out(of_process(9_999_999_999))
