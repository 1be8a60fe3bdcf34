"""Calls taken apart as sheets: one a model, device and batch size. Decides columns and words, measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import BreakdownResult, OperatorTime

BAR_WIDTH = 10
"""Characters of a whole call."""

NAME_WIDTH = 23

MOST_NODES = 24
"""Shown by themselves, the slowest; the rest only within their type."""

SLOWED = 1.1
"""From this on a profiled run is so much longer than a usual one that it has to be said."""

Cells = tuple[str, ...]


def breakdown_sheets(results: Sequence[BreakdownResult]) -> list[Sheet]:
    """One sheet for each call that was taken apart, and one for those that could not be timed."""
    failed = [result for result in results if result.error is not None]
    sheets = [breakdown_sheet(result) for result in results if result.error is None]
    return [*sheets, failed_sheet(failed)] if failed else sheets


def breakdown_sheet(result: BreakdownResult) -> Sheet:
    """Floor, operators by type with their nodes, the rest, and the copies beside them."""
    columns = (
        Column("part", right=False),
        Column("time"),
        Column("share %"),
        Column("", right=False),
        Column("calls"),
        Column("GFLOP/s"),
        Column("provider", right=False),
    )
    lines = [*_floor(result), *_operators(result)]
    if result.other_seconds is not None:
        lines.append(_line("other", result.other_seconds, result))
    lines.append(_line("call", result.p50_seconds, result))
    if result.copies_seconds is not None:
        # On the CPU nothing is copied between devices; binding has costs of its own.
        what = "copies: e2e - bound" if result.device.startswith("cuda") else "e2e - bound"
        lines.append(_line(what, result.copies_seconds, result))
    title = f"{one_line(result.name)} on {_device(result)}, batch {result.batch_size:,}"
    return Sheet(title, columns, tuple(lines), "\n".join(_notes(result)))


def failed_sheet(results: Sequence[BreakdownResult]) -> Sheet:
    """What could not be timed, and why."""
    columns = (Column("network", right=False, foldable=True), Column("device", right=False), Column("batch"))
    rows = tuple(
        (one_line(result.name), _device(result), str(result.batch_size or units.MISSING)) for result in results
    )
    notes = [f"{one_line(result.name)}, {_device(result)}: {one_line(result.error or '')}" for result in results]
    return Sheet("Failed", columns, rows, "\n".join(dict.fromkeys(notes)))


def _floor(result: BreakdownResult) -> list[Cells]:
    """The floor, in its two parts where there are two."""
    if result.floor_copy_seconds is None or result.batch_size == 1:
        return [] if result.floor_seconds is None else [_line("floor", result.floor_seconds, result)]
    return [
        _line("floor: a call", result.call_floor_seconds, result),
        _line("floor: its batch", result.floor_copy_seconds, result),
    ]


def _operators(result: BreakdownResult) -> list[Cells]:
    """A line a type of operator, the longest first, with its slowest nodes below."""
    slowest = sorted(result.operators, key=lambda operator: -operator.seconds)[:MOST_NODES]
    shown = {id(operator) for operator in slowest}
    lines = []
    for op_type, seconds in result.seconds_by_op_type.items():
        of_type = [operator for operator in result.operators if operator.op_type == op_type]
        below = [operator for operator in of_type if id(operator) in shown]
        alone = len(of_type) == 1
        label = f"{op_type}: {_name(of_type[0])}" if alone and _name(of_type[0]) != op_type else op_type
        lines.append(_line(label, seconds, result, of_type))
        if not alone:
            lines += [_line(f"  {_name(operator)}", operator.seconds, result, [operator]) for operator in below]
    return lines


def _name(operator: OperatorTime) -> str:
    """Name of a node, and the layer that it computes where the name does not say it."""
    layer = operator.layer
    return operator.name if layer is None or layer in operator.name else f"{operator.name} = {layer}"


def _line(label: str, seconds: float | None, result: BreakdownResult, operators: Sequence[OperatorTime] = ()) -> Cells:
    """One part, as cells of every column."""
    label = one_line(label)
    whole = result.p50_seconds
    share = seconds / whole if seconds is not None and whole else None
    return (
        label if len(label) <= NAME_WIDTH else f"{label[: NAME_WIDTH - 1]}…",
        units.signed_seconds(seconds),
        units.percent(share, 1),
        _bar(share),
        units.count(sum(operator.calls for operator in operators)) if operators else "",
        _arithmetic(operators, result.batch_size),
        " ".join(sorted({_provider(operator.provider)[:8] for operator in operators})),
    )


def _bar(share: float | None) -> str:
    """A bar as long as the share, at most a whole one; of another letter for what is below nothing."""
    if share is None:
        return ""
    length = min(BAR_WIDTH, round(BAR_WIDTH * abs(share)))
    return ("#" if share >= 0 else "-") * length


def _arithmetic(operators: Sequence[OperatorTime], batch_size: int) -> str:
    """Thousand millions of operations a second, where it is known of every operator."""
    macs = [operator.macs for operator in operators if operator.flops_per_second is not None and operator.macs]
    seconds = sum(operator.seconds for operator in operators)
    if not macs or len(macs) < len(operators) or seconds <= 0:
        return ""
    return units.rough_count(2 * sum(macs) * batch_size / seconds / 1e9)


def _notes(result: BreakdownResult) -> list[str]:
    notes = ["Share: of a call in the mode e2e, a median without a profiler."]
    if result.floor_seconds is not None:
        notes.append("Floor: a model that does nothing." + _of_what(result))
    if result.operators:
        notes.append(
            f"Operators: medians of {result.num_runs} profiled runs, to be taken for estimates. {_clock(result)}"
        )
        notes.append("Other: the call less floor and operators, so gaps, allocation, waiting.")
    usual, profiled = result.p50_seconds, result.profiled_seconds
    if usual and profiled and profiled > SLOWED * usual:
        notes.append(
            f"Profiling slows a run from {units.seconds(usual)} to {units.seconds(profiled)}: compare the operators "
            "with each other; other is too small by it, and may be negative."
        )
    if result.copies_seconds is not None:
        notes.append(
            "Copies lie within the parts above."
            if result.copies_seconds >= 0
            else "Copies: bound calls take longer here, so that the difference is negative."
        )
    if any(operator.flops_per_second is not None for operator in result.operators):
        notes.append("GFLOP/s: two operations a multiply-accumulate of the network's layer.")
    hidden = len(result.operators) - MOST_NODES
    if hidden > 0:
        notes.append(f"The {MOST_NODES} slowest nodes are shown; {hidden:,} more are within their types.")
    return [*notes, *map(one_line, result.problems)]


def _of_what(result: BreakdownResult) -> str:
    if result.floor_copy_seconds is None:
        return " It gets one digit, not this batch."
    return "" if result.batch_size == 1 else " What it grows by from batch 1 is the copy of its batch."


def _clock(result: BreakdownResult) -> str:
    if result.kernel_clock == "launch":
        return (
            "Theirs is the time in which the processor launches them; the GPU's work on them is waited for in other, "
            "so no GFLOP/s."
        )
    if result.kernel_clock == "device":
        return "Theirs is the GPU's own time, during which the processor goes on."
    return "Theirs is the processor's time."


def _device(result: BreakdownResult) -> str:
    provider = str(result.options.get("provider", ""))
    return result.device if provider in ("", "cpu", "cuda") else f"{result.device} {one_line(provider)}"


def _provider(full_name: str) -> str:
    return one_line(full_name.removesuffix("ExecutionProvider").lower())
