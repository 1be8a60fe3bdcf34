"""What a file of the benchmark holds, one run or one for each kind of GPU, and which runs of two files belong together.

Pure; reads no files and compares no times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mnistbench.errors import ArtifactError, InputError
from mnistbench.measure.gpus import kind_of, label_of
from mnistbench.measure.pairing import pair_rows
from mnistbench.measure.run_comparison import NamedRun
from mnistbench.results import BenchRun, GpuFacts, GpusRun, LatencyResult


@dataclass(frozen=True)
class KindRun:
    """One of the runs in a file."""

    run: BenchRun | None
    """``None`` where its GPU could not be measured."""
    gpu: GpuFacts | None = None
    """That it is of; ``None`` for a run that is by itself in its file."""
    error: str | None = None
    caution: str | None = None


@dataclass(frozen=True)
class RunFile:
    """A file with what it is called; at least one of its runs is there."""

    label: str
    kinds: tuple[KindRun, ...]

    @property
    def measured(self) -> list[KindRun]:
        """Those with a run."""
        return [kind for kind in self.kinds if kind.run is not None]

    @property
    def says_gpus(self) -> bool:
        """Whether it tells which GPU each run is of."""
        return all(kind.gpu is not None for kind in self.kinds)

    def name(self, kind: KindRun) -> str:
        """What one of its runs is called."""
        return self.label if kind.gpu is None else f"{self.label}: {label_of(kind.gpu)}"


Partners = list[tuple[KindRun | None, KindRun | None]]
"""Kinds of two files that belong together; ``None`` where one file has none."""


@dataclass(frozen=True)
class Pair:
    """Two runs to be compared, and further ones of the same as the first."""

    baseline: NamedRun
    other: NamedRun
    repeats: tuple[NamedRun, ...] = ()


def file_of_one(label: str, run: BenchRun) -> RunFile:
    """A file with one run."""
    return RunFile(label, (KindRun(run),))


def file_of_gpus(label: str, run: GpusRun) -> RunFile:
    """A file with a run for each kind of GPU.

    Raises:
        ArtifactError: When none of them was measured.
    """
    kinds = tuple(KindRun(kind.run, kind.gpus[0], kind.error, kind.caution) for kind in run.kinds)
    file = RunFile(label, kinds)
    if not file.measured:
        raise ArtifactError(f"{label} has no figures: {'; '.join(kind.error or '' for kind in kinds) or 'no GPU'}")
    return file


def pair_files(file: RunFile, other: RunFile, repeats: Sequence[RunFile] = ()) -> list[Pair]:
    """Each run of a file with the one of the same kind of GPU in another file.

    Where both files have one kind only, these are compared whatever they are. Alike
    are GPUs of one name, MIG profile, limit of power and software, else of one name,
    profile and limit, else of one name and profile. What is nobody's is paired with
    a run without rows; a GPU that could not be measured with rows that failed.

    Args:
        file: The baseline, A.
        other: B.
        repeats: Further files of the same as A.

    Raises:
        InputError: When one has several kinds and another does not say which of them it is of.
    """
    again = [(repeat, _partners(file, repeat)) for repeat in repeats]
    pairs = []
    for mine, theirs in _partners(file, other):
        like = next((kind.run for kind in (mine, theirs) if kind is not None and kind.run is not None), None)
        if like is not None:
            sides = _named(file, mine, like), _named(other, theirs, like)
            pairs.append(Pair(*sides, _repeats(mine, like, again)))
    return pairs


def runs_of_file(file: RunFile, repeats: Sequence[RunFile] = ()) -> list[tuple[NamedRun, tuple[NamedRun, ...]]]:
    """Each run that a file has, and further ones of the same.

    Raises:
        InputError: As :func:`pair_files`.
    """
    again = [(repeat, _partners(file, repeat)) for repeat in repeats]
    return [
        (_named(file, kind, kind.run), _repeats(kind, kind.run, again)) for kind in file.kinds if kind.run is not None
    ]


def _partners(file: RunFile, other: RunFile) -> Partners:
    """Kinds that belong together, in the order of the first file; then those that only the other has."""
    if not (file.says_gpus and other.says_gpus):
        return [(_only_run(file, other), _only_run(other, file))]
    if len(file.kinds) == len(other.kinds) == 1:
        return [(file.kinds[0], other.kinds[0])]
    partners, extra = pair_rows(file.kinds, other.kinds, (_by_everything, _by_limit, _by_name))
    return [*zip(file.kinds, partners, strict=True), *((None, kind) for kind in extra)]


def _only_run(file: RunFile, other: RunFile) -> KindRun:
    """The run of a file that can only be meant."""
    if len(file.measured) > 1:
        names = "; ".join(label_of(kind.gpu) for kind in file.measured if kind.gpu is not None)
        raise InputError(
            f"{file.label} has runs on several GPUs ({names}), and {other.label} does not say which of them it is of; "
            "compare it with another file of 'mnistbench bench --executor pool' or ray"
        )
    return file.measured[0]


def _named(file: RunFile, kind: KindRun | None, like: BenchRun) -> NamedRun:
    """The run of a kind; where there is none, what stands in its place, in answer to the run of its partner."""
    if kind is None:
        return NamedRun(file.label, dataclasses.replace(like, results=()))
    if kind.run is None:
        rows = tuple(_failed(row, kind.error or "not measured") for row in like.results)
        return NamedRun(file.name(kind), dataclasses.replace(like, results=rows))
    return NamedRun(file.name(kind), kind.run, kind.caution)


def _repeats(mine: KindRun | None, like: BenchRun, again: Sequence[tuple[RunFile, Partners]]) -> tuple[NamedRun, ...]:
    """Of each further file the run of the same kind."""
    if mine is None:
        return ()
    return tuple(_named(file, _partner(mine, partners), like) for file, partners in again)


def _partner(mine: KindRun, partners: Partners) -> KindRun | None:
    return next((theirs for one, theirs in partners if one is mine), None)


def _failed(row: LatencyResult, error: str) -> LatencyResult:
    """A row in which the same could not be measured; with the provider, by which the two belong together."""
    facts = (row.name, row.file, row.sha256, row.device, row.mode, row.batch_size, row.provider)
    return LatencyResult(*facts, options=row.options, error=error)


def _by_everything(kind: KindRun) -> Hashable:
    assert kind.gpu is not None  # or there would be no kinds to tell apart
    return kind_of(kind.gpu)


def _by_limit(kind: KindRun) -> Hashable:
    assert kind.gpu is not None
    return kind_of(kind.gpu)[:3]


def _by_name(kind: KindRun) -> Hashable:
    assert kind.gpu is not None
    return kind_of(kind.gpu)[:2]
