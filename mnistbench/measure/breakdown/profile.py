"""Reads the profile that onnxruntime writes: a JSON trace, from which come times by node.

A trace is a list of events. ``Node`` events named ``…_kernel_time`` are nodes as the
processor saw them; ``Kernel`` events, of onnxruntimes built with CUPTI, are what a GPU
ran; a ``Session`` event ``model_run`` is a run. Knows no session and no clock.

Source: onnxruntime, ``core/common/profiler.cc``; the tool ``profile_result_processor`` in its package.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_grouped
from typing import Any, NamedTuple, Self

from mnistbench.errors import ModelError
from mnistbench.files import read_json
from mnistbench.results.checks import check_number

LARGEST_PROFILE = 64 << 20
"""Bytes; an event has some six hundred."""

CONTAINERS = ("If", "Loop", "Scan")
"""Operators whose time is that of the nodes within, which have events of their own."""

_NODE_SUFFIX = "_kernel_time"
_MICRO = 1e-6


@dataclass(frozen=True)
class NodeTime:
    """One node, over all runs."""

    name: str
    op_type: str
    provider: str
    seconds: float
    """In a run; median over the runs."""
    calls: int
    """In a run; median over the runs."""


@dataclass(frozen=True)
class Profile:
    """Where the time of profiled runs went."""

    nodes: tuple[NodeTime, ...]
    """In the order of execution."""
    run_seconds: float
    """A whole run; median over the runs."""
    num_runs: int
    by_gpu: bool = False
    """Whether the times are the GPU's own."""

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What :meth:`as_dict` gave."""
        return cls(**{**document, "nodes": tuple(NodeTime(**node) for node in document["nodes"])})


class _Event(NamedTuple):
    start: float
    microseconds: float
    name: str
    arguments: Mapping[str, Any]


class _Node(NamedTuple):
    """What tells nodes apart; names alone need not."""

    name: str
    op_type: str
    provider: str
    node_index: str


def read_profile(path: Path, num_runs: int) -> Profile:
    """Times by node from the file that ``end_profiling()`` names.

    Args:
        path: The file.
        num_runs: How many of the last runs count; those before are warm-up.

    Raises:
        ModelError: When it cannot be read, is damaged, or has no run.
    """
    try:
        return parse_profile(read_json(path, LARGEST_PROFILE), num_runs)
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelError(
            f"the profile that onnxruntime wrote cannot be used: {reason:.200}; where a node's name has a quotation "
            "mark or a line break in it, rename the node"
        ) from None


def parse_profile(document: object, num_runs: int) -> Profile:
    """Times by node from a trace.

    onnxruntime counts whole microseconds, rounded down. A median is interpolated
    within its microsecond, as if the times lay evenly in it. A run in which a time
    is negative, since the clock was set back, does not count.

    Raises:
        TypeError: When an event is not what it should be.
        ValueError: When one has an impossible time, or no run is left.
    """
    if not isinstance(document, list):
        raise TypeError(f"it is {type(document).__name__}; expected a list of events")
    runs = sorted(_events(document, "Session", "model_run"))[-num_runs:] if num_runs > 0 else []
    kernels = _events(document, "Kernel", "")
    nodes = kernels or _events(document, "Node", _NODE_SUFFIX)
    by_run = _by_run(nodes, runs)
    good = [
        (run, events)
        for run, events in zip(runs, by_run, strict=True)
        if min([run.microseconds, *(event.microseconds for event in events)]) >= 0
    ]
    if not good:
        raise ValueError("it has no run of the model without a negative time" if runs else "it has no run of the model")
    times = _times([events for _, events in good], by_gpu=bool(kernels))
    return Profile(times, _median_seconds([run.microseconds + 0.5 for run, _ in good]), len(good), bool(kernels))


def _events(document: Sequence[object], category: str, suffix: str) -> list[_Event]:
    """Events of a category whose names end so; all others are passed over."""
    found = []
    for event in document:
        if not isinstance(event, dict):
            raise TypeError(f"an event is {type(event).__name__}; expected an object")
        name, arguments = event.get("name"), event.get("args") or {}
        if event.get("cat") != category or not isinstance(name, str) or not name.endswith(suffix):
            continue
        if not isinstance(arguments, dict):
            raise TypeError(f"args of {name:.60} is {type(arguments).__name__}; expected an object")
        for key in ("ts", "dur"):
            check_number(f"{key} of {name:.60}", event.get(key))
        found.append(_Event(float(event["ts"]), float(event["dur"]), name, arguments))
    return found


def _by_run(events: Sequence[_Event], runs: Sequence[_Event]) -> list[list[_Event]]:
    """The events of each run, in order; those outside the runs are left out."""
    parts: list[list[_Event]] = [[] for _ in runs]
    starts = [run.start for run in runs]
    for event in sorted(events, key=lambda event: event.start):
        position = bisect_right(starts, event.start) - 1
        # Both are rounded down: the end may read a microsecond early.
        if position >= 0 and event.start <= starts[position] + runs[position].microseconds + 1:
            parts[position].append(event)
    return parts


def _times(runs: Sequence[Sequence[_Event]], *, by_gpu: bool) -> tuple[NodeTime, ...]:
    """Each node over the runs; in a run that passed it by it took no time."""
    totals: dict[_Node, list[tuple[float, int]]] = {}
    for position, events in enumerate(runs):
        for event in events:
            node = _gpu_node(event) if by_gpu else _node(event)
            if node.op_type in CONTAINERS:
                continue
            of_node = totals.setdefault(node, [(0.0, 0)] * len(runs))
            microseconds, calls = of_node[position]
            of_node[position] = (microseconds + event.microseconds + 0.5, calls + 1)
    return tuple(
        NodeTime(
            name=node.name,
            op_type=node.op_type,
            provider=node.provider,
            seconds=_median_seconds([microseconds for microseconds, _ in of_node]),
            calls=round(median(calls for _, calls in of_node)),
        )
        for node, of_node in totals.items()
    )


def _node(event: _Event) -> _Node:
    name = event.name.removesuffix(_NODE_SUFFIX)
    return _Node(name, _text(event, "op_name") or "?", _text(event, "provider"), _text(event, "node_index"))


def _gpu_node(event: _Event) -> _Node:
    """The node that launched a kernel; a kernel that none launched, such as a copy, stands for itself."""
    name = _text(event, "parent_name").removesuffix(_NODE_SUFFIX) or event.name
    return _Node(name, _text(event, "op_name") or event.name, _text(event, "provider"), "")


def _text(event: _Event, key: str) -> str:
    value = event.arguments.get(key, "")
    return value if isinstance(value, str) else str(value)[:60]


def _median_seconds(microseconds: Sequence[float]) -> float:
    """Of middles of whole microseconds; never negative."""
    return max(0.0, median_grouped(microseconds, interval=1.0)) * _MICRO
