"""Times a call until the figures hold: warm up, then sample, then say why it stopped.

Knows a callable, a plan and a clock; nothing of models, images or files. The
two decisions, :func:`settled` and :func:`should_stop`, are pure functions.

Source: the rules follow nvbench (noise target, noise plateau) and perf_analyzer
(three windows that agree).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnistbench.errors import InputError
from mnistbench.measure.clock import Clock
from mnistbench.measure.stats import median, relative_deviation, relative_standard_error

StopReason = Literal["noise", "plateau", "time", "count"]

FEWEST_SAMPLES = 3
"""Calls of a process, below which its median says too little to be shown."""

_NANO = 1_000_000_000

_MOST_IN_A_ROW = 16
_SHORT_SECONDS = 0.001
"""Of a call; what is done beside longer ones does not show."""


@dataclass(frozen=True)
class Plan:
    """How long to warm up and to measure.

    Raises:
        InputError: When a limit is negative or a maximum lies below its minimum.
    """

    min_warmup_calls: int = 10
    min_warmup_seconds: float = 0.2
    """Together they set the windows: each holds its share of these calls and of this time."""
    max_warmup_seconds: float = 5.0
    """After it the warm-up ends, settled or not, also before the minima are met."""
    warmup_windows: int = 3
    """Windows in a row that have to agree."""
    warmup_tolerance: float = 0.10
    """By how much of the fastest window they may differ."""
    min_samples: int = 64
    min_seconds: float = 0.5
    noise_target: float = 0.005
    """Relative standard error of the mean that is precise enough: deviation over mean and sqrt(n)."""
    max_seconds: float = 5.0
    """Wall time of the measurement, checks between the calls included; ``fewest_samples`` calls are made even so."""
    fewest_samples: int = FEWEST_SAMPLES
    """Calls that are waited for beyond ``max_seconds``: fewer tell no median."""
    patience_seconds: float = 60.0
    """Wall time after which they are waited for no longer; one call is made even so."""
    max_samples: int = 100_000
    """Calls that are enough once ``min_seconds`` have passed: a fast call is looked at as long as any other."""
    plateau_tolerance: float = 0.05
    """Change of the relative deviation, while the sample doubled, at which noise counts as settled."""
    max_warmup_calls: int = 1_000_000
    """Ends the warm-up under a clock that stands still."""
    max_calls: int = 1_000_000
    """Ends the measurement in any case, so that its samples fit into memory: under a clock that stands still, or with
    a call so short that not even onnxruntime makes so many in ``min_seconds``."""

    def __post_init__(self) -> None:
        for name in ("min_warmup_calls", "min_samples", "fewest_samples"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if self.warmup_windows < 2:
            raise InputError(
                f"warmup_windows is {self.warmup_windows}; expected 2 or more, since one agrees with nothing"
            )
        seconds = ("min_warmup_seconds", "min_seconds", "patience_seconds")
        for name in (*seconds, "warmup_tolerance", "noise_target", "plateau_tolerance"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; expected a finite number, 0 or more")
        for what in ("warmup_calls", "warmup_seconds", "samples", "seconds"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if not low <= high < math.inf:
                raise InputError(f"max_{what} is {high}; expected a finite number, at least min_{what} ({low})")
        if self.max_calls < self.max_samples:
            raise InputError(f"max_calls is {self.max_calls}; expected at least max_samples ({self.max_samples})")

    @property
    def longest_seconds(self) -> float:
        """Wall time of the measurement but for its last call."""
        return max(self.max_seconds, self.patience_seconds)

    @classmethod
    def each(cls) -> Plan:
        """For one of several fresh processes, whose spread tells more than a longer look at one."""
        return cls(max_seconds=2.0, max_samples=20_000)

    @classmethod
    def quick(cls) -> Plan:
        """A tenth of the time or so: enough to look, too little to publish."""
        return cls(
            min_warmup_seconds=0.05, max_warmup_seconds=1.0, min_seconds=0.1, max_seconds=1.0, max_samples=20_000
        )


@dataclass(frozen=True)
class SteadySample:
    """What was measured, complete and in order."""

    warmup_calls: int
    warmup_settled: bool
    """Whether the last windows of the warm-up agreed; without it the samples may still drift."""
    seconds: tuple[float, ...]
    """Each timed call; at least one, none negative."""
    stop_reason: StopReason
    clock_jumps: int = 0
    """Timed calls during which the clock went back; they stand as 0 seconds."""


def measure_steady(
    call: Callable[[int], object],
    plan: Plan,
    clock: Clock,
    *,
    before_each: Callable[[int], None] | None = None,
    after_each: Callable[[object, int], None] | None = None,
    answers_stay: bool = False,
) -> SteadySample:
    """Warm ``call`` up, then time it call by call until the plan is satisfied.

    Short calls are made several in a row before anything else is done: what is
    done between two calls takes their code and data from the processor's caches,
    which costs the shortest ones a twentieth of their time.

    Args:
        call: Gets a running index, 0 for the first warm-up call and one more
            each time, so that it can rotate its inputs.
        plan: Limits and targets.
        clock: Read twice a call.
        before_each: Gets the index before every call, warm-up included; what it
            costs is not timed.
        after_each: Gets the answer and the index of every timed call, after its
            time was taken; what it costs counts against ``max_seconds`` only.
        answers_stay: Whether an answer is still the same after later calls, so
            that ``after_each`` may get it later. Without, it gets each at once.

    Raises:
        Exception: Whatever ``call``, ``before_each`` or ``after_each`` raises.
    """
    index, is_settled = _warm_up(call, plan, clock, before_each)
    warmup_calls = index
    now = clock.now_ns
    samples: list[float] = []
    elapsed = clock_jumps = 0
    may_wait = answers_stay or after_each is None
    in_a_row = 1
    previous = now()
    while True:
        # Answers are kept until here, or freeing the old one would be timed with the next call.
        done: list[tuple[int, int, object]] = []
        for number in range(index, index + in_a_row):
            if before_each is not None:
                before_each(number)
            start = now()
            answer = call(number)
            end = now()
            done.append((start, end, answer))
        answer = None
        for start, end, returned in done:
            duration = end - start
            if duration < 0:
                duration = 0
                clock_jumps += 1
            samples.append(duration / _NANO)
            if after_each is not None:
                after_each(returned, index)
            index += 1
            # A step back of the clock loses a gap between two calls, but never turns time back.
            elapsed += max(duration, end - previous)
            previous = end
        returned = None
        reason = should_stop(samples, elapsed / _NANO, plan)
        if reason is not None:
            return SteadySample(warmup_calls, is_settled, tuple(samples), reason, clock_jumps)
        in_a_row = _calls_in_a_row(samples, plan) if may_wait else 1


def _calls_in_a_row(samples: Sequence[float], plan: Plan) -> int:
    """How many calls to make before looking up: several of a short one, up to the next count that may be the last."""
    if samples[-1] > _SHORT_SECONDS:
        return 1
    count = len(samples)
    step = 1 << max(0, count.bit_length() - 4)
    return min(_MOST_IN_A_ROW, step - count % step, max(1, plan.max_samples - count), max(1, plan.max_calls - count))


def settled(windows: Sequence[float], tolerance: float) -> bool:
    """Whether all windows agree: the slowest is at most ``1 + tolerance`` times the fastest.

    Args:
        windows: Typical time of a call in each of the last windows.
        tolerance: As a fraction.

    Returns:
        False for fewer than two windows, which agree with nothing.
    """
    return len(windows) > 1 and max(windows) <= min(windows) * (1 + tolerance)


def should_stop(samples: Sequence[float], elapsed: float, plan: Plan) -> StopReason | None:
    """Why to stop now, or None to go on.

    - ``noise``: minimum time and count are met and the relative standard error
      of the mean is at most the target.
    - ``plateau``: they are met and the noise itself has settled: the relative
      deviations of the first half, of three quarters and of all samples agree
      within the plan's tolerance, so that more samples would show the same.
    - ``count`` and ``time``: a maximum is reached before either; that of the samples counts once the minimum time
      is over, so that the calls of a fast model and a slow one are watched for as long. That of the time counts
      once there are the fewest samples, or patience is over too, so that a slow model has a median.

    The first two cost a pass over the samples. They are looked at eight times
    while the sample doubles, so that all the calls of one measurement together
    cost a fixed number of passes.

    Args:
        samples: Seconds of every timed call so far, in order.
        elapsed: Wall seconds since the first of them began.
        plan: Limits and targets.
    """
    count = len(samples)
    if not count:
        return None
    long_enough = elapsed >= plan.min_seconds
    out_of_time = elapsed >= (plan.max_seconds if count >= plan.fewest_samples else plan.longest_seconds)
    out_of_count = (count >= plan.max_samples and long_enough) or count >= plan.max_calls
    is_due = out_of_count or out_of_time or _is_checkpoint(count)
    if is_due and count >= plan.min_samples and long_enough:
        values = np.asarray(samples, dtype=np.float64)
        if relative_standard_error(values) <= plan.noise_target:
            return "noise"
        parts = (values[: count // 2], values[: count * 3 // 4], values)
        if count > 3 and settled([relative_deviation(part) for part in parts], plan.plateau_tolerance):
            return "plateau"
    if out_of_count:
        return "count"
    return "time" if out_of_time else None


def _is_checkpoint(count: int) -> bool:
    """True for 16, 18, 20 ... 32, 36, 40 ... 64, 72 ...: eight counts in every doubling."""
    return count % (1 << max(0, count.bit_length() - 4)) == 0


def _warm_up(
    call: Callable[[int], object], plan: Plan, clock: Clock, before_each: Callable[[int], None] | None
) -> tuple[int, bool]:
    """Call until the windows agree or a limit is reached; the number of calls, and whether they agreed.

    A window's figure is the median of its calls: one that the system interrupted
    says nothing about being warm.
    """
    window_calls = math.ceil(plan.min_warmup_calls / plan.warmup_windows)
    window_seconds = plan.min_warmup_seconds / plan.warmup_windows
    figures: list[float] = []
    window: list[float] = []
    elapsed = in_window = 0.0
    for index in range(plan.max_warmup_calls):
        if before_each is not None:
            before_each(index)
        start = clock.now_ns()
        call(index)
        seconds = max(0, clock.now_ns() - start) / _NANO
        window.append(seconds)
        in_window += seconds
        elapsed += seconds
        if len(window) >= window_calls and in_window >= window_seconds:
            figures.append(median(window))
            window, in_window = [], 0.0
            if len(figures) >= plan.warmup_windows and settled(figures[-plan.warmup_windows :], plan.warmup_tolerance):
                return index + 1, True
        if elapsed >= plan.max_warmup_seconds:
            return index + 1, False
    return plan.max_warmup_calls, False
