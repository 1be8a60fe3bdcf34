"""The figures themselves: one setup beside another, and everything that is known of each result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mnistbench.report import units
from mnistbench.report.html.beside import beside, is_same_work, ratio_text
from mnistbench.report.html.markup import Markup, element, join, name, phrase
from mnistbench.report.html.rows import Page, Row, batch_sizes, distinct_setups, stopped_by
from mnistbench.report.html.setups import Setup, for_people
from mnistbench.report.html.summary import many
from mnistbench.report.html.table import Cell, Head, table
from mnistbench.report.percentile_bounds import UNBOUNDED, UNBOUNDED_NOTE, bounds
from mnistbench.results import LatencyResult


def side_by_side_tables(rows: Sequence[Row]) -> list[Markup]:
    """A table a batch size with a column for each setup; empty for a single setup.

    Args:
        rows: Of one mode. A figure stands out where its 95% interval lies below those of all others.
    """
    setups = distinct_setups(rows)
    if len(setups) < 2:
        return []
    return [
        _side_by_side(rows, setups, batch, is_open=position == 0) for position, batch in enumerate(batch_sizes(rows))
    ]


def setup_tables(page: Page, rows: Sequence[Row]) -> list[Markup]:
    """A table a setup with every figure of its results."""
    return [_setup_table(page, [row for row in rows if row.setup is setup], setup) for setup in distinct_setups(rows)]


def _side_by_side(rows: Sequence[Row], setups: Sequence[Setup], batch: int, *, is_open: bool) -> Markup:
    # The first where a file has one twice; the tables below have both.
    found: dict[tuple[int, int], Row] = {}
    for row in rows:
        if row.result.batch_size == batch:
            found.setdefault((row.model.number, row.setup.index), row)
    models = {row.model.number: row.model for row in found.values()}
    lines = []
    for number in sorted(models):
        cells = [Cell(str(number), number), Cell(models[number].name, name=True)]
        line = [found.get((number, setup.index)) for setup in setups]
        fastest = _clearly_fastest([row for row in line if row is not None])
        base = line[0]
        for position, one in enumerate(line):
            if one is None:
                cells.append(Cell(units.MISSING))
                continue
            ratio = _ratio(base, one) if base and position else ""
            p50 = one.p50_seconds
            cells.append(Cell(units.seconds(p50), p50, strong=one is fastest, note=ratio))
        lines.append(cells)
    heads = [Head("No."), Head("network", right=False), *(Head(setup.label) for setup in setups)]
    body = table(f"Median latency of a call at batch {batch}", heads, lines, class_="sortable")
    return element("details", element("summary", f"Batch {batch}"), body, open=is_open)


def _ratio(base: Row, row: Row) -> str:
    """How many times as fast by the medians, ``≈`` where noise may explain it; empty where nothing tells the noise."""
    found = beside(base, row, "p50")
    return "" if found is None else ratio_text(found.ratio) if found.is_clear else "≈"


def _clearly_fastest(rows: Iterable[Row]) -> Row | None:
    """The row whose interval lies below every other's; ``None`` without one, for a row alone and beside other work."""
    first, *others = sorted(rows, key=lambda row: row.p50_seconds)
    high = first.result.p50_high_seconds
    lows = [row.result.p50_low_seconds for row in others]
    if high is None or not others or any(low is None or low <= high for low in lows):
        return None
    return first if all(is_same_work(first, row) for row in others) else None


def _setup_table(page: Page, rows: Sequence[Row], setup: Setup) -> Markup:
    heads = [
        Head("No."),
        Head("network", right=False),
        Head("batch"),
        Head("undisturbed", title="the shortest call that a second process confirms"),
        Head("p50", title="median latency of a call"),
        Head("95% interval", title="of the median, by the spread between processes"),
        *(Head(text, title="below it: its 95% interval") for text in ("p90", "p99", "p99.9")),
        Head("images/s"),
        Head("session", title="creation of the session"),
        Head("first call"),
        Head("calls", title="timed in steady state"),
        Head("outliers", title="counted, never removed"),
        Head("error %"),
    ]
    body = table(f"Every figure of {setup.label}", heads, [_cells(row) for row in rows], class_="sortable")
    title = element("summary", name(setup.label), f": {many(len(rows), 'result')}")
    return element("details", title, _options(page, setup), body, _bounds_note(rows))


def _cells(row: Row) -> list[Cell]:
    result = row.result
    interval = units.MISSING
    if result.p50_low_seconds is not None and result.p50_high_seconds is not None:
        interval = units.seconds_range(result.p50_low_seconds, result.p50_high_seconds)
    return [
        Cell(str(row.model.number), row.model.number),
        Cell(row.model.name, name=True, note="cut short" if stopped_by(result) else ""),
        Cell(units.count(result.batch_size), result.batch_size),
        Cell(units.seconds(result.undisturbed_seconds), result.undisturbed_seconds),
        Cell(units.seconds(row.p50_seconds), row.p50_seconds),
        Cell(interval, result.p50_low_seconds),
        *(_percentile(result, percentile, seconds) for percentile, seconds in _tail(result).items()),
        Cell(units.rough_count(result.throughput), result.throughput),
        *(Cell(units.seconds(value), value) for value in (result.session_seconds, result.first_call_seconds)),
        Cell(count_text(result.num_samples)),
        Cell(count_text(result.num_outliers)),
        Cell(units.percent(result.error_rate), result.error_rate),
    ]


def _tail(result: LatencyResult) -> dict[str, float | None]:
    """Percentiles beyond the median, in seconds."""
    return {"p90": result.p90_seconds, "p99": result.p99_seconds, "p99.9": result.p999_seconds}


def _percentile(result: LatencyResult, percentile: str, seconds: float | None) -> Cell:
    """The figure with its bounds below, or the mark that it has none."""
    pair = bounds(result, percentile)
    if seconds is None:
        return Cell(units.MISSING)
    if pair is None:
        return Cell(units.seconds(seconds), seconds, note=UNBOUNDED)
    told = phrase(element("span", "95% interval ", class_="unseen"), units.seconds_range(*pair))
    return Cell(units.seconds(seconds), seconds, below=told)


def _bounds_note(rows: Sequence[Row]) -> Markup:
    """What stands below percentiles, and behind those where nothing does; empty where there are none."""
    shown = {
        bounds(row.result, percentile) is not None
        for row in rows
        for percentile, seconds in _tail(row.result).items()
        if seconds is not None
    }
    below = "Below a percentile: its 95% interval, by the spread between processes."
    told = [*([below] if True in shown else ()), *([UNBOUNDED_NOTE] if False in shown else ())]
    return element("p", " ".join(told), class_="note") if told else phrase()


def count_text(value: object) -> str:
    """A count of a file that may have put anything there."""
    return units.count(value) if isinstance(value, int) else str(value)


def _options(page: Page, setup: Setup) -> Markup:
    """Where and with which options all rows of a setup ran."""
    parts = [
        f"{key} ({for_people(value)})" if isinstance(value, Mapping) else f"{key} = {for_people(value)}"
        for key, value in setup.options.items()
    ]
    told = [name(page.runs[setup.run][0]), *map(name, parts)]
    return element("p", join(told, ", "), class_="note")
