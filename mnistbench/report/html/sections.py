"""The page's sections in their order, each with what explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mnistbench.report.html.accuracy_latency import accuracy_latency_charts
from mnistbench.report.html.cautions import cautions, failures_table, without_median_table
from mnistbench.report.html.environment import environment_table
from mnistbench.report.html.glossary import glossary
from mnistbench.report.html.latency_batch import latency_batch_charts
from mnistbench.report.html.latency_tables import setup_tables, side_by_side_tables
from mnistbench.report.html.markup import Markup, element, name, phrase
from mnistbench.report.html.percentiles import percentile_charts, samples_note
from mnistbench.report.html.rows import Page, Row, batch_sizes, distinct_setups
from mnistbench.report.html.summary import summary
from mnistbench.report.html.svg import swatch

_VARIANTS = "Networks that differ in dropout alone compute the same here; one of them is drawn."


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        key: Its identifier on the page.
        title: Its heading.
        content: What stands below.
    """

    key: str
    title: str
    content: tuple[Markup, ...]


def sections(page: Page) -> list[Section]:
    """Everything between the page's title and its end."""
    return [
        Section("summary", "Summary", _summary(page)),
        Section("accuracy", "Accuracy against latency", _by_mode(page, _accuracy)),
        Section("batch", "Latency against batch size", _by_mode(page, _batch)),
        Section("percentiles", "Percentiles", _by_mode(page, partial(_percentiles, page))),
        Section("tables", "Tables", _tables(page)),
        Section("environment", "Environment", (environment_table(page.runs),)),
        Section("glossary", "What the words mean", (glossary(),)),
    ]


def _summary(page: Page) -> tuple[Markup, ...]:
    content = [_list(summary(page))]
    found = cautions(page)
    if found:
        content.append(element("div", element("h3", "Before believing it"), _list(found), class_="warn"))
    return (*content, failures_table(page), without_median_table(page))


def _by_mode(page: Page, draw: Callable[[Sequence[Row], str], list[Markup]]) -> tuple[Markup, ...]:
    """What a function draws of each mode, with a heading for each where there are several."""
    content: list[Markup] = []
    for position, mode in enumerate(page.modes):
        if len(page.modes) > 1:
            content.append(element("h3", "Mode ", name(mode)))
        content += draw(page.of_mode(mode), str(position))
    return tuple(content)


def _accuracy(rows: Sequence[Row], prefix: str) -> list[Markup]:
    charts = accuracy_latency_charts(rows, f"accuracy-{prefix}")
    if not charts:
        return [_note("No model says its error rate, so that there is nothing to set against the latency.")]
    placed = [row for row in rows if row.result.error_rate is not None]
    missing = len({row.model.number for row in rows if not row.result.is_floor} - {row.model.number for row in placed})
    left_out = f" {missing} without an error rate left out." if missing else ""
    note = _note(
        "Lower left is better. Lines join the networks that no other beats in both; these are numbered, and the "
        f"tables below name them.{left_out}"
    )
    return [note, _key(placed), element("div", *charts, class_="charts wide")]


def _batch(rows: Sequence[Row], prefix: str) -> list[Markup]:
    charts = latency_batch_charts(rows, f"batch-{prefix}")
    if not charts:
        batches = ", ".join(map(str, batch_sizes(rows)))
        return [_note(f"Nothing to draw: batch sizes with figures are {batches}, and a line needs two.")]
    note = _note(f"Time per image: a line falls as long as larger batches pay. {_VARIANTS}")
    return [note, _key(rows), element("div", *charts, class_="charts")]


def _percentiles(page: Page, rows: Sequence[Row], prefix: str) -> list[Markup]:
    note = _note(
        "How long the slowest calls take: each further nine is as wide as the last. A curve ends where the sample "
        f"supports no more. {_VARIANTS}"
    )
    missing = samples_note(page, rows)
    above = [note, element("p", missing, class_="note"), _key(rows)] if missing else [note, _key(rows)]
    details: list[Markup] = []
    for batch in batch_sizes(rows):
        charts = percentile_charts([row for row in rows if row.result.batch_size == batch], f"tail-{prefix}-{batch}")
        if charts:
            title = element("summary", f"Batch {batch}")
            details.append(element("details", title, element("div", *charts, class_="charts"), open=not details))
    return [*above, *details] if details else [_note("No sample is large enough to draw a curve.")]


def _tables(page: Page) -> tuple[Markup, ...]:
    def tables(rows: Sequence[Row], _prefix: str) -> list[Markup]:
        content = []
        beside = side_by_side_tables(rows)
        if beside:
            note = (
                "Behind a median: times as fast as the first column, ≈ where noise or less than 5% explains it, "
                "nothing with fewer than three processes, or where a model was given other inputs. Bold: faster than "
                "all others, its 95% interval below theirs."
            )
            content += [_note(note), *beside]
        return [*content, *setup_tables(page, rows)]

    return _by_mode(page, tables)


def _key(rows: Sequence[Row]) -> Markup:
    """Colour and mark of each setup."""
    items = (element("li", swatch(setup.index), name(setup.label)) for setup in distinct_setups(rows))
    return element("ul", *items, class_="key", aria_label="Colours and marks")


def _list(sentences: Sequence[Markup]) -> Markup:
    return element("ul", *(element("li", sentence) for sentence in sentences))


def _note(text: str) -> Markup:
    return element("p", phrase(text), class_="note")
