"""Puts one loaded model under load, scenario by scenario.

Warm-up, a first look at the time of a call, the run itself, and afterwards the
check that the answers stayed the same. Whatever fails becomes a row with an
error, and the others go on. Prints nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.measure.latency.workload import draw_inputs
from mnistbench.measure.load.closed_loop import run_closed_loop
from mnistbench.measure.load.figures import rate_step, with_figures
from mnistbench.measure.load.scenarios import Limits, Paced, Scenario, Server, limits_of
from mnistbench.measure.load.search import search_rate
from mnistbench.measure.load.server import most_waiting, poisson_arrivals, run_server
from mnistbench.measure.load.timer import Timer
from mnistbench.measure.load.traffic import Traffic
from mnistbench.measure.stats import median
from mnistbench.measure.steady import Plan, measure_steady
from mnistbench.results import LoadResult, RateStep
from mnistbench.runtime.classifier import OnnxClassifier, metadata_number
from mnistbench.runtime.images import as_batch
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.session import SessionSettings, onnxruntime_errors, provider_options, run_error

SEED = 20

WARM_UP = Plan(min_samples=16, min_seconds=0.05, max_seconds=1.0, max_samples=10_000)
"""Before each scenario: the usual warm-up, then a few calls whose median begins the search for a rate."""

_FIRST_LOAD = 0.5
"""Share of the workers' time that the first rate of a search asks for."""

OnResult = Callable[[LoadResult], None]


def measure_load(
    classifier: OnnxClassifier,
    scenarios: Sequence[Scenario],
    *,
    images: npt.NDArray[np.uint8],
    seconds: float,
    timer: Timer,
    settings: SessionSettings,
    seed: int = SEED,
    warm_up: Plan = WARM_UP,
    on_result: OnResult | None = None,
) -> list[LoadResult]:
    """Measure one model on its device under several kinds of load, all with its one session.

    Args:
        classifier: The model; its session was made with ``settings``.
        scenarios: The kinds of load, in order.
        images: uint8 of shape ``(n, 28, 28)``, which the inputs are drawn from.
        seconds: How long a run should last; longer where its percentile needs more queries.
        timer: Clock and sleep.
        settings: Of the session, for the results.
        seed: Draws the inputs and the arrivals.
        warm_up: How each scenario is warmed up.
        on_result: Gets each row as soon as it exists.

    Returns:
        One row a scenario; one that could not be measured has ``error``.

    Raises:
        InputError: When there are no images, or a scenario cannot be measured in that time.
    """
    images = as_batch(images)
    if not len(images):
        raise InputError("no images to draw inputs from; expected at least one")
    planned = [(scenario, limits_of(scenario, seconds)) for scenario in scenarios]
    for scenario, limits in planned:
        if isinstance(scenario, Server) and scenario.rate is not None and scenario.rate * limits.max_seconds < 1:
            raise InputError(
                f"a rate of {scenario.rate:g} queries a second is less than one in {limits.max_seconds:g} s, "
                "the longest that a run may last; give a longer --duration"
            )
    options = settings.as_dict() | {
        "provider": classifier.device.source.name,
        "provider_options": provider_options(classifier.device, settings),
        "input": classifier.input_plan.as_dict(),
        "watch_seconds": timer.watch_seconds,
    }
    blank = LoadResult(
        name=classifier.name,
        file=str(classifier.path),
        sha256=classifier.sha256,
        device=classifier.device.text,
        scenario="",
        seed=seed,
        options=options,
        notation=classifier.metadata.get("mnistbench.notation"),
        dropout=metadata_number(classifier.metadata, "mnistbench.dropout"),
    )
    rows = []
    for scenario, limits in planned:
        row = _settings_row(blank, scenario, limits)
        try:
            row = _measure(row, classifier, scenario, limits, images, timer, warm_up)
        except (ModelError, ProviderError) as error:
            row = dataclasses.replace(row, error=str(error))
        except onnxruntime_errors() as error:
            failure = run_error(error, name=row.name, device=classifier.device, batch_size=scenario.samples_per_query)
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
    classifier: OnnxClassifier,
    scenario: Scenario,
    limits: Limits,
    images: npt.NDArray[np.uint8],
    timer: Timer,
    warm_up: Plan,
) -> LoadResult:
    """One scenario: the row with its figures."""
    plan, size = classifier.input_plan, scenario.samples_per_query
    if plan.batch_size not in (None, size):
        raise ModelError(f"{row.name} takes batches of {plan.batch_size} only, not of {size}")
    inputs = draw_inputs(images, size, plan, row.seed)
    call = _Call(classifier.session, plan, inputs, size)
    row = dataclasses.replace(row, provider=classifier.provider, options=row.options | {"distinct_inputs": len(inputs)})
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

    def __init__(self, row: LoadResult, scenario: Server, limits: Limits, call: _Call, timer: Timer) -> None:
        self._row, self._scenario, self._limits, self._call, self._timer = row, scenario, limits, call, timer
        self._runs = 0
        self._passed: dict[float, LoadResult] = {}

    def at(self, rate: float) -> LoadResult:
        """One run."""
        limits, scenario = self._limits, self._scenario
        count = max(limits.min_queries, math.ceil(rate * limits.min_seconds))
        count = max(1, min(count, limits.max_queries, math.floor(rate * limits.max_seconds)))
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
        """The last run at the highest rate within the bound; a row without figures where there is no such rate."""
        bound, limits = self._scenario.bound_seconds, self._limits
        if call_seconds > bound:
            return self._none(f"a call alone takes {call_seconds:.2g} s, longer than the bound of {bound:g} s")
        # At fewer queries a second p99 would not be supported in the longest time allowed.
        min_rate = limits.min_queries / limits.max_seconds
        found = search_rate(
            self._step, _FIRST_LOAD * self._scenario.workers / max(call_seconds, 1e-6), min_rate=min_rate
        )
        if found.rate is None:
            reason = f"not even {min_rate:.3g} queries a second kept p99 within {bound:g} s"
            return dataclasses.replace(self._none(reason), steps=found.steps)
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

    def _none(self, reason: str) -> LoadResult:
        return dataclasses.replace(self._row, rate=None, within_bound=False, invalid_reasons=(reason,))


class _Call:
    """One query to a session, which several threads may run at once; its inputs rotate."""

    def __init__(self, session: Any, plan: InputPlan, inputs: Sequence[npt.NDArray[Any]], size: int) -> None:
        self._run, self._plan, self._size = session.run, plan, size
        self._outputs = [plan.output]
        self._feeds = [{plan.name: given} for given in inputs]
        self._expected = [plan.labels(self(index)[0], size) for index in range(len(inputs))]

    def __call__(self, index: int) -> Any:
        return self._run(self._outputs, self._feeds[index % len(self._feeds)])

    def check(self, answer: Any, index: int) -> None:
        """Compare an answer with the first one to the same images.

        Raises:
            ModelError: When it is another.
        """
        labels = self._plan.labels(answer[0], self._size)
        if not np.array_equal(labels, self._expected[index % len(self._feeds)]):
            raise ModelError("its answers to the same images changed under load; the figures are void")

    def check_all(self, traffic: Traffic) -> None:
        """Compare the answers that a run has kept.

        Raises:
            ModelError: When one is another than before.
        """
        for index, answer in traffic.answers:
            self.check(answer, index)
