from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tiny_job

from mnistbench.data.dataset import Dataset
from mnistbench.errors import TrainingError
from mnistbench.files import write_json
from mnistbench.locks import is_locked, locked
from mnistbench.results import STATES, RunState
from mnistbench.training import run as run_module
from mnistbench.training.job import LATER_FIELDS, MAX_EPOCHS, MAX_SEED, MAX_SHIFT, Job
from mnistbench.training.loop import DivergedError
from mnistbench.training.run import EpochDone, Event, run_job
from mnistbench.training.states import read_run, read_runs, remove_failure, write_failure

CPU = torch.device("cpu")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FILES = ("job.json", "state.json", "result.json", "failure.json")

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


class StoppedError(Exception):
    """What a test stops a run with."""


def train(job: Job, dataset: Dataset, work_dir: Path, *, stop_after: int | None = None) -> Path:
    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.result.epoch == stop_after:
            raise StoppedError

    with contextlib.suppress(StoppedError, TrainingError):
        run_job(job, dataset, CPU, work_dir, on_event=stop, now=lambda: NOON)
    return job.folder(work_dir)


def test_reading_states_imports_no_torch() -> None:
    script = "import sys, mnistbench.training.states; assert not {'torch', 'numpy', 'safetensors'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_finished_run(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job(recipe="paper", seed=7)
    result = run_job(job, tiny, CPU, tmp_path).result
    run = read_run(job.folder(tmp_path))
    assert (run.state, run.name, run.job, run.recipe, run.seed) == ("finished", job.network.name, job.key, "paper", 7)
    assert (run.epochs, run.epochs_done, run.evaluated_on, run.error) == (3, 3, "test", None)
    assert (run.error_rate, run.epoch_seconds) == (result.error_rate, result.epoch_seconds)
    assert run.seconds == pytest.approx(sum(entry.seconds for entry in result.history))
    assert run.when is not None
    assert abs(datetime.fromisoformat(run.when).timestamp() - (run_folder_time(job.folder(tmp_path)))) < 2


def test_a_run_says_its_settings(tiny: Dataset, tmp_path: Path) -> None:
    settings = {"learning_rate": 0.05, "batch_size": 50, "label_smoothing": 0.3, "max_shift": 2}
    settings |= {"initialization": "he", "max_rotation": 5.0, "max_scaling": 0.05}
    job = tiny_job(**settings)
    settings["dropout"] = 0.5
    folder = train(job, tiny, tmp_path, stop_after=1)
    assert read_run(folder).as_dict().items() >= settings.items()
    result = run_job(job, tiny, CPU, tmp_path)
    (folder / "job.json").unlink()
    assert read_run(folder).as_dict().items() >= settings.items()

    # As written before these were noted.
    document = result.result.as_dict()
    del document["max_shift"], document["label_smoothing"]
    for later in LATER_FIELDS:
        del document[later]
    (folder / "result.json").write_text(json.dumps(document | {"learning_rate": None}))
    run = read_run(folder)
    assert (run.state, run.learning_rate, run.max_shift, run.label_smoothing) == ("finished", None, None, None)
    assert (run.initialization, run.max_rotation, run.max_scaling) == ("torch", 0, 0)


def test_the_largest_settings_that_training_takes_are_no_damage(tmp_path: Path) -> None:
    job = tiny_job(epochs=MAX_EPOCHS, seed=MAX_SEED, learning_rate=1e300, max_shift=MAX_SHIFT, label_smoothing=0.999)
    write_json(tmp_path / "job.json", job.as_dict())
    run = read_run(tmp_path)
    assert (run.state, run.epochs, run.seed, run.learning_rate) == ("unfinished", 10_000, 2**32 - 1, 1e300)


def run_folder_time(folder: Path) -> float:
    return max(file.stat().st_mtime for file in folder.iterdir())


def test_an_unfinished_run_says_how_far_it_got(tiny: Dataset, tmp_path: Path) -> None:
    folder = train(tiny_job(), tiny, tmp_path, stop_after=2)
    run = read_run(folder)
    last = json.loads((folder / "state.json").read_text())["history"][-1]
    assert (run.state, run.epochs_done, run.epochs) == ("unfinished", 2, 3)
    assert run.error_rate == last["num_errors"] / last["num_images"]
    assert run.epoch_seconds == last["seconds"]


def test_a_run_that_has_only_begun_is_unfinished(tmp_path: Path) -> None:
    folder = tmp_path / "training" / "8-10" / "0123456789ab"
    folder.mkdir(parents=True)
    run = read_run(folder)
    assert (run.state, run.epochs_done, run.epochs, run.seconds, run.error_rate) == ("unfinished", 0, None, None, None)


def test_weights_that_are_gone_leave_no_finished_run(tiny: Dataset, tmp_path: Path) -> None:
    folder = train(tiny_job(), tiny, tmp_path)
    (folder / "weights.safetensors").unlink()
    assert read_run(folder).state == "unfinished"


def test_a_run_is_running_while_its_folder_is_locked(tiny: Dataset, tmp_path: Path) -> None:
    folder = train(tiny_job(), tiny, tmp_path, stop_after=1)
    with locked(folder):
        assert is_locked(folder)
        run = read_run(folder)
        assert (run.state, run.epochs_done) == ("running", 1)
    assert not is_locked(folder)
    assert read_run(folder).state == "unfinished"


def test_while_it_trains_a_run_is_running(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job()
    seen: list[tuple[str, int]] = []

    def look(event: Event) -> None:
        run = read_run(job.folder(tmp_path))
        seen.append((run.state, run.epochs_done))

    run_job(job, tiny, CPU, tmp_path, on_event=look)
    assert seen == [("running", 1), ("running", 2), ("running", 3)]


def test_a_diverged_run_leaves_a_note(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job(learning_rate=1e30)
    folder = train(job, tiny, tmp_path)
    note = json.loads((folder / "failure.json").read_text())
    assert note["kind"] == "failure"
    assert (note["state"], note["epoch"], note["when"]) == ("diverged", 1, "2026-11-22T12:00:00+00:00")
    assert note["job"] == json.loads(json.dumps(job.as_dict()))
    run = read_run(folder)
    assert (run.state, run.error) == ("diverged", note["error"])
    assert run.error is not None
    assert "diverged in epoch 1" in run.error


def test_a_run_without_memory_failed_in_the_epoch_after_the_saved_ones(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(tiny_job(), tiny, tmp_path, stop_after=2)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(run_module.Trainer, "epoch_steps", full)
    assert train(tiny_job(), tiny, tmp_path) == folder
    note = json.loads((folder / "failure.json").read_text())
    assert (note["state"], note["epoch"]) == ("failed", 3)
    run = read_run(folder)
    assert (run.state, run.epochs_done) == ("failed", 2)


def test_what_failed_is_tried_again_from_its_checkpoint_and_success_removes_the_note(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tiny_job()
    whole = run_job(job, tiny, CPU, tmp_path / "whole").result
    plain = run_module.Trainer.epoch_steps

    def poisoned(self: Any, epoch: int, *rest: Any) -> Any:
        if epoch == 2:
            raise DivergedError("the loss is nan")
        return plain(self, epoch, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(run_module.Trainer, "epoch_steps", poisoned)
        folder = train(job, tiny, tmp_path)
    assert read_run(folder).state == "diverged"
    held: list[bool] = []
    run = run_job(job, tiny, CPU, tmp_path, on_event=lambda _: held.append((folder / "failure.json").exists()))
    assert held == [False] * 3  # goes on after epoch 1, then two epochs
    assert run.result.weights_sha256 == whole.weights_sha256
    assert read_run(folder).state == "finished"


def test_a_disk_that_takes_no_note_does_not_hide_the_error(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module, "write_failure", full)
    with pytest.raises(TrainingError, match="diverged"):
        run_job(tiny_job(learning_rate=1e30), tiny, CPU, tmp_path)


def test_a_note_can_be_removed_twice(tmp_path: Path) -> None:
    write_failure(tmp_path, tiny_job(), state="failed", error="why", epoch=1, when=NOON)
    remove_failure(tmp_path)
    remove_failure(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_stand_in_the_papers_order_then_by_recipe_and_seed(tiny: Dataset, tmp_path: Path) -> None:
    wanted = [("64-10", "default", 2), ("64-10", "default", 10), ("64-10", "paper", 0), ("lenet5", "default", 0)]
    for name, recipe, seed in [*reversed(wanted), ("9-10", "default", 0)]:
        train(tiny_job(name, recipe, seed=seed, epochs=1), tiny, tmp_path)
    got = [(run.name, run.recipe, run.seed) for run in read_runs(tmp_path)]
    assert got == [
        *(("6-P-16-P-120-84-10" if name == "lenet5" else name, recipe, seed) for name, recipe, seed in wanted),
        ("9-10", "default", 0),
    ]


def test_without_a_work_folder_there_are_no_runs(tmp_path: Path) -> None:
    assert read_runs(tmp_path / "nowhere") == []
    (tmp_path / "training").write_text("a file in the way")
    assert read_runs(tmp_path) == []


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}", b'{"state": 1}'],
    ids=lambda content: repr(content[:6]),
)
def test_damage_in_one_folder_does_not_stop_the_list(tiny: Dataset, tmp_path: Path, file: str, content: bytes) -> None:
    train(tiny_job(seed=1), tiny, tmp_path)
    folder = train(tiny_job(), tiny, tmp_path)
    (folder / file).write_bytes(content)
    by_folder = {run.folder: run for run in read_runs(tmp_path)}
    assert len(by_folder) == 2
    damaged = by_folder.pop(str(folder))
    assert damaged.state == "damaged"
    assert damaged.error is not None
    assert file in damaged.error
    assert [run.state for run in by_folder.values()] == ["finished"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", -1),
        ("seed", True),
        ("seed", "0"),
        ("error_rate", float("nan")),
        ("error_rate", float("inf")),
        ("epoch_seconds", None),
        ("recipe", 5),
        ("history", {}),
        ("history", [1]),
        ("history", [{"seconds": -1.0, "num_errors": 1, "num_images": 2}]),
        ("history", [{"seconds": 1e17, "num_errors": 1, "num_images": 2}]),
        ("history", [{"seconds": 6e8, "num_errors": 1, "num_images": 2}] * 2),
        ("history", [{"seconds": 1.0, "num_errors": 3, "num_images": 2}]),
        ("history", [{"seconds": 1.0, "num_errors": 1, "num_images": 2}] * 10_001),
        ("seed", 2**32),
        ("epochs", 0),
        ("epochs", 10_001),
        ("epochs", 2**63),
        ("error_rate", 1.5),
        ("epoch_seconds", 1e17),
        ("learning_rate", float("inf")),
        ("learning_rate", "high"),
        ("batch_size", 0),
        ("batch_size", 2**63),
        ("max_shift", 9),
        ("label_smoothing", 2),
        ("dropout", None),
    ],
)
def test_a_result_with_a_wrong_value_is_damaged(tiny: Dataset, tmp_path: Path, key: str, value: object) -> None:
    folder = train(tiny_job(), tiny, tmp_path)
    document = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(document | {key: value}))
    assert read_run(folder).state == "damaged"


@settings(max_examples=60, deadline=None)
@given(documents=st.lists(st.none() | any_json, min_size=4, max_size=4))
def test_whatever_the_files_say_a_run_has_a_state_and_is_json(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / "weights.safetensors").touch()
    for file, document in zip(FILES, documents, strict=True):
        if document is not None:
            (folder / file).write_text(json.dumps(document))
    run = read_run(folder)
    assert run.state in STATES
    json.dumps(run.as_dict(), allow_nan=False)


def test_a_file_too_large_to_be_ours_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "state.json", "wb") as stream:
        stream.truncate(1 << 40)
    run = read_run(tmp_path)
    assert (run.state, run.error) == ("damaged", "state.json is no JSON of ours: it is larger than 33554432 bytes")


def test_states_are_read_back_from_their_own_json(tiny: Dataset, tmp_path: Path) -> None:
    run = read_run(train(tiny_job(), tiny, tmp_path))
    assert RunState.from_dict(json.loads(json.dumps(run.as_dict()))) == run
