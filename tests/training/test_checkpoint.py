from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny import tiny_job

from mnistbench import files
from mnistbench.errors import ArtifactError
from mnistbench.results import EpochResult
from mnistbench.training.checkpoint import STATE_FILE, Checkpoint, read_checkpoint, write_checkpoint
from mnistbench.training.states import remove_checkpoint

JOB = tiny_job(recipe="paper")


def checkpoint(epochs: int, best: int | None = None) -> Checkpoint:
    history = tuple(EpochResult(epoch, 1 / epoch, 50 - epoch, 100, 0.1) for epoch in range(1, epochs + 1))
    tensors = {"weights.fc1.bias": torch.full((3,), float(epochs)), "optimizer.step.fc1.bias": torch.tensor(0.1)}
    return Checkpoint(history, tensors, best, None if best is None else {"fc1.bias": torch.full((3,), float(best))})


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def assert_same(read: Checkpoint | None, written: Checkpoint) -> None:
    assert read is not None
    assert (read.history, read.best_epoch) == (written.history, written.best_epoch)
    for got, expected in ((read.tensors, written.tensors), (read.best_weights or {}, written.best_weights or {})):
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[key], expected[key]) for key in expected)
    assert (read.best_weights is None) == (written.best_weights is None)


@pytest.mark.parametrize("written", [checkpoint(1), checkpoint(3), checkpoint(2, best=1)])
def test_a_checkpoint_comes_back(tmp_path: Path, written: Checkpoint) -> None:
    write_checkpoint(tmp_path, JOB, written)
    assert_same(read_checkpoint(tmp_path, JOB), written)


def test_without_a_state_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path, JOB) is None
    assert read_checkpoint(tmp_path / "absent", JOB) is None
    (tmp_path / "epoch-0001.safetensors").write_bytes(b"left by a kill")
    assert read_checkpoint(tmp_path, JOB) is None


def test_only_the_newest_files_stay(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    (tmp_path / ".state.json.0123456789abcdef.tmp").write_bytes(b"left by a kill")
    write_checkpoint(tmp_path, JOB, checkpoint(1, best=1))
    assert names(tmp_path) == ["best-0001.safetensors", "epoch-0001.safetensors", "job.json", STATE_FILE]
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    assert names(tmp_path) == ["best-0001.safetensors", "epoch-0002.safetensors", "job.json", STATE_FILE]
    write_checkpoint(tmp_path, JOB, checkpoint(3, best=3))
    assert names(tmp_path) == ["best-0003.safetensors", "epoch-0003.safetensors", "job.json", STATE_FILE]
    remove_checkpoint(tmp_path)
    assert names(tmp_path) == ["job.json"]
    remove_checkpoint(tmp_path)


def test_best_weights_that_are_there_are_not_written_again(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(1, best=1))
    before = (tmp_path / "best-0001.safetensors").stat()
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    after = (tmp_path / "best-0001.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_file_of_the_same_name_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "epoch-0001.safetensors").write_bytes(b"left by an older run")
    write_checkpoint(tmp_path, JOB, checkpoint(1))
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(1))


@pytest.mark.parametrize("function", ["replace", "fsync"])
def test_a_write_that_fails_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    real = getattr(os, function)
    failures = 0
    for step in range(1, 20):
        write_checkpoint(tmp_path, JOB, checkpoint(1, best=1))
        calls = 0

        def full(*args: Any, step: int = step) -> Any:
            nonlocal calls
            calls += 1
            if calls == step:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args)

        failed = False
        with monkeypatch.context() as patch:
            patch.setattr(files.os, function, full)
            try:
                write_checkpoint(tmp_path, JOB, checkpoint(2, best=2))
            except OSError:
                failed = True
        failures += failed
        expected = checkpoint(1, best=1) if failed else checkpoint(2, best=2)
        assert_same(read_checkpoint(tmp_path, JOB), expected)
        if calls < step:
            break
    assert calls < step
    # Two files of tensors and the state; a folder that cannot be synced is no failure.
    assert failures == 3


def damage_state(folder: Path, **changes: Any) -> None:
    document = json.loads((folder / STATE_FILE).read_text())
    (folder / STATE_FILE).write_text(json.dumps(document | changes))


def history_of(folder: Path) -> list[Any]:
    return list(json.loads((folder / STATE_FILE).read_text())["history"])


def truncate(folder: Path, name: str, size: int) -> None:
    content = (folder / name).read_bytes()
    assert len(content) > size
    (folder / name).write_bytes(content[:size])


def entry(name: str, folder: Path) -> dict[str, str]:
    path = folder / name
    return {"file": name, "sha256": files.sha256_of(path) if path.is_file() else "0" * 64}


def not_safetensors(folder: Path) -> None:
    (folder / "epoch-0002.safetensors").write_bytes(b"no tensors")
    damage_state(folder, best_epoch=None, files={"tensors": entry("epoch-0002.safetensors", folder)})


def outside(folder: Path, name: str) -> None:
    """A file that would be right in every way but where it is."""
    safetensors.torch.save_file(checkpoint(2).tensors, folder.parent / "outside.safetensors")
    damage_state(folder, best_epoch=None, files={"tensors": entry(name, folder)})


def no_epoch(folder: Path) -> None:
    (folder / "epoch-0002.safetensors").rename(folder / "epoch-0000.safetensors")
    damage_state(folder, history=[], best_epoch=None, files={"tensors": entry("epoch-0000.safetensors", folder)})


DAMAGES = {
    "empty state": lambda f: (f / STATE_FILE).write_bytes(b""),
    "half a state": lambda f: truncate(f, STATE_FILE, 100),
    "state of bytes": lambda f: (f / STATE_FILE).write_bytes(b"\xff\xfe\x00"),
    "state is deep": lambda f: (f / STATE_FILE).write_bytes(b"[" * 300_000),
    "state is a list": lambda f: (f / STATE_FILE).write_text("[]"),
    "state is empty": lambda f: (f / STATE_FILE).write_text("{}"),
    "state is null": lambda f: (f / STATE_FILE).write_text("null"),
    "newer schema": lambda f: damage_state(f, schema_version=2),
    "other job": lambda f: damage_state(f, job=tiny_job(recipe="paper", seed=1).as_dict()),
    "no job": lambda f: damage_state(f, job=None),
    "no files": lambda f: damage_state(f, files={}),
    "files are a list": lambda f: damage_state(f, files=[]),
    "file is null": lambda f: damage_state(f, files={"tensors": None}),
    "file has no name": lambda f: damage_state(f, files={"tensors": {"file": None, "sha256": "0" * 64}}),
    "history is null": lambda f: damage_state(f, history=None),
    "history of numbers": lambda f: damage_state(f, history=[1, 2]),
    "history lacks a field": lambda f: damage_state(f, history=[{"epoch": 1}]),
    "history is empty": lambda f: damage_state(f, history=[]),
    "history is empty, with tensors": no_epoch,
    "history repeats an epoch": lambda f: damage_state(f, history=history_of(f)[:1] * 2),
    "history has errors in words": lambda f: damage_state(
        f, history=[e | {"num_errors": "many"} for e in history_of(f)]
    ),
    "history has a loss of NaN": lambda f: damage_state(f, history=[e | {"loss": float("nan")} for e in history_of(f)]),
    "history has no images": lambda f: damage_state(f, history=[e | {"num_images": 0} for e in history_of(f)]),
    "history too short": lambda f: damage_state(f, history=history_of(f)[:1]),
    "history too long": lambda f: damage_state(f, history=history_of(f) * 2),
    "best epoch to come": lambda f: damage_state(f, best_epoch=3),
    "best epoch is null": lambda f: damage_state(f, best_epoch=None),
    "best epoch without weights": lambda f: damage_state(f, files={"tensors": entry("epoch-0002.safetensors", f)}),
    "tensors missing": lambda f: (f / "epoch-0002.safetensors").unlink(),
    "tensors empty": lambda f: truncate(f, "epoch-0002.safetensors", 0),
    "tensors cut": lambda f: truncate(f, "epoch-0002.safetensors", 100),
    "one bit": lambda f: (f / "epoch-0002.safetensors").write_bytes(
        (f / "epoch-0002.safetensors").read_bytes()[:-1] + b"\x01"
    ),
    "best missing": lambda f: (f / "best-0001.safetensors").unlink(),
    "best cut": lambda f: truncate(f, "best-0001.safetensors", 20),
    "not safetensors": not_safetensors,
    "a folder": lambda f: damage_state(f, files={"tensors": {"file": "..", "sha256": "0" * 64}}),
    "above": lambda f: outside(f, "../outside.safetensors"),
    "absolute": lambda f: outside(f, str(f.parent / "outside.safetensors")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, damage: Any) -> None:
    folder = tmp_path / "run"
    write_checkpoint(folder, JOB, checkpoint(2, best=1))
    damage(folder)
    with pytest.raises(ArtifactError, match=r"state\.json is damaged: .+; start over with --no-resume"):
        read_checkpoint(folder, JOB)


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"epochs": 9}, {"learning_rate": 0.5}, {"precision": "bfloat16"}, {"device": "cuda"}]
)
def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(1))
    with pytest.raises(ArtifactError, match="it is of another configuration"):
        read_checkpoint(tmp_path, tiny_job(recipe="paper", **changes))
