from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny import tiny_job

from mnistbench import files
from mnistbench.errors import ArtifactError
from mnistbench.results import EpochResult
from mnistbench.training import checkpoint as checkpoint_module
from mnistbench.training.checkpoint import STATE_FILE, Checkpoint, read_checkpoint, write_checkpoint
from mnistbench.training.states import remove_checkpoint, remove_tensors

JOB = tiny_job(recipe="paper")


def checkpoint(epochs: int, best: int | None = None) -> Checkpoint:
    history = tuple(EpochResult(epoch, 1 / epoch, 50 - epoch, 100, 0.1) for epoch in range(1, epochs + 1))
    tensors = {"weights.fc1.bias": torch.full((3,), float(epochs)), "optimizer.step.fc1.bias": torch.tensor(0.1)}
    return Checkpoint(history, tensors, best, None if best is None else {"fc1.bias": torch.full((3,), float(best))})


def names(folder: Path) -> list[str]:
    """Of files, without who has written them."""
    return sorted(re.sub(r"-\d+-[0-9a-f]{8}-[0-9a-f]{8}\.", ".", entry.name) for entry in folder.iterdir())


def tensors(folder: Path, kind: str, epoch: int) -> Path:
    (found,) = folder.glob(f"{kind}-{epoch:04d}*.safetensors")
    return found


def age(file: Path) -> None:
    """Make a file two hours old."""
    os.utime(file, (file.stat().st_mtime - 7200,) * 2)


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
    left = tmp_path / ".state.json.0123456789abcdef.tmp"
    left.write_bytes(b"left by a kill")
    age(left)
    write_checkpoint(tmp_path, JOB, checkpoint(1, best=1))
    assert names(tmp_path) == ["best-0001.safetensors", "epoch-0001.safetensors", "job.json", STATE_FILE]
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    assert names(tmp_path) == ["best-0002.safetensors", "epoch-0002.safetensors", "job.json", STATE_FILE]
    write_checkpoint(tmp_path, JOB, checkpoint(3, best=3))
    assert names(tmp_path) == ["best-0003.safetensors", "epoch-0003.safetensors", "job.json", STATE_FILE]
    remove_checkpoint(tmp_path)
    assert names(tmp_path) == ["job.json"]
    remove_checkpoint(tmp_path)


def test_best_weights_that_are_there_are_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(1, best=1))
    age(tensors(tmp_path, "best", 1))
    before = tensors(tmp_path, "best", 1).stat()
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    after = tensors(tmp_path, "best", 2).stat()
    assert after.st_ino == before.st_ino
    assert after.st_mtime > before.st_mtime + 3600  # or others would take it for left behind

    def none(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no links here")

    monkeypatch.setattr(os, "link", none)
    write_checkpoint(tmp_path, JOB, checkpoint(3, best=1))
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(3, best=1))


def test_damaged_best_weights_are_written_again(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(1, best=1))
    tensors(tmp_path, "best", 1).write_bytes(b"damaged")
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(2, best=1))


def test_a_checkpoint_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    text = (tmp_path / STATE_FILE).read_text()
    for old, new in (("epoch-0002", "epoch-0002"), ("best-0002", "best-0001")):
        file = tensors(tmp_path, *(old.split("-")[0], 2))
        text = text.replace(file.name, f"{new}.safetensors")
        file.rename(tmp_path / f"{new}.safetensors")
    (tmp_path / STATE_FILE).write_text(text)
    (tmp_path / "epoch-0001.safetensors").write_bytes(b"left by a kill")
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(2, best=1))
    write_checkpoint(tmp_path, JOB, checkpoint(3, best=1))
    assert names(tmp_path) == ["best-0003.safetensors", "epoch-0003.safetensors", STATE_FILE]
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(3, best=1))


def test_tensors_that_vanish_because_another_process_got_on_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(1))
    real, got_on = checkpoint_module.read_json, []

    def late(file: Path) -> Any:
        document = real(file)
        if len(got_on) < 2:
            got_on.append(1)
            write_checkpoint(tmp_path, JOB, checkpoint(1 + len(got_on)))
        return document

    monkeypatch.setattr(checkpoint_module, "read_json", late)
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(3))


def test_a_checkpoint_that_vanishes_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(1))
    real = checkpoint_module.read_json

    def late(file: Path) -> Any:
        document = real(file)
        remove_checkpoint(tmp_path)
        return document

    monkeypatch.setattr(checkpoint_module, "read_json", late)
    assert read_checkpoint(tmp_path, JOB) is None
    assert names(tmp_path) == []


OTHER = "1-0123abcd-89abcdef"
"""A writer on another machine."""


def test_what_another_process_has_just_written_stays_for_an_hour(tmp_path: Path) -> None:
    half, whole = tmp_path / ".epoch-0009.x.mnistbench.tmp", tmp_path / f"epoch-0009-{OTHER}.safetensors"
    for remove in (lambda: write_checkpoint(tmp_path, JOB, checkpoint(2, best=1)), lambda: remove_checkpoint(tmp_path)):
        half.touch()
        whole.touch()
        remove()
        assert half.exists()
        assert whole.exists()
        age(half)
        age(whole)
        remove()
        assert not half.exists()
        assert not whole.exists()
    assert names(tmp_path) == []


def test_what_state_names_stays_however_old(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, JOB, checkpoint(2, best=1))
    for file in tmp_path.glob("*.safetensors"):
        text = (tmp_path / STATE_FILE).read_text()
        theirs = f"{file.name.split('-')[0]}-0002-{OTHER}.safetensors"
        file.rename(tmp_path / theirs)
        (tmp_path / STATE_FILE).write_text(text.replace(file.name, theirs))
        age(tmp_path / theirs)
    remove_tensors(tmp_path)
    assert_same(read_checkpoint(tmp_path, JOB), checkpoint(2, best=1))
    write_checkpoint(tmp_path, JOB, checkpoint(3, best=1))
    assert names(tmp_path) == ["best-0003.safetensors", "epoch-0003.safetensors", STATE_FILE]


def test_where_the_clock_of_the_file_system_cannot_be_asked_nothing_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / f"epoch-0009-{OTHER}.safetensors"
    theirs.touch()
    age(theirs)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", full)
        remove_tensors(tmp_path)
    assert names(tmp_path) == [theirs.name.replace(f"-{OTHER}", "")]


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


def truncate(file: Path, size: int) -> None:
    content = file.read_bytes()
    assert len(content) > size
    file.write_bytes(content[:size])


def entry(name: str, folder: Path) -> dict[str, str]:
    path = folder / name
    return {"file": name, "sha256": files.sha256_of(path) if path.is_file() else "0" * 64}


def not_safetensors(folder: Path) -> None:
    tensors(folder, "epoch", 2).write_bytes(b"no tensors")
    damage_state(folder, best_epoch=None, files={"tensors": entry(tensors(folder, "epoch", 2).name, folder)})


def outside(folder: Path, name: str) -> None:
    """A file that would be right in every way but where it is."""
    safetensors.torch.save_file(checkpoint(2).tensors, folder.parent / "outside.safetensors")
    damage_state(folder, best_epoch=None, files={"tensors": entry(name, folder)})


def no_epoch(folder: Path) -> None:
    tensors(folder, "epoch", 2).rename(folder / "epoch-0000.safetensors")
    damage_state(folder, history=[], best_epoch=None, files={"tensors": entry("epoch-0000.safetensors", folder)})


DAMAGES = {
    "empty state": lambda f: (f / STATE_FILE).write_bytes(b""),
    "half a state": lambda f: truncate(f / STATE_FILE, 100),
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
    "best epoch without weights": lambda f: damage_state(f, files={"tensors": entry(tensors(f, "epoch", 2).name, f)}),
    "tensors missing": lambda f: tensors(f, "epoch", 2).unlink(),
    "tensors empty": lambda f: truncate(tensors(f, "epoch", 2), 0),
    "tensors cut": lambda f: truncate(tensors(f, "epoch", 2), 100),
    "one bit": lambda f: tensors(f, "epoch", 2).write_bytes(tensors(f, "epoch", 2).read_bytes()[:-1] + b"\x01"),
    "best missing": lambda f: tensors(f, "best", 2).unlink(),
    "best cut": lambda f: truncate(tensors(f, "best", 2), 20),
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
