"""Finished runs in an object store, or in any other place that fsspec reaches by a URL.

``URL/training/NAME/JOB/`` holds ``job.json``, the weights by the name of their
hash, and at last ``result.json``, without which nothing there counts. What is
fetched is believed only when it is the job's and the weights have their hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistbench.errors import ArtifactError, MissingExtraError
from mnistbench.files import LARGEST_JSON, atomic_write, parse_json, write_json
from mnistbench.locks import locked
from mnistbench.results import TrainingResult
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.states import JOB_FILE, RESULT_FILE, remove_checkpoint
from mnistbench.urls import hide_userinfo, without_userinfo

LARGEST_WEIGHTS = 1 << 30
"""Bytes; the largest network of the paper has some ten million."""


@dataclass(frozen=True)
class Store:
    """A place for finished runs; plain data, so that every machine opens it for itself.

    Attributes:
        url: Such as ``s3://bucket/mnist`` or ``file:///net/runs``.
    """

    url: str

    def __repr__(self) -> str:
        """Without the name and password of a user."""
        return f"Store({self.shown!r})"

    @property
    def shown(self) -> str:
        """The URL without the name and password of a user."""
        return without_userinfo(self.url)

    def finished(self) -> frozenset[str]:
        """Keys of the jobs of which a result is there, whole or not.

        Raises:
            ArtifactError: When the store cannot be read.
        """
        files, root = self._open()
        with self._errors():
            with contextlib.suppress(FileNotFoundError):
                files.invalidate_cache()
                found = files.find(f"{root}/training")
                return frozenset(path.split("/")[-2] for path in found if path.endswith(f"/{RESULT_FILE}"))
            return frozenset()

    def leave_mark(self, name: str) -> None:
        """Write a small file that every machine can see that uses the same store.

        Raises:
            ArtifactError: When the store cannot be written.
        """
        files, root = self._open()
        with self._errors():
            files.makedirs(f"{root}/{name}", exist_ok=True)
            files.pipe_file(f"{root}/{name}/mark", name.encode())

    def remove_mark(self, name: str) -> None:
        """Remove a mark, and what was written beside it; never an error."""
        with contextlib.suppress(ArtifactError, MissingExtraError):
            files, root = self._open()
            with self._errors():
                files.rm(f"{root}/{name}", recursive=True)

    def check(self, name: str) -> None:
        """Make sure that this machine sees the mark of another one, and can write and remove files.

        Raises:
            ArtifactError: When it does not, or the store cannot be used.
            MissingExtraError: Without fsspec.
        """
        files, root = self._open()
        if self._read(files, f"{root}/{name}/mark", len(name.encode())) != name.encode():
            raise ArtifactError(
                f"it does not see what the driver has written into {self.shown}; "
                "name a store that all machines share, such as s3://BUCKET/FOLDER (--results-to)"
            )
        probe = f"{root}/{name}/{secrets.token_hex(8)}"
        with self._errors():
            files.pipe_file(probe, b"probe")
            files.rm(probe)

    def check_writable(self) -> None:
        """Make sure that files can be written into the store, read and removed.

        Raises:
            ArtifactError: When they cannot.
            MissingExtraError: Without fsspec.
        """
        name = f".check-{secrets.token_hex(8)}"
        try:
            self.leave_mark(name)
            self.check(name)
        finally:
            self.remove_mark(name)

    def put(self, job: Job, run: FinishedRun, *, replace: bool = False) -> None:
        """Send a finished run, unless a whole one is there.

        Args:
            job: Its job.
            run: On this machine.
            replace: Send it all the same.

        Raises:
            ArtifactError: When the weights are not those of the result, or the store cannot be used.
            OSError: When the run's own files cannot be read.
        """
        content = run.weights.read_bytes()
        if hashlib.sha256(content).hexdigest() != run.result.weights_sha256:
            raise ArtifactError(f"{run.weights} does not have the hash of its result; train again with --no-resume")
        result = (run.folder / RESULT_FILE).read_bytes()
        files, root = self._open()
        folder = _folder(root, job)
        there = self._read_whole(files, folder, job)
        if there is not None and not replace:
            return
        with self._errors():
            files.makedirs(folder, exist_ok=True)
            # Somebody may be reading those of the same hash.
            if there is None or there[0].weights_sha256 != run.result.weights_sha256:
                files.pipe_file(f"{folder}/{_weights_name(run.result)}", content)
            files.pipe_file(f"{folder}/{JOB_FILE}", json.dumps(job.as_dict(), indent=2).encode())
            # Where a file can be seen while it is written, by another name.
            half = f"{folder}/.{RESULT_FILE}.{secrets.token_hex(8)}.tmp"
            files.pipe_file(half, result)
            files.mv(half, f"{folder}/{RESULT_FILE}")

    def fetch(self, job: Job, work_dir: Path, *, weights_sha256: str | None = None) -> FinishedRun | None:
        """Bring a finished run into the work folder; ``None`` when there is no whole one.

        Args:
            job: Its job.
            work_dir: Of this machine.
            weights_sha256: Only the run with these weights, and in place of a run that the work folder has; without
                it what is here stays.

        Raises:
            ArtifactError: When the store cannot be used, or what is here is damaged.
            OSError: When the work folder cannot be written.
        """
        files, root = self._open()
        found = self._read_whole(files, _folder(root, job), job)
        if found is None or weights_sha256 not in (None, found[0].weights_sha256):
            return None
        result, content = found
        folder = job.folder(work_dir)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            here = read_finished(folder) if weights_sha256 is None else None
            if here is not None:
                return here
            # First of all: what has weights and a result counts as finished.
            (folder / RESULT_FILE).unlink(missing_ok=True)
            atomic_write(folder / "weights.safetensors", content)
            write_json(folder / JOB_FILE, job.as_dict())
            write_json(folder / RESULT_FILE, result.as_dict())
            remove_checkpoint(folder)
        return FinishedRun(folder, result)

    def _read_whole(self, files: Any, folder: str, job: Job) -> tuple[TrainingResult, bytes] | None:
        """The result that a folder of the store has for a job, and its weights."""
        result = self._read_result(files, folder, job)
        if result is None:
            return None
        content = self._read(files, f"{folder}/{_weights_name(result)}", LARGEST_WEIGHTS)
        if content is None or hashlib.sha256(content).hexdigest() != result.weights_sha256:
            return None
        return result, content

    def _read_result(self, files: Any, folder: str, job: Job) -> TrainingResult | None:
        content = self._read(files, f"{folder}/{RESULT_FILE}", LARGEST_JSON)
        if content is None:
            return None
        try:
            result = TrainingResult.from_dict(parse_json(content))
        except (ValueError, ArtifactError):
            return None
        # The hash becomes part of a file's name.
        named = isinstance(result.weights_sha256, str) and re.fullmatch("[0-9a-f]{64}", result.weights_sha256)
        return result if result.job == job.key and named else None

    def _read(self, files: Any, path: str, most: int) -> bytes | None:
        with self._errors():
            try:
                content: bytes = files.cat_file(path, end=most + 1)
            except FileNotFoundError:
                return None
        return content if len(content) <= most else None

    def _open(self) -> tuple[Any, str]:
        """The file system that fsspec has for the URL, and the path in it."""
        try:
            core = importlib.import_module("fsspec.core")
        except ImportError:
            raise MissingExtraError("store", "fsspec") from None
        with self._errors():
            files, root = core.url_to_fs(self.url)
        return files, root.rstrip("/")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the many packages behind fsspec raise into one error."""
        try:
            yield
        except (ArtifactError, MissingExtraError):
            raise
        except Exception as error:
            said = hide_userinfo(" ".join(f"{type(error).__name__}: {error}".split()), self.url)[:300]
            failure = ArtifactError(f"cannot use {self.shown}: {said}; check --results-to")
            if self.shown != self.url:
                raise failure from None  # its cause, which --debug shows, may say what is hidden here
            raise failure from error


def _folder(root: str, job: Job) -> str:
    return f"{root}/training/{job.network.name}/{job.key}"


def _weights_name(result: TrainingResult) -> str:
    """By their hash, so that two machines that train the same job never mix theirs."""
    return f"weights-{result.weights_sha256}.safetensors"
