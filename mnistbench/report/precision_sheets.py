"""Precisions beside each other as sheets, one for each place that ran them. Decides columns and words only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import PrecisionResult

_COLUMNS = (
    Column("network", right=False, foldable=True),
    Column("precision", right=False),
    Column("size"),
    Column("error %"),
    Column("points"),
    Column("batch"),
    Column("p50"),
    Column("± %"),
    Column("speed"),
)


def precision_sheets(rows: Sequence[PrecisionResult]) -> list[Sheet]:
    """A sheet for each device and provider; what the columns mean, and what failed, stands below the last."""
    places: dict[tuple[str, str], list[PrecisionResult]] = {}
    for row in rows:
        places.setdefault((row.device, row.provider), []).append(row)
    sheets = []
    for (device, provider), here in places.items():
        by = f" by {provider}" if provider and provider != device.partition(":")[0] else ""
        sheets.append(Sheet(f"Precisions on {device}{by}", _COLUMNS, tuple(map(_row, here))))
    if sheets:
        failed = [
            f"{one_line(row.name)} in {row.precision} on {row.device}: {one_line(row.error)}"
            for row in rows
            if row.error is not None
        ]
        sheets[-1] = replace(sheets[-1], note="\n".join([*dict.fromkeys(failed), *_notes(rows)]))
    return sheets


def _row(row: PrecisionResult) -> tuple[str, ...]:
    return (
        one_line(row.name),
        row.precision,
        units.size(row.size_bytes),
        "failed" if row.error_rate is None else units.percent(row.error_rate),
        units.signed_percent(row.error_difference, 2),
        str(row.batch_size),
        "failed" if row.p50_seconds is None else units.seconds(row.p50_seconds),
        _spread(row),
        _speed(row),
    )


def _speed(row: PrecisionResult) -> str:
    speed = row.speed if row.undisturbed_speed is None else row.undisturbed_speed
    if speed is None:
        return units.MISSING
    return f"{speed:.2f}×{'?' if row.verdict in (None, 'UNCLEAR') else ''}"


def _spread(row: PrecisionResult) -> str:
    low, middle, high = row.p50_low_seconds, row.p50_seconds, row.p50_high_seconds
    return units.MISSING if low is None or high is None or not middle else f"{50 * (high - low) / middle:.1f}"


def _notes(rows: Sequence[PrecisionResult]) -> list[str]:
    counts = sorted({row.num_images for row in rows if row.num_images is not None})
    on = f"on {', '.join(f'{count:,}' for count in counts)} test images" if counts else "on the test images"
    notes = [
        f"error %: {on}. points: percentage points above fp32; above 0 errs more often.",
        "speed: undisturbed call of fp32 over this one, as 'mnistbench compare' judges it; below 1 is slower.",
    ]
    if any(_speed(row).endswith("?") for row in rows):
        notes.append("?: noise may explain it.")
    if any(row.error_difference is None and row.error is None for row in rows):
        notes.append("– where the zoo has no model of the same weights in fp32.")
    return notes
