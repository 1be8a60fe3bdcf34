"""A tuning as a sheet: every candidate, and what the best one gains in words. Decides columns and words only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mnistbench.report import units
from mnistbench.report.latency_sheets import spread
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import TuningCandidate, TuningResult

if TYPE_CHECKING:
    from mnistbench.runtime.session import SessionSettings


def tuning_sheet(result: TuningResult) -> Sheet:
    """One row a candidate, in the order tried; the best and the default are marked."""
    where = result.device if result.provider in ("cpu", "cuda") else f"{result.device} {result.provider}"
    title = f"{one_line(result.name)} on {where}, {result.mode}, batch {result.batch_size:,}"
    has_options = any(candidate.provider_options for candidate in result.candidates)
    has_spinning = result.provider != "openvino" and not has_options
    columns = (
        Column("threads"),
        *([Column("spinning", right=False)] if has_spinning else []),
        *([Column("provider's options", right=False)] if has_options else []),
        Column("p50"),
        Column("± %"),
        Column("change %"),
        Column("processes"),
        Column("", right=False),
    )
    baseline = None if result.baseline is None else result.candidates[result.baseline].p50_seconds
    rows = tuple(
        (
            str(candidate.intra_op_num_threads),
            *([_spinning(candidate)] if has_spinning else []),
            *([one_line(_options(candidate))] if has_options else []),
            "failed" if candidate.error is not None else units.seconds(candidate.p50_seconds),
            spread(candidate),
            _change(candidate, baseline),
            str(len(candidate.process_seconds)),
            _mark(result, position),
        )
        for position, candidate in enumerate(result.candidates)
    )
    return Sheet(title, columns, rows, "\n".join(_notes(result)))


def gain_text(result: TuningResult) -> str:
    """What tuning gained, in a sentence."""
    if result.best is None:
        return f"Not tuned: {one_line(result.error or '')}."
    best = settings_text(result.candidates[result.best])
    why = f" ({result.reason})" if result.reason else ""
    if result.best == result.baseline:
        return f"The default settings stay: {best}{why or ', which is the fastest'}."
    if result.gain is None:
        return f"Best: {best}{why}."
    interval = ""
    if result.gain_low is not None and result.gain_high is not None:
        interval = f", 95% interval {result.gain_low:.2f} to {result.gain_high:.2f}"
    return f"Best: {best}; {result.gain:.2f} times as fast as the default{interval}: {result.verdict}{why}."


def settings_text(settings: TuningCandidate | SessionSettings) -> str:
    """Settings in a few words: ``2 threads, no spinning``."""
    if settings.provider_options:
        return ", ".join(f"{key} {value}" for key, value in settings.provider_options.items())
    if settings.intra_op_num_threads == 1:
        return "1 thread"
    return f"{settings.intra_op_num_threads} threads, {'spinning' if settings.allow_spinning else 'no spinning'}"


def _notes(result: TuningResult) -> Iterable[str]:
    for candidate in dict.fromkeys(one.error for one in result.candidates if one.error is not None):
        yield f"Failed: {one_line(candidate)}."
    yield gain_text(result)
    graph = None if result.baseline is None else result.candidates[result.baseline].p50_seconds
    if result.reference is not None and result.reference.p50_seconds and graph:
        yield (
            f"The graph itself: {result.reference.p50_seconds / graph:.2f} times as fast as the same calls in the mode "
            f"bound ({units.seconds(result.reference.p50_seconds)}), both with the default settings."
        )
    yield (
        "Change against the default settings; p50: median of the medians of fresh processes; ±: half its 95% interval "
        "by their spread. What is clearly slower after a process or more is dropped."
    )


def _mark(result: TuningResult, position: int) -> str:
    marks = [word for word, number in (("default", result.baseline), ("best", result.best)) if number == position]
    most = max(len(candidate.process_seconds) for candidate in result.candidates)
    candidate = result.candidates[position]
    if not marks and candidate.error is None and len(candidate.process_seconds) < most:
        marks.append("dropped")
    return ", ".join(marks)


def _spinning(candidate: TuningCandidate) -> str:
    if candidate.intra_op_num_threads == 1:
        return units.MISSING
    return "yes" if candidate.allow_spinning else "no"


def _options(candidate: TuningCandidate) -> str:
    return ", ".join(f"{key} {value}" for key, value in candidate.provider_options.items())


def _change(candidate: TuningCandidate, baseline: float | None) -> str:
    if candidate.p50_seconds is None or not baseline:
        return units.MISSING
    return units.signed_percent(candidate.p50_seconds / baseline - 1)
