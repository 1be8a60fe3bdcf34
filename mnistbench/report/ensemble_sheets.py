"""An ensemble beside its members as a sheet."""

from __future__ import annotations

from mnistbench.artifacts import ModelEntry
from mnistbench.measure.stats import wilson_interval
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet


def ensemble_sheet(entry: ModelEntry) -> Sheet:
    """Errors of each member by itself, then of all of them together."""
    columns = (
        Column("model", right=False, foldable=True),
        Column("seed"),
        Column("parameters"),
        Column("errors"),
        Column("error %"),
        Column("95% interval"),
    )
    members = [
        (
            str(member["name"]),
            str(member.get("seed", units.MISSING)),
            units.count(member["num_parameters"]),
            *_errors(member["num_errors"], member["num_images"]),
        )
        for member in entry.training["members"]
    ]
    metrics = entry.metrics
    whole = (
        entry.file,
        units.MISSING,
        units.count(entry.num_parameters),
        *_errors(metrics["num_errors"], metrics["num_images"]),
    )
    return Sheet(
        f"Ensemble of {len(members)}",
        columns,
        (*members, whole),
        f"On {metrics['num_images']:,} test images of {metrics['dataset']}. Choosing members by these errors would let "
        "the test set choose; 'mnistbench train --validation' gives figures to choose by.",
    )


def _errors(wrong: int, images: int) -> tuple[str, str, str]:
    return str(wrong), units.percent(wrong / images), units.interval(*wilson_interval(wrong, images))
