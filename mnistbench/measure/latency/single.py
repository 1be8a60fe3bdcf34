"""Measures one request in this process: session, first call, steady state, each answer checked.

Prints nothing and knows no other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mnistbench.errors import MnistbenchError, ModelError
from mnistbench.measure.clock import Clock
from mnistbench.measure.conditions import GpuProbe, Watch
from mnistbench.measure.gpu_probe import nvml_probe
from mnistbench.measure.latency.modes import Mode, check_mode, make_call, mode_options
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.latency.workload import Array, Workload, make_workload
from mnistbench.measure.stats import median
from mnistbench.measure.steady import measure_steady
from mnistbench.results import ProcessResult
from mnistbench.runtime.cuda import pci_bus_id
from mnistbench.runtime.cuda_events import CudaTimer
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.images import Images
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.session import create_session, node_placement, onnxruntime_errors, provider_options, run_error

DEVICE_CALLS = 200
"""For the GPU's own time; the first half is warm-up."""


def measure_once(request: Request, images: Images | None, clock: Clock) -> Measured:
    """Time one model at one batch size.

    A first session, that nothing is timed of, pays for what happens once in a
    process and says what the right answers are.

    Args:
        request: What to measure.
        images: uint8 of shape ``(n, 28, 28)`` or ``(n, 1, 28, 28)`` for a model that reads digits.
        clock: The time source.

    Raises:
        ModelError: When the model fails, takes another batch size, or changes its answers.
        ProviderError: When the device cannot be used, has no such mode, or not enough memory.
        InputError: When there is nothing to draw inputs from.
    """
    device = resolve_device(request.device, request.provider)
    mode = check_mode(request.mode, device)
    fixed = request.inputs.fixed_batch
    if fixed not in (None, request.batch_size):
        raise ModelError(f"{request.name} takes batches of {fixed} only, not of {request.batch_size}")
    info = read_onnx_file(request.path)
    try:
        workload = make_workload(request.inputs, request.batch_size, images, request.seed)

        def create(extra: Mapping[str, str]) -> Any:
            return create_session(
                request.path,
                device,
                request.settings,
                info=info,
                allow_external_data=request.allow_external_data,
                extra_options=extra,
            )

        plain = create({})
        answers = [plain.run(list(workload.outputs), dict(feed)) for feed in workload.feeds]
        expected = [workload.digest(answer) for answer in answers]
        del plain  # its threads and its memory must not stand beside the timed session's
        extra = mode_options(mode)
        start = clock.now_ns()
        session = create(extra)
        session_seconds = _seconds(start, clock)
        call = make_call(mode, session, device, workload, answers[0])
        call.prepare(0)
        start = clock.now_ns()
        call(0)
        first_call_seconds = _seconds(start, clock)

        def check(returned: object, index: int) -> None:
            workload.check(call.answer(returned), expected[index % len(expected)])

        watch = Watch.start(gpu=_probe(device))
        sample = measure_steady(call, request.plan, clock, before_each=call.prepare, after_each=check)
        conditions = watch.until_now()
        device_seconds = _device_seconds(device, mode, create, workload, answers[0])
    except MnistbenchError:  # some are ValueErrors too
        raise
    except onnxruntime_errors() as error:
        raise run_error(error, name=request.name, device=device, batch_size=request.batch_size) from error
    figures = ProcessResult(
        session_seconds=session_seconds,
        first_call_seconds=first_call_seconds,
        warmup_calls=sample.warmup_calls,
        warmup_settled=sample.warmup_settled,
        num_samples=len(sample.seconds),
        stop_reason=sample.stop_reason,
        p50_seconds=median(sample.seconds),
        mean_seconds=sum(sample.seconds) / len(sample.seconds),
        conditions=conditions,
        device_p50_seconds=device_seconds,
    )
    return Measured(
        figures=figures,
        samples_seconds=sample.seconds,
        provider=str(session.get_providers()[0]),
        node_placement=node_placement(session),
        distinct_inputs=len(workload.feeds),
        provider_options=provider_options(device, request.settings) | dict(extra),
    )


def _device_seconds(
    device: Device, mode: Mode, create: Callable[[Mapping[str, str]], Any], workload: Workload, example: Sequence[Array]
) -> float | None:
    """The GPU's own time of a call, by a session of its own: asking for it would slow the timed calls.

    ``None`` where there is no such clock, or it cannot be had.
    """
    if device.source.name != "cuda":
        return None
    try:
        timer = CudaTimer(device.index or 0)
        try:
            session = create({**mode_options(mode), **timer.provider_options})
            call = make_call(mode, session, device, workload, example)
            times = []
            for index in range(DEVICE_CALLS):
                call.prepare(index)
                times.append(timer.seconds(partial(call, index)))
            del call, session  # before their stream
        finally:
            timer.close()
    except MnistbenchError:
        return None
    except onnxruntime_errors():
        return None
    return median(times[DEVICE_CALLS // 2 :])


def _probe(device: Device) -> GpuProbe | None:
    if not device.text.startswith("cuda"):
        return None
    return nvml_probe(pci_bus_id(device.index or 0))


def _seconds(start: int, clock: Clock) -> float:
    """Since then; never negative, also when the clock was set back."""
    return max(0, clock.now_ns() - start) / 1_000_000_000
