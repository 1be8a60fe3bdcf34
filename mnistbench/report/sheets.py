"""Results to sheets: one function a kind of table. Decides columns and order, measures nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnistbench.artifacts import ModelEntry
from mnistbench.catalog import Network
from mnistbench.precisions import PLAIN
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import EvaluationResult, TrainingResult
from mnistbench.spec import NetworkSpec

TABLE_TITLES = {
    1: "Table 1: two layers",
    2: "Table 2: three layers",
    3: "Table 3: four layers",
    4: "Table 4: one convolution",
    5: "Table 5: two convolutions",
    6: "Table 6: four convolutions",
    None: "Not in the paper",
}

_NAME = Column("network", right=False, foldable=True)


def networks_sheets(networks: Iterable[Network]) -> list[Sheet]:
    """The catalogue in the paper's tables."""
    columns = (
        _NAME,
        Column("dropout"),
        Column("parameters"),
        Column("MACs"),
        Column("paper %"),
        Column("also called", right=False),
    )
    listed = list(networks)
    sheets = []
    for table, title in TABLE_TITLES.items():
        rows = tuple(
            (
                network.spec.notation,
                dropout_text(network),
                units.count(network.spec.num_parameters),
                units.rough_count(network.spec.macs),
                units.percent(network.paper.error if network.paper else None),
                ", ".join(network.aliases),
            )
            for network in listed
            if (network.paper.table if network.paper else None) == table
        )
        if rows:
            sheets.append(Sheet(title, columns, rows))
    return sheets


def dropout_text(network: Network) -> str:
    """How the paper says it: ``–``, ``yes`` with our rate behind it, or the rate."""
    if not network.spec.dropout:
        return units.MISSING
    rate = f"{network.spec.dropout:g}"
    return f"yes ({rate})" if network.paper and network.paper.dropout == "yes" else rate


def training_sheet(results: Sequence[TrainingResult], paper_errors: Sequence[float | None]) -> Sheet:
    """Finished runs, each beside the paper's error."""
    columns = (
        _NAME,
        Column("recipe", right=False),
        Column("seed"),
        Column("epochs"),
        Column("error %"),
        Column("95% interval"),
        Column("paper %"),
        Column("s/epoch"),
    )
    rows = tuple(
        (
            result.name,
            result.recipe,
            str(result.seed),
            str(result.epochs),
            units.percent(result.error_rate),
            units.interval(result.error_rate_low, result.error_rate_high),
            units.percent(paper),
            f"{result.epoch_seconds:.2f}",
        )
        for result, paper in zip(results, paper_errors, strict=True)
    )
    notes = []
    if any(result.selection == "best_on_test" for result in results):
        notes.append("Recipe paper: the error is that of the best epoch on the test set, as in the paper.")
    if any(result.evaluated_on == "validation" for result in results):
        notes.append("Errors are on held-out training images, not on the test set.")
    return Sheet("Training", columns, rows, " ".join(notes))


def export_sheet(entries: Sequence[ModelEntry]) -> Sheet:
    """Published models with the figures of their gate."""
    columns = (
        Column("file", right=False, foldable=True),
        Column("size"),
        Column("parameters"),
        Column("errors"),
        Column("points"),
        Column("logit difference"),
        Column("sha256", right=False),
    )
    rows = tuple(
        (
            entry.file,
            units.size(entry.size_bytes),
            units.count(entry.num_parameters),
            f"{entry.metrics['num_errors']}/{entry.metrics['num_images']}",
            units.signed_percent(entry.parity.get("error_difference"), 2),
            f"{entry.parity['max_logit_difference']:.1e}",
            entry.sha256[:12],
        )
        for entry in entries
    )
    note = "Logit difference: the largest between torch and onnxruntime on the test images."
    if all(entry.precision == PLAIN for entry in entries):
        return Sheet("Exported", columns[:4] + columns[5:], tuple(row[:4] + row[5:] for row in rows), note)
    note += " In other precisions than fp32: from the same weights in fp32, as the points of error are."
    return Sheet("Exported", columns, rows, note)


def evaluation_sheet(results: Sequence[EvaluationResult]) -> Sheet:
    """Accuracy through onnxruntime."""
    columns = (
        _NAME,
        Column("parameters"),
        Column("MACs"),
        Column("size"),
        Column("errors"),
        Column("error %"),
        Column("95% interval"),
        Column("paper %"),
    )
    rows = tuple(
        (
            result.name,
            units.rough_count(result.num_parameters),
            units.rough_count(result.macs),
            units.size(result.size_bytes),
            f"{result.num_errors}",
            units.percent(result.error_rate),
            units.interval(result.error_rate_low, result.error_rate_high),
            units.percent(result.paper_error),
        )
        for result in results
    )
    datasets = sorted({f"{result.num_images:,} test images of {result.dataset}" for result in results})
    return Sheet("Evaluation", columns, rows, "On " + ", ".join(datasets) + "." if datasets else "")


def input_sheet(results: Sequence[EvaluationResult]) -> Sheet:
    """How foreign models were fed, so that a wrong guess can be seen."""
    columns = (
        _NAME,
        Column("input", right=False),
        Column("layout", right=False),
        Column("dtype", right=False),
        Column("values", right=False),
        Column("batch"),
    )
    rows = tuple(
        (
            result.name,
            str(result.input["name"]),
            str(result.input["layout"]),
            str(result.input["dtype"]),
            str(result.input["value_range"]),
            str(result.input["batch_size"] or "any"),
        )
        for result in results
    )
    return Sheet("How models were fed", columns, rows, "Where this is wrong, --input-layout and --input-range say it.")


def confusion_sheet(result: EvaluationResult) -> Sheet:
    """Which digit was taken for which; zeros are dots."""
    matrix = result.confusion or ()
    columns = (Column("true"), *(Column(str(digit)) for digit in range(len(matrix))), Column("errors"))
    rows = tuple(
        (
            str(digit),
            *(str(number) if number else "·" for number in row),
            str(sum(row) - row[digit]),
        )
        for digit, row in enumerate(matrix)
    )
    return Sheet(f"Confusion of {result.name}", columns, rows, "Rows are true digits, columns the model's answers.")


@dataclass(frozen=True)
class PaperLine:
    """One network in the paper's tables, with what was measured of it; ``None`` where it was not.

    Attributes:
        error_rate: Of the exported model on the test images, with its Wilson 95% interval.
        epoch_seconds: Median wall time of a training epoch.
        latency_seconds: Median of a call on the first device with the first batch size that were asked for.
        failure: Why something is missing.
        comparable: Whether it was measured on MNIST, which the paper's error is on.
    """

    network: Network
    error_rate: float | None = None
    error_rate_low: float | None = None
    error_rate_high: float | None = None
    epoch_seconds: float | None = None
    latency_seconds: float | None = None
    failure: str | None = None
    comparable: bool = True


def paper_line(row: Mapping[str, Any]) -> PaperLine:
    """A line from one of the ``rows`` of a reproduction document.

    Raises:
        MnistbenchError: When the row names no network.
    """
    evaluation, training, latency = row["evaluation"] or {}, row["training"] or {}, row["latency"]
    # Never the next one that did not fail: it would stand under the heading of another device or batch.
    first: Mapping[str, Any] = latency[0] if latency else {"error": None}
    failures = [row["error"], *(result["error"] for result in latency)]
    spec = NetworkSpec.from_notation(
        row["notation"], dropout=row["dropout"], kernel_sizes=row["kernel_sizes"], paddings=row["paddings"]
    )
    return PaperLine(
        Network.from_spec(spec),
        evaluation.get("error_rate"),
        evaluation.get("error_rate_low"),
        evaluation.get("error_rate_high"),
        training.get("epoch_seconds"),
        first.get("p50_seconds") if first["error"] is None else None,
        next((failure for failure in failures if failure), None),
        evaluation.get("dataset", "mnist") == "mnist",
    )


def paper_sheets(lines: Sequence[PaperLine]) -> list[Sheet]:
    """The paper's Tables 1 to 6 with our figures beside the published ones."""
    columns = (
        _NAME,
        Column("dropout"),
        Column("params"),
        Column("MACs"),
        Column("paper %"),
        Column("ours %"),
        Column("95% interval"),
        Column("s/epoch"),
        Column("latency"),
    )
    sheets = []
    for table, title in TABLE_TITLES.items():
        chosen = [line for line in lines if (line.network.paper.table if line.network.paper else None) == table]
        if not chosen:
            continue
        rows = tuple(_paper_row(line) for line in chosen)
        failed = [f"{line.network.name}: {line.failure}" for line in chosen if line.failure]
        sheets.append(Sheet(title, columns, rows, "\n".join(map(one_line, failed))))
    return sheets


def _paper_row(line: PaperLine) -> tuple[str, ...]:
    network = line.network
    rate = units.MISSING if not network.spec.dropout else f"{network.spec.dropout:g}"
    return (
        network.spec.notation,
        rate,
        units.rough_count(network.spec.num_parameters),
        units.rough_count(network.spec.macs),
        units.percent(network.paper.error if network.paper and line.comparable else None),
        units.percent(line.error_rate),
        units.interval(line.error_rate_low, line.error_rate_high),
        units.MISSING if line.epoch_seconds is None else f"{line.epoch_seconds:.2f}",
        units.seconds(line.latency_seconds),
    )
