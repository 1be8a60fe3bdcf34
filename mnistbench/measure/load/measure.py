"""Puts one loaded model under load, scenario by scenario.

Warm-up, a first look at the time of a call, the run itself, and afterwards the
check that the answers stayed the same. Whatever fails becomes a row with an
error, and the others go on. Prints nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.measure.collection import without_collection
from mnistbench.measure.latency.workload import make_workload
from mnistbench.measure.load.closed_loop import run_closed_loop
from mnistbench.measure.load.figures import rate_step, with_figures
from mnistbench.measure.load.loaded import Loaded, Query
from mnistbench.measure.load.scenarios import Limits, Paced, Scenario, Server, limits_of, with_batch
from mnistbench.measure.load.search import search_rate
from mnistbench.measure.load.server import most_waiting, poisson_arrivals, run_server
from mnistbench.measure.load.timer import Timer
from mnistbench.measure.stats import median
from mnistbench.measure.steady import Plan, measure_steady
from mnistbench.results import LoadResult, RateStep
from mnistbench.runtime.images import Images, as_batch
from mnistbench.runtime.session import onnxruntime_errors, run_error

SEED = 20

WARM_UP = Plan(min_samples=16, min_seconds=0.05, max_seconds=1.0, max_samples=10_000, fewest_samples=1)
"""Before each scenario: the usual warm-up, then a few calls whose median begins the search for a rate."""

_FIRST_LOAD = 0.5
"""Share of the workers' time that the first rate of a search asks for."""

OnResult = Callable[[LoadResult], None]


def measure_load(
    loaded: Loaded,
    scenarios: Sequence[Scenario],
    *,
    images: Images | None,
    seconds: float,
    timer: Timer,
    seed: int = SEED,
    warm_up: Plan = WARM_UP,
    on_result: OnResult | None = None,
) -> list[LoadResult]:
    """Measure one model on its device under several kinds of load, all with its one session.

    Args:
        loaded: The model with its session.
        scenarios: The kinds of load, in order; a model with a fixed batch gets it in every query, whatever they say.
        images: uint8 of shape ``(n, 28, 28)``, which the inputs of a model that reads digits are drawn from.
        seconds: How long a run should last; longer where its percentile needs more queries.
        timer: Clock and sleep.
        seed: Draws the inputs and the arrivals.
        warm_up: How each scenario is warmed up.
        on_result: Gets each row as soon as it exists.

    Returns:
        One row a scenario; one that could not be measured has ``error``.

    Raises:
        InputError: When there are no images, or a scenario cannot be measured in that time.
    """
    if loaded.model.inputs.plan is not None:
        images = as_batch(images) if images is not None else None
        if images is None or not len(images):
            raise InputError("no images to draw inputs from; expected at least one")
    fitting = [with_batch(scenario, loaded.model.inputs.fixed_batch) for scenario in scenarios]
    planned = [(scenario, limits_of(scenario, seconds)) for scenario in fitting]
    for scenario, limits in planned:
        if isinstance(scenario, Server) and scenario.rate is not None and limits.most_queries_at(scenario.rate) < 1:
            raise InputError(
                f"a rate of {scenario.rate:g} queries a second is less than one in {limits.max_seconds:g} s, "
                "the longest that a run may last; give a longer --duration"
            )
    blank = loaded.blank(seed)
    blank = dataclasses.replace(blank, options=blank.options | {"watch_seconds": timer.watch_seconds})
    rows = []
    for scenario, limits in planned:
        row = _settings_row(blank, scenario, limits)
        try:
            with without_collection():
                row = _measure(row, loaded, scenario, limits, images, timer, warm_up)
        except (ModelError, ProviderError) as error:
            row = dataclasses.replace(row, error=str(error))
        except onnxruntime_errors() as error:
            size, advice = scenario.samples_per_query, loaded.model.inputs.advice
            failure = run_error(error, name=row.name, device=loaded.device, batch_size=size, advice=advice)
            row = dataclasses.replace(row, error=str(failure))
        rows.append(row)
        if on_result is not None:
            on_result(row)
    return rows


def _settings_row(blank: LoadResult, scenario: Scenario, limits: Limits) -> LoadResult:
    """What was asked for, before anything is measured."""
    return dataclasses.replace(
        blank,
        scenario=scenario.name,
        samples_per_query=scenario.samples_per_query,
        workers=scenario.workers,
        gap_seconds=scenario.gap_seconds if isinstance(scenario, Paced) else None,
        rate=scenario.rate if isinstance(scenario, Server) else None,
        rate_searched=isinstance(scenario, Server) and scenario.rate is None,
        latency_bound_seconds=scenario.bound_seconds if isinstance(scenario, Server) else None,
        options=blank.options | dataclasses.asdict(limits),
    )


def _measure(
    row: LoadResult,
    loaded: Loaded,
    scenario: Scenario,
    limits: Limits,
    images: Images | None,
    timer: Timer,
    warm_up: Plan,
) -> LoadResult:
    """One scenario: the row with its figures."""
    inputs, size = loaded.model.inputs, scenario.samples_per_query
    if inputs.fixed_batch not in (None, size):
        raise ModelError(f"{inputs.only_batch(row.name)}, not of {size}")
    workload = make_workload(inputs, size, images, row.seed)
    call = Query(loaded, workload)
    provider = str(loaded.session.get_providers()[0])
    row = dataclasses.replace(row, provider=provider, options=row.options | {"distinct_inputs": len(workload.feeds)})
    sample = measure_steady(call, warm_up, timer.clock, after_each=call.check)
    if isinstance(scenario, Server):
        server = _Server(row, scenario, limits, call, timer)
        return server.at(scenario.rate) if scenario.rate is not None else server.highest(median(sample.seconds))
    gap = scenario.gap_seconds if isinstance(scenario, Paced) else 0.0
    # A core that watched the clock would be awake when the call begins, which is what a gap is to show.
    timer = dataclasses.replace(timer, watch_seconds=0.0) if gap else timer
    traffic = run_closed_loop(call, limits, timer, workers=scenario.workers, gap_seconds=gap)
    call.check_all(traffic)
    return with_figures(row, traffic, scenario, limits)


class _Server:
    """The runs of a server scenario, each with arrivals of its own."""

    def __init__(self, row: LoadResult, scenario: Server, limits: Limits, call: Query, timer: Timer) -> None:
        self._row, self._scenario, self._limits, self._call, self._timer = row, scenario, limits, call, timer
        self._runs = 0
        self._passed: dict[float, LoadResult] = {}

    def at(self, rate: float) -> LoadResult:
        """One run."""
        limits, scenario = self._limits, self._scenario
        count = max(limits.min_queries, math.ceil(rate * limits.min_seconds))
        count = max(1, min(count, limits.max_queries, limits.most_queries_at(rate)))
        traffic = run_server(
            self._call,
            poisson_arrivals(rate, count, (self._row.seed, self._runs)),
            self._timer,
            workers=scenario.workers,
            max_waiting=most_waiting(rate, count, scenario.bound_seconds),
        )
        self._call.check_all(traffic)
        self._runs += 1
        return with_figures(dataclasses.replace(self._row, rate=rate), traffic, scenario, limits)

    def highest(self, call_seconds: float) -> LoadResult:
        """The last run at the highest rate within the bound; a row without figures where none was found."""
        bound, limits = self._scenario.bound_seconds, self._limits
        if call_seconds > bound:
            reason = (
                f"a call alone takes {_milliseconds(call_seconds)}, longer than the bound of {_milliseconds(bound)}"
            )
            return self._none(reason, within_bound=False)
        # At fewer queries a second p99 would not be supported in the longest time allowed.
        min_rate = limits.min_queries / limits.max_seconds
        found = search_rate(
            self._step, _FIRST_LOAD * self._scenario.workers / max(call_seconds, 1e-6), min_rate=min_rate
        )
        if found.rate is None:
            reason = (
                f"no rate of {_plain(min_rate)}/s or more kept p99 within {_milliseconds(bound)}; "
                f"lower ones need a longer --duration than {limits.min_seconds:g}"
            )
            return dataclasses.replace(self._none(reason, within_bound=None), steps=found.steps)
        row = dataclasses.replace(self._passed[found.rate], steps=found.steps)
        if not found.settled:
            reasons = (*row.invalid_reasons, f"the search did not settle in {len(found.steps)} runs")
            row = dataclasses.replace(row, valid=False, invalid_reasons=reasons)
        return row

    def _step(self, rate: float) -> RateStep:
        row = self.at(rate)
        # A rate that stands has passed in the last of its runs: that one is shown, not the best.
        if row.within_bound:
            self._passed[rate] = row
        return rate_step(row)

    def _none(self, reason: str, *, within_bound: bool | None) -> LoadResult:
        return dataclasses.replace(self._row, rate=None, within_bound=within_bound, invalid_reasons=(reason,))


def _milliseconds(seconds: float) -> str:
    """In the unit that the bound is asked for in."""
    return f"{_plain(1000 * seconds)} ms"


def _plain(number: float) -> str:
    """``0.059``, ``10`` or ``1,324``: three digits, or every whole one."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
