"""What the results say in a few sentences: the fastest, the fronts, one setup against another."""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.report import units
from mnistbench.report.html.accuracy_latency import front
from mnistbench.report.html.beside import each_beside, in_words
from mnistbench.report.html.markup import Markup, element, join, name, phrase
from mnistbench.report.html.rows import Page, Row, batch_sizes, distinct_setups
from mnistbench.report.html.setups import Setup


def summary(page: Page) -> list[Markup]:
    """Sentences for the top of the page, the most general first; figures of two modes never meet in one."""
    sentences = [_counts(page)]
    for mode in page.modes:
        everything = page.of_mode(mode)
        rows = [row for row in everything if not row.result.is_floor]
        sentences += [_floor(row) for row in everything if row.result.is_floor and row.result.batch_size == 1]
        if not rows:
            continue
        for place in dict.fromkeys(row.setup.place for row in rows):
            there = [row for row in rows if row.setup.place == place]
            sentences += [_fastest(place, there), _throughput(place, there)]
        first, *others = distinct_setups(rows)
        sentences += [_against(rows, setup, first) for setup in others]
        sentences += [_front(rows, setup) for setup in (first, *others)]
    return [sentence for sentence in sentences if sentence]


def many(number: int, noun: str) -> str:
    """``1 result``, ``232 results``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _counts(page: Page) -> Markup:
    machines = len({repr(run.environment) for _, run in page.runs})
    text = (
        f"{many(len(page.rows), 'result')} of {many(len(page.models), 'model')} on {many(machines, 'machine')}, "
        f"from {many(len(page.runs), 'file')}"
    )
    failed = f"; {many(len(page.failures), 'measurement')} failed" if page.failures else ""
    few = f"; {many(len(page.without_median), 'measurement')} of too few calls for a median"
    return phrase(text, failed, few if page.without_median else "", ".")


def _floor(row: Row) -> Markup:
    figure = f", {units.seconds(row.p50_seconds)} a call at batch 1."
    return phrase("Without any arithmetic on ", name(row.setup.label), figure)


def _fastest(place: str, rows: Sequence[Row]) -> Markup:
    batch = batch_sizes(rows)[0]
    best = min((row for row in rows if row.result.batch_size == batch), key=lambda row: row.p50_seconds)
    figure = f", {units.seconds(best.p50_seconds)} a call."
    return phrase(
        f"Fastest at batch {batch} on ", name(place), ": ", _model(best), " through ", _provider(best), figure
    )


def _throughput(place: str, rows: Sequence[Row]) -> Markup:
    best = max(rows, key=lambda row: row.result.throughput or 0.0)
    figure = f" at batch {best.result.batch_size}, {units.rough_count(best.result.throughput)}."
    return phrase("Most images a second on ", name(place), ": ", _model(best), " through ", _provider(best), figure)


def _against(rows: Sequence[Row], setup: Setup, base: Setup) -> Markup:
    """By the verdicts of ``compare``; empty where nothing can be judged, as with fewer than three processes."""
    found = {batch: each_beside(rows, setup, base, batch) for batch in batch_sizes(rows)}
    parts = [f"{in_words(each)} at batch {batch}" for batch, each in found.items() if each]
    if not parts:
        return phrase()
    several = ", median over the models" if any(len(each) > 1 for each in found.values()) else ""
    figures = f" in speed of undisturbed calls{several}: {', '.join(parts)}."
    return phrase(element("b", name(setup.label)), " against ", name(base.label), figures)


def _front(rows: Sequence[Row], setup: Setup) -> Markup:
    """The front of a setup at its smallest batch; empty where no error rates are known."""
    own = [row for row in rows if row.setup is setup]
    batch = batch_sizes(own)[0]
    members = front([row for row in own if row.result.batch_size == batch])
    if not members:
        return phrase()
    listed = join((_member(row) for row in members), ", ")
    return phrase(
        "On ", name(setup.label), f" at batch {batch}, none is both faster and more accurate than: ", listed, "."
    )


def _member(row: Row) -> Markup:
    error = units.percent(row.result.error_rate)
    return phrase(name(row.model.name), f" ({units.seconds(row.p50_seconds)}, {error}%)")


def _model(row: Row) -> Markup:
    return element("b", name(row.model.name))


def _provider(row: Row) -> Markup:
    return name(row.setup.provider)
