"""What the words of the page mean, so that it can be read without this project at hand."""

from __future__ import annotations

from mnistbench.measure.stats import MIN_SAMPLES
from mnistbench.report.html.markup import Markup, element, join
from mnistbench.report.percentile_bounds import UNBOUNDED_NOTE

_NEEDED = ", ".join(f"p{q:g} {count:,}" for q, count in MIN_SAMPLES.items() if q > 50)

TERMS: tuple[tuple[str, str], ...] = (
    ("mode e2e", "A call with numpy arrays in and out: what a program sees that has its images in ordinary memory."),
    ("mode bound", "Inputs and outputs stay in the device's memory; nothing is copied in a call."),
    (
        "mode graph",
        "As bound, and the GPU replays a recorded CUDA graph. Figures of different modes answer different questions "
        "and are never ranked together.",
    ),
    (
        "undisturbed",
        "A call that nothing disturbed: the shortest that a second fresh process confirms. Whatever else a machine "
        "does makes calls longer, so it differs least from run to run; two runs are compared by it.",
    ),
    ("p50, median", "Half of the calls in steady state take at most so long; the median of the processes' medians."),
    (
        "95% interval",
        "Where the median lies with 95% confidence, by the spread between fresh processes. Two medians whose "
        "intervals overlap may be equal.",
    ),
    (
        "p90, p99, p99.9",
        f"So many percent of the calls take at most so long. A dash stands where too few calls were timed to say it "
        f"(needed: {_NEEDED}); curves pass through these figures and end where they do, for the same reason. Below a "
        "percentile stands where it lies with 95% confidence, by the spread between fresh processes. "
        f"{UNBOUNDED_NOTE}",
    ),
    (
        "session, first call",
        "Making the session once, and the first call in it, which pays for allocation and choices.",
    ),
    ("images/s", "Batch size over the mean time of a call."),
    ("outliers", "Calls beyond 1.5 interquartile ranges of the quartiles: counted, never removed."),
    ("error %", "Share of the test images that the model gets wrong, as its file says it."),
    (
        "front",
        "Networks that no other beats in both latency and error, by medians alone: neighbours that differ by less "
        "than their intervals may change places.",
    ),
    (
        "2.00×",
        "Twice as fast as the first column, by the medians. Stands only where 'mnistbench compare --by p50' would say "
        "FASTER or SLOWER; ≈ where it would say SAME or UNCLEAR, nothing where it would refuse: a model that was given "
        "inputs of other shapes is another model here.",
    ),
)


def glossary() -> Markup:
    """The terms as a list of definitions."""
    return element("dl", join(join((element("dt", term), element("dd", words))) for term, words in TERMS))
