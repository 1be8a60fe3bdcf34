"""Tables of docs/latency.md: all networks by each provider at each batch size, from a committed run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from latency_tables import RESULTS, machine

from mnistbench.bench_files import read_bench_run
from mnistbench.catalog import NETWORKS
from mnistbench.measure.judging import change, judge
from mnistbench.measure.run_comparison import DEFAULT_THRESHOLD
from mnistbench.report import units
from mnistbench.report.latency_sheets import spread
from mnistbench.report.sheet import Column, Sheet, markdown
from mnistbench.results import BenchRun, LatencyResult

_NAMES = {"CPUExecutionProvider": "onnxruntime's own CPU provider", "OpenVINOExecutionProvider": "OpenVINO"}
_PACKAGES = {
    "CPUExecutionProvider": ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime"),
    "OpenVINOExecutionProvider": ("onnxruntime-ep-openvino", "onnxruntime-openvino"),
}

Key = tuple[str, int]
"""Name of a model, batch size."""


def zoo_latency(folder: Path = RESULTS) -> str:
    """One table a provider: p50 with its bound at each batch size, and images a second at the largest."""
    run = read_bench_run(folder / "zoo.json.gz")
    parts = []
    for provider, rows in _by_provider(run).items():
        batches = sorted({batch for _, batch in rows})
        heads = ("network", "error %", *(f"batch {units.count(batch)}" for batch in batches), "images/s")
        names = sorted(dict.fromkeys(name for name, _ in rows), key=_in_paper)
        cells = tuple(_cells([rows.get((name, batch)) for batch in batches]) for name in names)
        columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
        about = f"{_NAMES.get(provider, provider)} ({', '.join(_packages(run, provider))})"
        parts.append(markdown(Sheet(about, columns, cells), level=4))
    processes = {len(row.processes) for row in run.results if row.error is None}
    note = (
        f"p50 of {_one_or_both(processes)} fresh processes, ± half of its 95% interval in percent; images/s at the largest "
        f"batch, by the mean. Every usable processor, spinning threads. On {machine(run.environment.as_dict())}."
    )
    return "\n".join(parts) + f"\n{note}\n"


def zoo_providers(folder: Path = RESULTS) -> str:
    """At each batch size, how many networks the second provider runs faster, as ``mnistbench compare`` judges it."""
    run = read_bench_run(folder / "zoo.json.gz")
    (first, rows), (second, others) = _by_provider(run).items()
    lines = []
    for batch in sorted({batch for _, batch in rows}):
        pairs = [(rows[key], others[key]) for key in rows if key in others and key[1] == batch]
        pairs = [pair for pair in pairs if not pair[0].is_floor and pair[0].error is pair[1].error is None]
        verdicts = Counter(judge(*pair, "undisturbed", DEFAULT_THRESHOLD)[0] for pair in pairs)
        speeds = {pair[0].name: 1 / (1 + by) for pair in pairs if (by := change(*pair, "undisturbed")) is not None}
        slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
        lines.append(
            (
                units.count(batch),
                *(str(verdicts[verdict]) for verdict in ("FASTER", "SAME", "SLOWER", "UNCLEAR")),
                f"{speeds[slow]:.2f}× ({slow})",
                f"{speeds[fast]:.2f}× ({fast})",
            )
        )
    heads = ("batch", "faster", "same", "slower", "unclear", "least speed", "greatest speed")
    columns = tuple(Column(head, right=position < 5) for position, head in enumerate(heads))
    note = f"{_NAMES.get(second, second)} beside {_NAMES.get(first, first)}: networks, by the undisturbed call."
    return markdown(Sheet("", columns, tuple(lines), note))


def _in_paper(name: str) -> int:
    """Place in the paper's tables; the model that does nothing stands last."""
    places = [network.name for network in NETWORKS]
    return places.index(name) if name in places else len(places)


def _by_provider(run: BenchRun) -> dict[str, dict[Key, LatencyResult]]:
    found: dict[str, dict[Key, LatencyResult]] = {}
    for row in run.results:
        found.setdefault(row.provider or str(row.options.get("provider")), {})[row.name, row.batch_size] = row
    return found


def _cells(rows: Sequence[LatencyResult | None]) -> tuple[str, ...]:
    there = [row for row in rows if row is not None]
    times = [
        "failed" if row is None or row.error else f"{units.seconds(row.p50_seconds)} ±{spread(row)}" for row in rows
    ]
    return there[0].name, units.percent(there[0].error_rate), *times, units.rough_count(there[-1].throughput)


def _packages(run: BenchRun, provider: str) -> list[str]:
    there = run.environment.packages
    names = [name for name in _PACKAGES.get(provider, ()) if name in there]
    return [f"{name} {there[name]}" for name in names[:1]]


def _one_or_both(counts: set[int]) -> str:
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
