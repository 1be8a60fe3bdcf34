"""What ``compare`` says of noise of several kinds, simulated: pairs of equal runs, and pairs of which one is slower.

``python bench/noise.py [--pairs 1000] [--output FILE]``: a run is the times of
its fresh processes, more of them where they disagree, as ``mnistbench bench``
makes it. For each kind of noise the share of each verdict is printed, by the
undisturbed call and by the median. Nothing is measured.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistbench.files import write_json
from mnistbench.measure import verdict
from mnistbench.measure.latency.enough import agree
from mnistbench.results import JUDGED_BY, VERDICTS, Judged

THRESHOLD = 0.05
SLOW_DOWN = 0.10
PROCESSES = 5
MOST_PROCESSES = 15
SEED = 1

Draw = Callable[[np.random.Generator, int], npt.NDArray[np.float64]]
"""Logarithms of the times of so many processes."""


def normal(spread: float) -> Draw:
    """Processes that differ by a little."""
    return lambda generator, count: generator.normal(0, spread, count)


def heavy(spread: float) -> Draw:
    """Processes of which some differ by much: Student's t with 2 degrees of freedom, half of it on either side."""
    return lambda generator, count: spread * generator.standard_t(2, count)


def disturbed(share: float, by: float) -> Draw:
    """Processes of which some are disturbed from beginning to end."""
    return lambda generator, count: (
        generator.normal(0, 0.01, count) + math.log1p(by) * (generator.random(count) < share)
    )


KINDS: dict[str, Draw] = {
    "normal, 0.5%": normal(0.005),
    "normal, 1.5%": normal(0.015),
    "normal, 3%": normal(0.03),
    "Student's t, 1%": heavy(0.01),
    "a fifth disturbed by 30%": disturbed(0.2, 0.3),
    "half disturbed by 30%": disturbed(0.5, 0.3),
    "half disturbed by 9%": disturbed(0.5, 0.09),
    "nine tenths disturbed by 30%": disturbed(0.9, 0.3),
}


def run_of(draw: Draw, generator: np.random.Generator, by: Judged) -> npt.NDArray[np.float64]:
    """Times of the processes of one run; by the undisturbed call it goes on until they agree."""
    times = np.exp(draw(generator, MOST_PROCESSES))
    count = PROCESSES
    while by == "undisturbed" and count < len(times) and not agree(times[:count].tolist()):
        count += 1
    return times[:count]


def shares(draw: Draw, by: Judged, factor: float, pairs: int) -> tuple[dict[str, float], float]:
    """The share of each verdict on runs of which the second takes ``factor`` times as long, and processes in a run."""
    generator = np.random.default_rng(SEED)
    counts: Counter[str] = Counter()
    processes = 0
    for _ in range(pairs):
        one, other = run_of(draw, generator, by), factor * run_of(draw, generator, by)
        processes += len(one) + len(other)
        sides = one.tolist(), other.tolist()
        fewest = verdict.fewest(sides) if by == "undisturbed" else None
        floor = verdict.pair_floor(*(verdict.row_floor(side, by, fewest) for side in sides))
        difference = verdict.log_ratio(*(verdict.row_seconds(side, by, fewest) for side in sides))
        counts[verdict.decide(difference, floor, math.log1p(THRESHOLD))] += 1
    return {name: counts[name] / pairs for name in VERDICTS}, processes / (2 * pairs)


def main() -> None:
    """Simulate, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write the shares to this JSON file")
    parser.add_argument("--pairs", type=int, default=1000)
    arguments = parser.parse_args()
    print(
        f"{'noise':30} {'judged by':12} {'processes':>9}   equal: SAME, UNCLEAR, wrong   slowed: SLOWER, UNCLEAR, wrong"
    )
    rows = []
    for kind, draw in KINDS.items():
        for by in JUDGED_BY:
            equal, processes = shares(draw, by, 1.0, arguments.pairs)
            slowed, _ = shares(draw, by, 1 + SLOW_DOWN, arguments.pairs)
            rows.append({"noise": kind, "judged_by": by, "processes": processes, "equal": equal, "slowed": slowed})
            wrong, missed = equal["SLOWER"] + equal["FASTER"], slowed["SAME"] + slowed["FASTER"]
            print(
                f"{kind:30} {by:12} {processes:9.1f}   {equal['SAME']:11.1%} {equal['UNCLEAR']:8.1%} {wrong:6.1%}"
                f"   {slowed['SLOWER']:14.1%} {slowed['UNCLEAR']:8.1%} {missed:6.1%}",
                flush=True,
            )
    if arguments.output is not None:
        settings = {"pairs": arguments.pairs, "seed": SEED, "processes": PROCESSES, "slow_down": SLOW_DOWN}
        write_json(arguments.output, {"schema_version": 1, "kind": "noise", "settings": settings, "rows": rows})


if __name__ == "__main__":
    main()
