"""The table of docs/reliability.md: each fault, how often it was tried and what was lost, from committed results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from latency_tables import RESULTS, machine, read

from mnistbench.report.sheet import Column, Sheet, markdown

FOLDER = RESULTS / "faults"

Row = tuple[str, str, str]
"""The fault, how often it was tried, what was lost."""

MUTANTS = {
    "idx": "damaged and hostile IDX and gzip files",
    "json": "damaged and hostile JSON: manifests, results, states, benchmarks, tunings",
    "safetensors": "damaged and hostile weights and checkpoints",
    "onnx": "damaged and hostile ONNX files, foreign and bundled",
    "pictures": "damaged and hostile pictures",
}


def faults(folder: Path = FOLDER) -> str:
    """Every fault that a committed full run has tried."""
    documents = {path.stem.removeprefix("fault-"): read(str(path)) for path in sorted(folder.glob("fault-*.json"))}
    short = [name for name, document in documents.items() if not document["full"]]
    if short:
        raise ValueError(f"fault-{short[0]}.json is of a short run; only full ones are published")
    rows = [row for name, make in _ROWS.items() if name in documents for row in make(documents[name])]
    rows += _whole_zoo()
    columns = (Column("fault", right=False), Column("tried"), Column("lost", right=False))
    environments = [document["environment"] for document in documents.values()]
    notes = [f"On {machine(environment)}." for environment in environments[:1]]
    return markdown(Sheet("", columns, tuple(rows), " ".join(notes)))


def _calls(document: dict[str, Any]) -> Iterator[Row]:
    tries: Counter[tuple[str, bool]] = Counter()
    problems: Counter[tuple[str, bool]] = Counter()
    for row in document["rows"]:
        key = (row["fault"], row["persistent"])
        tries[key] += row["tries"]
        problems[key] += len(row["problems"])
    operations = len({row["operation"] for row in document["rows"]})
    for (fault, persistent), count in tries.items():
        mode = "and all after it" if persistent else "once"
        what = f"{fault} at the N-th call, {mode}: for every N, in {operations} operations"
        yield what, f"{count:,} calls", _lost(problems[fault, persistent])


def _mutants(document: dict[str, Any]) -> Iterator[Row]:
    for row in document["rows"]:
        outcomes = row["outcomes"]
        what = f"{MUTANTS[row['group']]}; at most {row['limit_seconds']:g} s and {row['limit_mebibytes']:,} MiB"
        seen = f"{outcomes.get('refused', 0):,} refused, {outcomes.get('answered', 0):,} readable"
        yield what, f"{row['tries']:,} files", f"{_lost(len(row['problems']))}: {seen}"


def _processes(document: dict[str, Any]) -> Iterator[Row]:
    for locks in dict.fromkeys(row["locks"] for row in document["rows"]):
        rows = [row for row in document["rows"] if row["locks"] == locks]
        counts = " and ".join(str(count) for count in dict.fromkeys(row["processes"] for row in rows))
        what = f"{counts} processes on one empty cache, zoo or file; locks {locks}"
        yield what, f"{sum(row['tries'] for row in rows)} processes", _lost(sum(len(row["problems"]) for row in rows))


def _mirrors(document: dict[str, Any]) -> Iterator[Row]:
    names = [row["mirror"] for row in document["rows"]]
    problems = sum(len(row["problems"]) for row in document["rows"])
    yield f"bad mirrors: {', '.join(names)}", f"{document['tries']} downloads", _lost(problems)


def _kills(document: dict[str, Any]) -> Iterator[Row]:
    for row in document["rows"]:
        lost = _lost(len(row["problems"]))
        if row["operation"] == "train":
            lost += f"; finished epochs lost: {row['finished_epochs_lost']}"
        yield f"kill -9: {row['operation']}", f"{row['kills']} kills", lost


_ROWS: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "kills": _kills,
    "nth-calls": _calls,
    "processes": _processes,
    "mutants": _mutants,
    "mirrors": _mirrors,
}


def _whole_zoo() -> list[Row]:
    """The kills of ``mnistbench train all``, by a script of their own."""
    return [
        (
            f"kill -9: `mnistbench train all --parallel {proof['parallel']}`, {proof['num_networks']} networks",
            f"{proof['kills_landed']} kills",
            f"{_lost(len(proof['problems']))}; finished epochs lost: {proof['finished_epochs_lost']}; "
            f"{proof['networks_with_the_same_weights']} of {proof['num_networks']} networks with the same weights",
        )
        for proof in read("kill-train-all.json")["proofs"]
    ]


def _lost(problems: int) -> str:
    return f"{problems} problems" if problems else "nothing"
