"""Measures one request in this process: session, first call, steady state, each answer checked.

Prints nothing and knows no other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mnistbench.errors import MnistbenchError, ModelError
from mnistbench.measure.clock import Clock
from mnistbench.measure.conditions import Watch
from mnistbench.measure.gpu_probe import nvml_probe
from mnistbench.measure.latency.modes import Call, check_mode, make_call, mode_options
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.latency.workload import Digest, Workload, make_workload
from mnistbench.measure.smi_probe import smi_probe
from mnistbench.measure.stats import median
from mnistbench.measure.steady import Plan, SteadySample, measure_steady
from mnistbench.measure.undisturbed import shortest
from mnistbench.results import ProcessResult
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.gpu_identity import identify_gpu
from mnistbench.runtime.images import Images
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.placement import node_placement
from mnistbench.runtime.session import create_session, onnxruntime_errors, provider_options

_CHECKED_AT_FIRST = 16
_CHECK_EVERY = 17
"""Calls; with no divisor in common with the number of inputs, so that each is checked in time."""


def measure_once(request: Request, images: Images | None, clock: Clock) -> Measured:
    """Time one model at one batch size.

    A first session, that nothing is timed of, pays for what happens once in a
    process and says what the right answers are; those of another provider than
    the CPU's own have to agree with the CPU's. The first timed calls and then one
    in seventeen are checked, between calls: a check before every call would slow
    it, the smallest networks most.

    Args:
        request: What to measure.
        images: uint8 of shape ``(n, 28, 28)`` or ``(n, 1, 28, 28)`` for a model that reads digits.
        clock: The time source.

    Raises:
        ModelError: When the model fails, takes another batch size, or changes its answers, or when they are
            others than on the CPU.
        ProviderError: When the device cannot be used, has no such mode, or not enough memory.
        InputError: When there is nothing to draw inputs from.
    """
    device = resolve_device(request.device, request.provider)
    mode = check_mode(request.mode, device)
    fixed = request.inputs.fixed_batch
    if fixed not in (None, request.batch_size):
        raise ModelError(f"{request.inputs.only_batch(request.name)}, not of {request.batch_size}")
    info = read_onnx_file(request.path)
    try:
        workload = make_workload(request.inputs, request.batch_size, images, request.seed)

        create = partial(
            create_session,
            request.path,
            settings=request.settings,
            info=info,
            allow_external_data=request.allow_external_data,
        )
        # Neither session's threads and memory stand beside the timed one's.
        answers = _answers(create(device), workload)
        expected = [workload.digest(answer) for answer in answers]
        if not device.is_default:
            right = [workload.digest(answer) for answer in _answers(create(CPU), workload)]
            workload.check_agreement(expected, right, device.label)
        extra = mode_options(mode)
        stopwatch = _Stopwatch(clock)
        session = create(device, extra_options=extra, opening=stopwatch)
        call = make_call(mode, session, device, workload, answers[0])
        call.prepare(0)
        start = clock.now_ns()
        call(0)
        first_call_seconds = _seconds(start, clock)

        gpu = identify_gpu(device)
        watch = Watch.start(gpu=nvml_probe(gpu.pci_bus_id) or smi_probe(gpu.pci_bus_id))
        sample = time_call(call, workload, expected, request.plan, clock)
        conditions = watch.until_now()
    except MnistbenchError:  # some are ValueErrors too
        raise
    except onnxruntime_errors() as error:
        raise request.failure(error, device) from error
    figures = ProcessResult(
        session_seconds=stopwatch.seconds,
        first_call_seconds=first_call_seconds,
        warmup_calls=sample.warmup_calls,
        warmup_settled=sample.warmup_settled,
        num_samples=len(sample.seconds),
        stop_reason=sample.stop_reason,
        p50_seconds=median(sample.seconds),
        mean_seconds=sum(sample.seconds) / len(sample.seconds),
        min_seconds=shortest(sample.seconds),
        conditions=conditions,
    )
    return Measured(
        figures=figures,
        samples_seconds=sample.seconds,
        provider=str(session.get_providers()[0]),
        node_placement=node_placement(session),
        distinct_inputs=len(workload.feeds),
        provider_options=provider_options(device, request.settings) | dict(extra),
        gpu_uuid=gpu.uuid,
        gpu_name=gpu.name,
    )


def time_call(call: Call, workload: Workload, expected: Sequence[Digest], plan: Plan, clock: Clock) -> SteadySample:
    """Warm a call up and time it, with its inputs in turns.

    Args:
        call: What is timed.
        workload: Its inputs.
        expected: The right answer to each.
        plan: Limits and targets.
        clock: The time source.

    Raises:
        ModelError: When a checked answer is not the right one.
    """
    checked = 0

    def check(returned: object, index: int) -> None:
        nonlocal checked
        if checked < _CHECKED_AT_FIRST or index % _CHECK_EVERY == 0:
            checked += 1
            workload.check(call.answer(returned), expected[index % len(expected)])

    return measure_steady(call, plan, clock, before_each=call.prepare, after_each=check, answers_stay=call.answers_stay)


def _answers(session: Any, workload: Workload) -> list[Any]:
    return [session.run(list(workload.outputs), dict(feed)) for feed in workload.feeds]


class _Stopwatch:
    """Times the opening of a session, without the checks around it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds = 0.0

    def __call__(self, opening: Callable[[], Any]) -> Any:
        start = self._clock.now_ns()
        session = opening()
        self.seconds = _seconds(start, self._clock)
        return session


def _seconds(start: int, clock: Clock) -> float:
    """Since then; never negative, also when the clock was set back."""
    return max(0, clock.now_ns() - start) / 1_000_000_000
