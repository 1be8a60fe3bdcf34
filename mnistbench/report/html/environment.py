"""The machine and software behind each run, side by side; what differs stands out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnistbench.report import units
from mnistbench.report.html.markup import Markup
from mnistbench.report.html.setups import as_mapping, for_people, run_letter
from mnistbench.report.html.table import Cell, Head, table
from mnistbench.results import BenchRun


def environment_table(runs: Sequence[tuple[str, BenchRun]]) -> Markup:
    """A row for each fact, a column for each run."""
    facts = [_facts(run) for _, run in runs]
    lines = []
    for key in dict.fromkeys(key for each in facts for key in each):
        values = [each.get(key, units.MISSING) for each in facts]
        differs = len(set(values)) > 1 and key != "started"
        lines.append([Cell(key, name=True), *(Cell(value, strong=differs) for value in values)])
    titles = [name if len(runs) == 1 else f"{run_letter(position)}: {name}" for position, (name, _) in enumerate(runs)]
    heads = [Head("", right=False), *(Head(title, right=False) for title in titles)]
    caption = "Machines and software" + ("; what differs is bold" if len(runs) > 1 else "")
    return table(caption, heads, lines, class_="wrapped")


def _facts(run: BenchRun) -> dict[str, str]:
    environment = run.environment
    facts = {
        "started": str(run.started or units.MISSING),
        "processor": str(environment.cpu),
        "instructions": " ".join(map(str, environment.cpu_features)) or units.MISSING,
        "processors usable": str(environment.cpus_usable),
        "memory": units.size(environment.memory_bytes) if isinstance(environment.memory_bytes, int) else units.MISSING,
        "GPU": "; ".join(map(_gpu, environment.gpus)) or "none",
        "system": str(environment.platform),
        "Python": str(environment.python),
    }
    facts |= {str(package): str(version) for package, version in as_mapping(environment.packages).items()}
    return facts | {f"setting {key}": for_people(value) for key, value in as_mapping(run.settings).items()}


def _gpu(gpu: Any) -> str:
    known = as_mapping(gpu)
    parts = [str(known.get("name", "GPU"))]
    if isinstance(known.get("memory_bytes"), int):
        parts.append(units.size(known["memory_bytes"]))
    parts += [f"{word} {known[key]}" for key, word in (("driver", "driver"), ("uuid", "")) if known.get(key)]
    return ", ".join(part.strip() for part in parts)
