"""One job from start, or from where it was left, to a finished run on disk."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Literal

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from mnistbench.data.dataset import Dataset
from mnistbench.errors import ArtifactError, TrainingError
from mnistbench.files import atomic_write, sha256_of, write_json
from mnistbench.locks import held_by_file, locked_if_free
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.stats import wilson_interval
from mnistbench.results import EpochResult, TrainingResult
from mnistbench.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from mnistbench.training.failures import JOB_ERRORS, reason_of
from mnistbench.training.hardware import choose_num_threads, use_threads
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.loop import DivergedError, Trainer, run_to_end
from mnistbench.training.states import (
    JOB_FILE,
    RESULT_FILE,
    remove_checkpoint,
    remove_failure,
    tidy_finished,
    write_failure,
)


@dataclass(frozen=True)
class StepsDone:
    """Some steps of an epoch are done."""

    epoch: int
    steps: int
    num_steps: int
    loss: float


@dataclass(frozen=True)
class EpochDone:
    """An epoch is done, evaluated and saved."""

    result: EpochResult


@dataclass(frozen=True)
class Resumed:
    """The run goes on after an epoch that was saved before."""

    result: EpochResult


@dataclass(frozen=True)
class Waiting:
    """Another process trains the same run; this one goes on when that has ended."""


Event = StepsDone | EpochDone | Resumed | Waiting
OnEvent = Callable[[Event], None]
Now = Callable[[], datetime]


def utc_now() -> datetime:
    """Date and time of the system."""
    return datetime.now(UTC)


def run_job(
    job: Job,
    dataset: Dataset,
    device: torch.device,
    work_dir: Path,
    *,
    resume: bool = True,
    on_event: OnEvent | None = None,
    now: Now = utc_now,
) -> FinishedRun:
    """Train one network at a stretch, on as many threads as suit it; as :func:`job_steps`."""
    with use_threads(choose_num_threads(job.network.spec, torch.get_num_threads())):
        return run_to_end(job_steps(job, dataset, device, work_dir, resume=resume, on_event=on_event, now=now))


def job_steps(
    job: Job,
    dataset: Dataset,
    device: torch.device,
    work_dir: Path,
    *,
    resume: bool = True,
    on_event: OnEvent | None = None,
    now: Now = utc_now,
) -> Generator[bool, None, FinishedRun]:
    """Train one network, or return the run that is already there; pauses after every few steps.

    Each pause gives whether it got on since the last; it does not while another process holds the run.

    A run that fails leaves ``failure.json``. The same job is tried again all the
    same, from its last checkpoint: memory may be free by now, the mistake mended
    or the machine another one, and a run that diverges once more costs no more
    than the epoch in which it does. A new start removes the note.

    Args:
        job: The configuration; its folder below ``work_dir`` keeps everything.
        dataset: The images; its hash must be the job's.
        device: A device of the job's kind.
        work_dir: Folder for all runs.
        resume: Go on from a checkpoint and keep a finished run; otherwise start over.
        on_event: Told of progress.
        now: Says when a run failed.

    Raises:
        TrainingError: When the loss or a weight became NaN or infinite, or memory ran out.
        ArtifactError: When a checkpoint is damaged.
        OSError: When the folder cannot be written.
    """
    tell = on_event or _silent
    if dataset.sha256 != job.dataset_sha256:
        raise TrainingError(f"the job is for the dataset {job.dataset_sha256[:12]}, not {dataset.sha256[:12]}")
    folder = job.folder(work_dir)
    finished = read_finished(folder) if resume else None
    if finished is not None:
        tidy_finished(folder)
        return finished
    folder.mkdir(parents=True, exist_ok=True)
    looks = 0
    while True:
        # Never waits here: whoever trains several runs in turns holds other folders meanwhile.
        with locked_if_free(folder) as ours:
            if ours:
                return (yield from _hold_and_train(job, dataset, device, folder, resume, tell, now))
        looks += 1
        if looks == 2:  # at the first, it may just be somebody who looks whether it is locked
            tell(Waiting())
        yield False


def _hold_and_train(
    job: Job, dataset: Dataset, device: torch.device, folder: Path, resume: bool, tell: OnEvent, now: Now
) -> Generator[bool, None, FinishedRun]:
    """Train in a folder that no other process touches, as far as locks have an effect."""
    # Another process may have finished the run while this one waited.
    finished = read_finished(folder) if resume else None
    if finished is not None:
        return finished
    if not resume:
        # The result goes first: a run without one is unfinished, whatever else lies there.
        (folder / RESULT_FILE).unlink(missing_ok=True)
        remove_checkpoint(folder)
    remove_failure(folder)
    write_json(folder / JOB_FILE, job.as_dict())
    with (
        _failure_noted(job, folder, tell, now) as tell_and_count,
        _memory_errors_typed(job, device),
    ):
        return (yield from _train(job, dataset, device, folder, tell_and_count))


@contextlib.contextmanager
def _failure_noted(job: Job, folder: Path, tell: OnEvent, now: Now) -> Iterator[OnEvent]:
    """Write ``failure.json`` when the run raises an error that fails it; gives what is to be told of events."""
    done = 0

    def count(event: Event) -> None:
        nonlocal done
        if isinstance(event, EpochDone | Resumed):
            done = event.result.epoch
        tell(event)

    try:
        yield count
    except BrokenPipeError:
        raise  # whoever was told of events has gone; that is no failure
    except JOB_ERRORS as error:
        state: Literal["diverged", "failed"] = "diverged" if isinstance(error.__cause__, DivergedError) else "failed"
        # A disk that takes no note must not hide why the run failed.
        with contextlib.suppress(OSError):
            write_failure(folder, job, state=state, error=reason_of(job, error), epoch=done + 1, when=now())
        raise


@contextlib.contextmanager
def _memory_errors_typed(job: Job, device: torch.device) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        # torch's own class for GPUs, a plain RuntimeError from the allocator of CPUs and from libraries on a GPU.
        plain = "allocate memory" in str(error) or "out of memory" in str(error)
        if not isinstance(error, torch.OutOfMemoryError) and not plain:
            raise
        raise TrainingError(
            f"{job.network.name} needs more memory than {device} has; "
            f"try batches smaller than {job.batch_size} (--batch-size), or fewer runs at once (--parallel)"
        ) from error


def _train(
    job: Job, dataset: Dataset, device: torch.device, folder: Path, tell: OnEvent
) -> Generator[bool, None, FinishedRun]:
    """Train from the folder's checkpoint, or from the start, to the end."""
    with contextlib.closing(Trainer(job, dataset, device)) as trainer:
        checkpoint = read_checkpoint(folder, job)
        if checkpoint is None:
            checkpoint = Checkpoint(history=(), tensors={})
        else:
            _put_back(checkpoint, trainer, folder)
            tell(Resumed(checkpoint.history[-1]))
        while len(checkpoint.history) < job.epochs:
            checkpoint = yield from _run_epoch(trainer, checkpoint, tell)
            write_checkpoint(folder, job, checkpoint)
            tell(EpochDone(checkpoint.history[-1]))
            yield True
        return _finish(folder, job, checkpoint, trainer)


def _put_back(checkpoint: Checkpoint, trainer: Trainer, folder: Path) -> None:
    try:
        trainer.load_state(checkpoint.tensors)
    except torch.OutOfMemoryError:
        raise
    except (KeyError, ValueError, RuntimeError) as error:
        raise ArtifactError(f"the checkpoint in {folder} does not fit: {error}; start over with --no-resume") from None


def _silent(_event: Event) -> None:
    """Tell no one."""


def _run_epoch(trainer: Trainer, before: Checkpoint, tell: OnEvent) -> Generator[bool, None, Checkpoint]:
    epoch = len(before.history) + 1
    try:
        loss, seconds = yield from trainer.epoch_steps(
            epoch, lambda steps, num_steps, mean: tell(StepsDone(epoch, steps, num_steps, mean))
        )
    except DivergedError as error:
        raise TrainingError(
            f"{trainer.job.network.name} diverged in epoch {epoch}: {error}; nothing of it is exported. "
            f"Try a learning rate below {trainer.job.learning_rate:g} (--learning-rate)"
        ) from error
    num_errors = trainer.evaluate()
    result = EpochResult(epoch, loss, num_errors, len(trainer.test_images), seconds)
    best_epoch, best_weights = before.best_epoch, before.best_weights
    if trainer.job.selection == "best_on_test":
        fewest = min((entry.num_errors for entry in before.history), default=None)
        if fewest is None or num_errors < fewest:
            best_epoch, best_weights = epoch, trainer.weights()
    return Checkpoint((*before.history, result), trainer.state(), best_epoch, best_weights)


def _finish(folder: Path, job: Job, checkpoint: Checkpoint, trainer: Trainer) -> FinishedRun:
    """Write weights, then the result that makes the run count as finished.

    Where locks have no effect another process may have finished the run; its weights stay as its result says.
    """
    weights = checkpoint.best_weights if checkpoint.best_weights is not None else trainer.weights()
    selected = checkpoint.history[(checkpoint.best_epoch or len(checkpoint.history)) - 1]
    content = safetensors.torch.save(weights)
    seconds = [entry.seconds for entry in checkpoint.history]
    low, high = wilson_interval(selected.num_errors, selected.num_images)
    result = TrainingResult(
        name=job.network.name,
        notation=job.network.spec.notation,
        dropout=job.network.spec.dropout,
        recipe=job.recipe,
        seed=job.seed,
        epochs=job.epochs,
        batch_size=job.batch_size,
        learning_rate=job.learning_rate,
        max_shift=job.max_shift,
        label_smoothing=job.label_smoothing,
        initialization=job.initialization,
        max_rotation=job.max_rotation,
        max_scaling=job.max_scaling,
        captured=trainer.is_captured,
        device=str(trainer.device),
        precision=job.precision,
        num_threads=torch.get_num_threads(),
        dataset=job.dataset,
        dataset_sha256=job.dataset_sha256,
        evaluated_on=job.evaluated_on,
        selection=job.selection,
        selected_epoch=selected.epoch,
        num_errors=selected.num_errors,
        num_images=selected.num_images,
        error_rate=selected.error_rate,
        error_rate_low=low,
        error_rate_high=high,
        epoch_seconds=median(seconds[1:] or seconds),
        first_epoch_seconds=seconds[0],
        history=checkpoint.history,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        job=job.key,
        environment=collect_environment(),
    )
    run = FinishedRun(folder, result)
    with held_by_file(folder):
        other = _whole(folder)
        if other is None:
            atomic_write(run.weights, content)
            write_json(folder / RESULT_FILE, result.as_dict())
        # From here on the run is finished, whatever cannot be removed.
        with contextlib.suppress(OSError):
            remove_checkpoint(folder)
    return other or run


def _whole(folder: Path) -> FinishedRun | None:
    """The finished run in a folder, if its weights are those of its result."""
    try:
        run = read_finished(folder)
        return run if run is not None and sha256_of(run.weights) == run.result.weights_sha256 else None
    except (ArtifactError, OSError):
        return None


def load_weights(run: FinishedRun) -> dict[str, Tensor]:
    """The weights of a finished run, checked against its result.

    Raises:
        ArtifactError: When they are missing, damaged or not those of the result.
    """
    try:
        content = run.weights.read_bytes()
    except OSError as error:
        raise ArtifactError(f"cannot read {run.weights}: {error.strerror}; train again with --no-resume") from None
    if hashlib.sha256(content).hexdigest() != run.result.weights_sha256:
        raise ArtifactError(f"{run.weights} does not have the hash of its result; train again with --no-resume")
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError, TypeError) as error:
        # A hash that fits vouches for nothing in a folder that somebody else filled.
        raise ArtifactError(f"{run.weights} is damaged: {error!s:.200}; train again with --no-resume") from None
    return tensors
