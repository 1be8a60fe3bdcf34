"""What tests of whole commands share: a tiny dataset on disk, isolated folders, two ways to run a command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from ray_clusters import two_machines
from tiny import make_dataset

from mnistbench.catalog import find
from mnistbench.data.dataset import Dataset, load_dataset
from mnistbench.precisions import PRECISIONS

TRAIN_IMAGES = 400
TEST_IMAGES = 200

OURS = ("MNISTBENCH_DATA", "MNISTBENCH_WORK", "MNISTBENCH_DEBUG")


def digit_images(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten patterns with noise that any network learns at once: uint8 ``(count, 28, 28)`` and labels."""
    patterns = np.kron(np.random.default_rng(0).random((10, 7, 7)) > 0.6, np.full((4, 4), 200))
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(count) % 10).astype(np.uint8)
    return (patterns[labels] + generator.integers(0, 56, (count, 28, 28))).astype(np.uint8), labels


def write_digits(folder: Path) -> Path:
    """A dataset in MNIST's format that is not MNIST."""
    folder.mkdir(parents=True)
    for seed, (part, count) in enumerate((("train", TRAIN_IMAGES), ("t10k", TEST_IMAGES)), start=1):
        images, labels = digit_images(count, seed=seed)
        header = struct.pack(">4I", 0x803, count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels.tobytes())
    return folder


@dataclass(frozen=True)
class Outcome:
    """What a command left behind: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; anything beside it makes this fail."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    def succeeds(self) -> Outcome:
        assert self.code == 0, self
        assert "Traceback" not in self.err, self.err
        return self

    def fails_with(self, *texts: str, code: int = 1, out: str = "") -> Outcome:
        """One line ``error: ...`` that has every one of ``texts``, last on standard error, and no traceback."""
        assert self.code == code, self
        assert "Traceback" not in self.err, self.err
        assert self.out == out, self.out
        lines = self.err.splitlines()
        assert [line.lower().startswith("error: ") for line in lines].count(True) == 1, self.err
        assert lines[-1].lower().startswith("error: "), self.err
        for text in texts:
            assert text in lines[-1], self.err
        return self


@dataclass(frozen=True)
class Cli:
    """Runs ``mnistbench`` with its dataset and work folder set by the environment.

    Call it to run within this process, which is quick; ``process`` starts a real one.
    """

    data: Path
    work: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def _settings(self, env: Mapping[str, str]) -> dict[str, str]:
        return {"MNISTBENCH_DATA": str(self.data), "MNISTBENCH_WORK": str(self.work), **self.env, **env}

    def __call__(self, *args: object, **env: str) -> Outcome:
        from mnistbench.cli import root

        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self._settings(env)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as exit_,
        ):
            root.main([str(arg) for arg in args], prog_name="mnistbench")
        return Outcome(exit_.value.code or 0, out.getvalue(), err.getvalue())

    def start(self, *args: object, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(
            [sys.executable, "-m", "mnistbench", *map(str, args)],
            env={**os.environ, **self._settings(env or {})},
            encoding="utf-8",
            **(pipes | options),
        )

    def process(self, *args: object, env: Mapping[str, str] | None = None, **options: Any) -> Outcome:
        with self.start(*args, env=env, **options) as process:
            try:
                out, err = process.communicate(timeout=120)
            finally:
                process.kill()
        return Outcome(process.returncode, out or "", err or "")


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the user's cache or settings, nor how the tests were started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what runs in the background, and every process that a test starts would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name in OURS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """A dataset in memory, for tests of the library."""
    return make_dataset()


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """A cluster of two machines; the test is skipped where Ray is not installed."""
    with two_machines() as address:
        yield address


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four IDX files: 400 training and 200 test images. To be read only."""
    return write_digits(tmp_path_factory.mktemp("data") / "patterns")


@pytest.fixture
def own_digits(tmp_path: Path) -> Path:
    """As ``digits_folder``, but a copy to damage."""
    return write_digits(tmp_path / "patterns")


@pytest.fixture
def cli(digits_folder: Path, tmp_path: Path) -> Cli:
    """Commands with the tiny dataset and an empty work folder."""
    return Cli(digits_folder, tmp_path / "work")


@pytest.fixture(scope="session")
def trained_work(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with ``16-10`` and ``24-P-48-P-96-10``, trained and exported. To be read only."""
    cli = Cli(digits_folder, tmp_path_factory.mktemp("trained") / "work")
    names = ("16-10", "24-P-48-P-96-10")
    cli("train", *names, "--epochs", 1, "--batch-size", 32).succeeds()
    cli("export", *names).succeeds()
    return cli.work


@pytest.fixture
def trained(cli: Cli, trained_work: Path) -> Cli:
    """Commands on the shared work folder; only for those that do not write to it."""
    return Cli(cli.data, trained_work)


@pytest.fixture(scope="session")
def precise_work(trained_work: Path, digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained work folder with both networks in every precision; only what is timed is written to it."""
    from mnistbench.training import acceptance
    from mnistbench.training.export import prepare, publish
    from mnistbench.training.job import find_finished

    work = tmp_path_factory.mktemp("precise") / "work"
    shutil.copytree(trained_work, work)
    dataset = load_dataset(digits_folder)
    with pytest.MonkeyPatch.context() as patch:
        # On 200 images one more error is half a point.
        patch.setattr(acceptance, "LARGEST_LOSSES", dict.fromkeys(PRECISIONS, 0.05))
        for name in ("16-10", "24-P-48-P-96-10"):
            source = prepare(find_finished(work, name), find(name), dataset)
            for precision in PRECISIONS:
                publish(source, work / "zoo", precision=precision)
    return work


@pytest.fixture
def precise(trained: Cli, precise_work: Path) -> Cli:
    """As ``trained``, with every precision."""
    return Cli(trained.data, precise_work)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the system does not know, as containers have them."""
    pwd = pytest.importorskip("pwd", reason="this system has no such users")

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment without network, npm or cached data: every proxy is a port where nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), closed)
        empty = tmp_path / "nothing"
        empty.mkdir()
        cache = str(tmp_path / "cache")
        yield {**proxies, "NO_PROXY": "", "no_proxy": "", "PATH": str(empty), "XDG_CACHE_HOME": cache}
