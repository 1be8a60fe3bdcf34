"""Runs of many networks, recipes and seeds to the figures of a table, with a verdict against the paper.

Pure: knows records, and no file, table or recipe's settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mnistbench import catalog
from mnistbench.catalog import Network
from mnistbench.errors import MnistbenchError
from mnistbench.measure.stats import median, prediction_interval, wilson_interval
from mnistbench.results import RunRecord

MIN_SEEDS = 3
"""Runs with different seeds that a verdict needs."""

DEFAULT_RECIPE = "default"
PAPER_RECIPE = "paper"

Verdict = Literal["at or below", "above", "lower", "within range", "higher", "too few seeds"]


@dataclass(frozen=True)
class RecipeSummary:
    """One network with one recipe, over seeds.

    Attributes:
        selection: ``last`` epoch, or ``best_on_test`` as the paper does.
        seeds: In ascending order.
        errors: Test error of each seed, fractions, in the order of ``seeds``.
        num_errors: Wrong answers of all seeds together.
        num_images: Test images times seeds.
        median_error: Of ``errors``, as are ``min_error`` and ``max_error``.
        error_rate_low: Lower end of the Wilson 95% interval of the pooled counts. All seeds are
            tested on the same images, so that it covers the chance in the test images and the
            spread of the seeds only roughly: it is too narrow for the former.
        error_rate_high: Its upper end.
        new_seed_low: Lower end of where the error of one more seed is to be expected, at 95%
            (:func:`mnistbench.measure.stats.prediction_interval`); ``None`` for a single seed.
        new_seed_high: Its upper end.
        epochs: Of the longest run.
        mixed: Whether the runs were trained with different settings.
        verdict: Against the published error; ``None`` where there is none. For ``last``: ``at or
            below`` when the median is, else ``above``. For ``best_on_test``, which is what the
            paper did: ``within range`` when the published error lies where one more seed is to be
            expected (``new_seed_low`` to ``new_seed_high``), ``lower`` when ours is lower: the published
            error lies above that, else ``higher``. ``too few seeds`` under :data:`MIN_SEEDS`.
    """

    recipe: str
    selection: str
    seeds: tuple[int, ...]
    errors: tuple[float, ...]
    num_errors: int
    num_images: int
    median_error: float
    min_error: float
    max_error: float
    error_rate_low: float
    error_rate_high: float
    new_seed_low: float | None
    new_seed_high: float | None
    epochs: int
    mixed: bool
    verdict: Verdict | None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON of ``mnistbench results``."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}


@dataclass(frozen=True)
class NetworkSummary:
    """A network with what was measured of it, by recipe; nothing for a network without runs."""

    network: Network
    recipes: Mapping[str, RecipeSummary]

    @property
    def default(self) -> RecipeSummary | None:
        """With the recipe that our figures stand on."""
        return self.recipes.get(DEFAULT_RECIPE)

    @property
    def paper(self) -> RecipeSummary | None:
        """With the paper's own recipe."""
        return self.recipes.get(PAPER_RECIPE)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON of ``mnistbench results``; the plain keys are those of the default recipe."""
        published, ours = self.network.paper, self.default
        return {
            "name": self.network.name,
            "notation": self.network.spec.notation,
            "dropout": self.network.spec.dropout,
            "table": published.table if published else None,
            "row": published.row if published else None,
            "paper_error": published.error if published else None,
            "errors": {recipe: list(summary.errors) for recipe, summary in self.recipes.items()},
            "median_error": ours.median_error if ours else None,
            "seeds": list(ours.seeds) if ours else [],
            "epochs": ours.epochs if ours else None,
            "range": [ours.min_error, ours.max_error] if ours else None,
            "interval": [ours.error_rate_low, ours.error_rate_high] if ours else None,
            "new_seed_range": [ours.new_seed_low, ours.new_seed_high] if ours else None,
            "verdict": ours.verdict if ours else None,
            "recipes": {recipe: summary.as_dict() for recipe, summary in self.recipes.items()},
        }


def summarize(runs: Iterable[RunRecord], networks: Sequence[Network] | None = None) -> tuple[NetworkSummary, ...]:
    """Figures over seeds for each network.

    Args:
        runs: At most one for each network, recipe and seed.
        networks: What to summarise, measured or not; by default the paper's networks and
            behind them all others that have runs.
    """
    by_name: dict[str, dict[str, list[RunRecord]]] = {}
    for run in runs:
        by_name.setdefault(run.name, {}).setdefault(run.recipe, []).append(run)
    chosen = (*catalog.NETWORKS, *_others(by_name)) if networks is None else networks
    return tuple(
        NetworkSummary(
            network,
            {
                recipe: _summary(network, recipe, found)
                for recipe, found in sorted(by_name.get(network.name, {}).items())
            },
        )
        for network in chosen
    )


def manifest_results(summaries: Iterable[NetworkSummary]) -> list[dict[str, Any]]:
    """What a zoo's manifest says of the accuracy of every measured network with the default recipe."""
    return [
        {
            "name": summary.network.name,
            "recipe": ours.recipe,
            "seeds": list(ours.seeds),
            "epochs": ours.epochs,
            "errors": list(ours.errors),
            "median_error": ours.median_error,
            "paper_error": summary.network.paper.error if summary.network.paper else None,
        }
        for summary in summaries
        if (ours := summary.default) is not None
    ]


def middle(errors: Sequence[float]) -> float:
    """Median of fractions, rounded so that the mean of two does not miss the paper's error by a hair."""
    return round(median(errors), 9)


def _summary(network: Network, recipe: str, runs: Sequence[RunRecord]) -> RecipeSummary:
    runs = sorted(runs, key=lambda run: run.seed)
    errors = tuple(run.error_rate for run in runs)
    num_errors, num_images = sum(run.num_errors for run in runs), sum(run.num_images for run in runs)
    low, high = wilson_interval(num_errors, num_images)
    settings = {
        (
            r.epochs,
            r.batch_size,
            r.learning_rate,
            r.max_shift,
            r.label_smoothing,
            r.initialization,
            r.max_rotation,
            r.max_scaling,
            r.dropout,
            r.selection,
        )
        for r in runs
    }
    published = network.paper.error if network.paper else None
    expected = prediction_interval(errors)
    return RecipeSummary(
        recipe=recipe,
        selection=runs[0].selection,
        seeds=tuple(run.seed for run in runs),
        errors=errors,
        num_errors=num_errors,
        num_images=num_images,
        median_error=middle(errors),
        min_error=min(errors),
        max_error=max(errors),
        error_rate_low=low,
        error_rate_high=high,
        new_seed_low=max(0.0, expected[0]) if expected else None,
        new_seed_high=min(1.0, expected[1]) if expected else None,
        epochs=max(run.epochs for run in runs),
        mixed=len(settings) > 1,
        verdict=None if published is None else _verdict(errors, expected, published, runs[0].selection),
    )


def _verdict(
    errors: Sequence[float], expected: tuple[float, float] | None, published: float, selection: str
) -> Verdict:
    if len(errors) < MIN_SEEDS or expected is None:
        return "too few seeds"
    if selection == "last":
        return "at or below" if middle(errors) <= published else "above"
    # Seeds that all agree have an interval without width, which rounding must not move past the published error.
    low, high = (round(end, 9) for end in expected)
    if high < published:
        return "lower"
    return "higher" if low > published else "within range"


def _others(names: Iterable[str]) -> list[Network]:
    """The networks of the user's own among the names, in order of name."""
    known = {network.name for network in catalog.NETWORKS}
    found = []
    for name in sorted(set(names) - known):
        try:
            found.append(catalog.find(name))
        except MnistbenchError:  # a name of another version's catalogue
            continue
    return found
