"""What a reader should know before believing the figures: noise, throttling, work done elsewhere, failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from mnistbench.measure.conditions import worries
from mnistbench.report import units
from mnistbench.report.html.latency_tables import count_text
from mnistbench.report.html.markup import Markup, join, name, phrase
from mnistbench.report.html.rows import Failure, Page, Row, stopped_by
from mnistbench.report.html.setups import as_mapping, run_letter, short_provider
from mnistbench.report.html.summary import many
from mnistbench.report.html.table import Cell, Head, table
from mnistbench.results import LatencyResult

MOST_NAMED = 4
"""Rows that a warning names; the tables have the rest."""


def cautions(page: Page) -> list[Markup]:
    """Sentences, each about the rows that it names; empty when there is nothing to say."""
    rows = page.rows
    found = [
        _cut_short(rows),
        _about("The warm-up did not settle; first calls may be slow ones", rows, _unsettled),
        _about("Stopped at the limit of time or calls while the noise still changed", rows, _out_of_time),
        *(_about(f"{what[0].upper()}{what[1:]} meanwhile", rows, partial(_worried, what)) for what in _kinds(rows)),
        _about("A part of the model ran elsewhere than on the provider it stands under", rows, _placed_elsewhere),
        _about("No error rate, so left out where accuracy is shown", rows, _without_error_rate),
        _about("No interval, which needs three processes", rows, lambda row: row.result.p50_low_seconds is None),
    ]
    return [sentence for sentence in found if sentence]


def failures_table(page: Page) -> Markup:
    """What has no figures, and why; the same reason for many models is one line. Empty when nothing failed."""
    if not page.failures:
        return phrase()
    groups: dict[tuple[int, str, str, str], list[Failure]] = {}
    for failure in page.failures:
        result = failure.result
        groups.setdefault((failure.run, result.device, result.mode, failure.reason), []).append(failure)
    lines = []
    for (run, _, _, reason), members in groups.items():
        models = ", ".join(dict.fromkeys(member.result.name for member in members))
        # Batch 0 stands for a model that could not be loaded at all.
        batches = sorted({member.result.batch_size for member in members} - {0})
        lines.append(
            [
                Cell(models, name=True),
                Cell(reason),
                Cell(_place(page, run, members[0].result)),
                Cell(", ".join(map(str, batches)) or "every"),
            ]
        )
    heads = [Head(text, right=False) for text in ("network", "why", "device, mode", "batch")]
    return table(f"Failed: {many(len(page.failures), 'measurement')}", heads, lines, class_="wrapped")


def without_median_table(page: Page) -> Markup:
    """What there is of results of too few calls for a median. Empty when every result has one."""
    if not page.without_median:
        return phrase()
    lines = []
    for one in page.without_median:
        result, stopped = one.result, stopped_by(one.result)
        times = (result.undisturbed_seconds, result.mean_seconds, result.session_seconds, result.first_call_seconds)
        lines.append(
            [
                Cell(result.name, name=True, note=f"cut short: {stopped}" if stopped else ""),
                Cell(f"{_place(page, one.run, result)}, {short_provider(result)}"),
                Cell(units.count(result.batch_size)),
                Cell(count_text(result.num_samples)),
                *(Cell(units.seconds(seconds)) for seconds in times),
            ]
        )
    heads = [
        Head("network", right=False),
        Head("device, mode, provider", right=False),
        *map(Head, ("batch", "calls", "undisturbed", "mean", "session", "first call")),
    ]
    caption = f"Too few calls for a median: {many(len(lines), 'measurement')}, left out below"
    return table(caption, heads, lines, class_="wrapped")


def _place(page: Page, run: int, result: LatencyResult) -> str:
    letter = f"{run_letter(run)}: " if len(page.runs) > 1 else ""
    return f"{letter}{result.device}, {result.mode}"


def _cut_short(rows: Sequence[Row]) -> Markup:
    """Which rows a failure ended, and which failure: each is of its own row, so that each is told."""
    found = [row for row in rows if stopped_by(row.result)]
    if not found:
        return phrase()
    told = join((phrase(_row_name(row), ": ", name(stopped_by(row.result))) for row in found[:MOST_NAMED]), "; ")
    return phrase(
        "Cut short by a failure, so that figures are of the processes before it: ",
        f"{len(found):,} of {len(rows):,} results (",
        told,
        _more(found),
        ").",
    )


def _about(words: str, rows: Sequence[Row], holds: Callable[[Row], bool]) -> Markup:
    """A sentence about the rows for which something holds; empty for none."""
    found = [row for row in rows if holds(row)]
    if not found:
        return phrase()
    if len(found) == len(rows):
        return phrase(words, ": all results.")
    named = join((_row_name(row) for row in found[:MOST_NAMED]), "; ")
    return phrase(words, f": {len(found):,} of {len(rows):,} results (", named, _more(found), ").")


def _more(found: Sequence[Row]) -> str:
    """How many rows are not named."""
    return f"; and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""


def _row_name(row: Row) -> Markup:
    return phrase(name(row.model.name), " on ", name(row.setup.label), f", batch {row.result.batch_size}")


def _unsettled(row: Row) -> bool:
    return row.result.warmup_settled is not True


def _without_error_rate(row: Row) -> bool:
    return row.result.error_rate is None and not row.result.is_floor


def _out_of_time(row: Row) -> bool:
    return row.result.stop_reason in ("time", "count")


def _kinds(rows: Sequence[Row]) -> list[str]:
    """What was wrong with the machine in any of the rows."""
    return sorted({what for row in rows for process in row.result.processes for what in worries(process.conditions)})


def _worried(what: str, row: Row) -> bool:
    return any(what in worries(process.conditions) for process in row.result.processes)


def _placed_elsewhere(row: Row) -> bool:
    nodes = as_mapping(row.result.node_placement)
    return any(provider != row.result.provider and count for provider, count in nodes.items())
