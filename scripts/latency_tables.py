"""Tables of docs/benchmarking.md, from committed results: what verdicts and times are worth, and what the wrapper adds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, markdown

RESULTS = Path(__file__).parent.parent / "bench" / "results"


def machine(environment: dict[str, Any]) -> str:
    """A machine in a few words."""
    cpus, features = environment["cpus_usable"], environment["cpu_features"]
    extra = "AMX" if "amx_bf16" in features else "AVX-512" if "avx512f" in features else "AVX2"
    gpus = "".join(f", {gpu['name']}" for gpu in environment["gpus"])
    return f"{cpus} cores of {environment['cpu']} ({extra}){gpus}"


def same_or_slower() -> str:
    """Verdicts on pairs of runs of one model, and on pairs of which one is slower."""
    document = read("same-or-slower.json")
    heads = ("second run of", "pairs", "verdicts", "change", "of the medians")
    rows = []
    for kind, name in (("same", "the same model"), ("slowed", "the slowed model")):
        found = document[kind]
        verdicts = Counter(one["verdict"] for one in found)
        rows.append(
            (
                name,
                str(len(found)),
                ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()),
                _from_to([one["change"] for one in found]),
                _from_to([one["p50_change"] for one in found]),
            )
        )
    columns = tuple(Column(head, right=position in (1, 3, 4)) for position, head in enumerate(heads))
    settings = document["settings"]
    note = (
        f"`{settings['name']}`, batch {settings['batch']}, {settings['threads']} thread; the slowed model has idle "
        f"arithmetic of about a tenth of its time. On {machine(document['environment'])}."
    )
    return markdown(Sheet("", columns, tuple(rows), note))


def noise() -> str:
    """What the verdicts are under simulated noise."""
    document = read("noise.json")
    heads = (
        "noise between processes",
        "judged by",
        "equal: SAME",
        "UNCLEAR",
        "wrong",
        "slower: SLOWER",
        "UNCLEAR",
        "wrong",
    )
    rows = []
    for row in document["rows"]:
        equal, slowed = row["equal"], row["slowed"]
        shares = (
            equal["SAME"],
            equal["UNCLEAR"],
            equal["SLOWER"] + equal["FASTER"],
            slowed["SLOWER"],
            slowed["UNCLEAR"],
            slowed["SAME"] + slowed["FASTER"],
        )
        rows.append((row["noise"], row["judged_by"], *(f"{share:.1%}" for share in shares)))
    columns = tuple(Column(head, right=position > 1) for position, head in enumerate(heads))
    settings = document["settings"]
    note = (
        f"Of {settings['pairs']:,} pairs each; the slower run takes {settings['slow_down']:.0%} longer. "
        f"{settings['processes']} processes or, by the undisturbed call, more where they disagree."
    )
    return markdown(Sheet("", columns, tuple(rows), note))


def overhead() -> str:
    """What the wrapper adds to onnxruntime: a call of ``predict``, and ``evaluate`` of the test images."""
    document = read("overhead.json")
    heads = ("what", "beside", "bare", "ours", "added")
    rows = []
    for row in document["rows"]:
        bare, ours = (units.seconds(row[f"{side}_seconds"]) for side in ("baseline", "ours"))
        # A single call is judged by the time that it adds, a loop over all images by its share.
        extra = row.get("ours_extra_seconds")
        added = f"{units.signed_percent(1 / row['ratio'] - 1)}%" if extra is None else units.signed_seconds(extra)
        rows.append((row["name"], f"`{row['baseline']}`", bare, ours, added))
    columns = tuple(Column(head, right=position > 1) for position, head in enumerate(heads))
    note = f"Medians of alternating rounds, and of their differences. On {machine(document['environment'])}."
    return markdown(Sheet("", columns, tuple(rows), note))


def agreement() -> str:
    """Our times over those of independent harnesses on the same session or file."""
    document = read("agreement.json")
    heads = ("network", "batch", "harness", "provider", "ours", "theirs", "mean", "median", "least")
    rows = tuple(
        (
            row["name"],
            str(row["batch_size"]),
            row["harness"],
            row["provider"],
            units.seconds(row["median"]["ours_seconds"]),
            units.seconds(row["median"]["theirs_seconds"]),
            *(f"{row[figure]['ratio']:.3f}" for figure in ("mean", "median", "least")),
        )
        for row in document["rows"]
    )
    columns = tuple(Column(head, right=position not in (0, 2, 3)) for position, head in enumerate(heads))
    settings = document["settings"]
    compared = ". ".join(
        f"Beside {harness}: " + "; ".join(f"{figure}: {what}" for figure, what in figures.items())
        for harness, figures in document["compared"].items()
    )
    note = (
        f"ours, theirs: medians of a call. The ratios are of ours to theirs. {compared}. {settings['threads']} thread; "
        f"{settings['rounds']} turns of each with torch, {len(document['rows'][-1]['mean']['ours_rounds_seconds'])} "
        f"with benchmark_app. On {machine(document['environment'])}."
    )
    return markdown(Sheet("", columns, rows, note))


def read(file: str) -> Any:
    """A committed result."""
    return json.loads((RESULTS / file).read_text(encoding="utf-8"))


def _from_to(changes: list[float]) -> str:
    return f"{units.signed_percent(min(changes))} to {units.signed_percent(max(changes))}%"
