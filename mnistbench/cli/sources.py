"""How commands find what they work on: the dataset, and models in the zoos."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from mnistbench.artifacts import ModelFile, bundled_zoo
from mnistbench.cli.output import say
from mnistbench.data.dataset import Dataset, load_dataset
from mnistbench.locate import locate_all


def open_dataset(data_dir: Path | None) -> Dataset:
    """The dataset in a folder, or MNIST from the cache, which is filled first when empty.

    Raises:
        DataError: When it cannot be had.
    """
    return load_dataset(data_dir, on_progress=say)


def exported_zoo(work_dir: Path) -> Path:
    """Where ``export`` puts models by default."""
    return work_dir / "zoo"


def find_models(names: Sequence[str], work_dir: Path, dropout: float | None) -> tuple[ModelFile, ...]:
    """ONNX files for paths and names; the user's own exports come before the bundled ones.

    Raises:
        MnistbenchError: When one cannot be found.
    """
    return locate_all(names, (exported_zoo(work_dir), bundled_zoo()), dropout=dropout, on_missing=_say_missing)


def distinct(files: Sequence[ModelFile]) -> tuple[ModelFile, ...]:
    """Each file once; those of one name are called by their paths."""
    once = {file.path: file for file in files}.values()
    names = Counter(file.name for file in once)
    return tuple(file if names[file.name] == 1 else dataclasses.replace(file, name=str(file.path)) for file in once)


def spare_sources(output: Path | None, sources: Iterable[Path | None]) -> None:
    """Refuse to write results over a file that a command reads, such as the model itself.

    Args:
        output: What ``--output`` names; ``None`` where nothing is written.
        sources: What is read; ``None`` where nothing was given.

    Raises:
        click.UsageError: When it is one of them, by whatever path.
    """
    if output is None or not output.exists():
        return
    if any(source is not None and source.exists() and output.samefile(source) for source in sources):
        raise click.UsageError(f"--output {output} is read by this command; name another file for the results")


def _say_missing(name: str) -> None:
    say(f"passed over: {name} has not been exported")
