"""The modes of a timed call, never mixed in one row: where its inputs are and what is launched.

- ``e2e``: numpy arrays in, numpy arrays out; on a GPU both copies are in the time.
- ``bound``: inputs and outputs lie on the device already (onnxruntime's I/O binding).
- ``graph``: as ``bound``, and the whole model is one CUDA graph that is replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np

from mnistbench.errors import CombinationError, ProviderError
from mnistbench.measure.latency.workload import Array, Feed, Workload
from mnistbench.runtime.devices import Device
from mnistbench.runtime.ort import import_onnxruntime

Mode = Literal["e2e", "bound", "graph"]

MODES: tuple[Mode, ...] = get_args(Mode)


class Call(Protocol):
    """One way to run a session on the inputs of a workload."""

    answers_stay: bool
    """Whether what a call returned is still the same after later calls."""

    def prepare(self, index: int, /) -> None:
        """What has to happen before the call with this number and is not timed."""
        ...

    def __call__(self, index: int, /) -> Any:
        """The timed call; returns when the answer is complete."""
        ...

    def answer(self, returned: Any) -> list[Any]:
        """The answer of the call just made, as numpy arrays; not timed."""
        ...


def check_mode(mode: str, device: Device) -> Mode:
    """The mode, if the device has it.

    Raises:
        CombinationError: When no such device has it.
        ProviderError: When it is unknown.
    """
    for known in MODES:
        if mode == known:
            if known == "graph" and device.source.name != "cuda":
                raise CombinationError(
                    f"the mode graph replays a CUDA graph, which {device.label} does not have; "
                    "use the device cuda:N, or another mode"
                )
            if known == "bound" and not device.text.startswith(("cpu", "cuda")):
                raise CombinationError(f"the mode bound is not known for {device.label}; use e2e")
            return known
    raise ProviderError(f"unknown mode {mode!r:.40}; expected {', '.join(MODES)}")


def mode_options(mode: Mode) -> Mapping[str, str]:
    """What the provider is given for a mode."""
    return {"enable_cuda_graph": "1"} if mode == "graph" else {}


def make_call(mode: Mode, session: Any, device: Device, workload: Workload, example: Sequence[Array]) -> Call:
    """The call of a mode.

    Args:
        mode: The mode.
        session: Made with :func:`mode_options`.
        device: Where the session runs.
        workload: The inputs.
        example: The answer to the first of them: a graph writes to addresses that are fixed beforehand.
    """
    if mode == "e2e":
        return _EndToEnd(session, workload)
    # A plug-in on the CPU works on the same memory as everything else there.
    place = ("cuda", device.index or 0) if device.text.startswith("cuda") else ("cpu", 0)
    if mode == "bound":
        return _Bound(session, workload, *place)
    return _Graph(session, workload, example, *place)


class _EndToEnd:
    answers_stay = True

    def __init__(self, session: Any, workload: Workload) -> None:
        self._run = session.run
        self._outputs = list(workload.outputs)
        self._feeds = [dict(feed) for feed in workload.feeds]
        self._count = len(self._feeds)

    def prepare(self, index: int) -> None:
        pass

    def __call__(self, index: int) -> Any:
        return self._run(self._outputs, self._feeds[index % self._count])

    def answer(self, returned: Any) -> list[Any]:
        return list(returned)


class _Bound:
    """A binding for each distinct input; onnxruntime allocates the outputs on the device."""

    answers_stay = True  # a later call with the same binding has the same input

    def __init__(self, session: Any, workload: Workload, device_type: str, device_id: int) -> None:
        self._run = session.run_with_iobinding
        self._bindings = []
        for feed in workload.feeds:
            binding = session.io_binding()
            for name, value in _on_device(feed, device_type, device_id).items():
                binding.bind_ortvalue_input(name, value)
            for name in workload.outputs:
                binding.bind_output(name, device_type, device_id)
            self._bindings.append(binding)
        self._count = len(self._bindings)

    def prepare(self, index: int) -> None:
        pass

    def __call__(self, index: int) -> Any:
        binding = self._bindings[index % self._count]
        self._run(binding)  # waits for the device at its end
        return binding

    def answer(self, returned: Any) -> list[Any]:
        return list(returned.copy_outputs_to_cpu())


class _Graph:
    """One binding at addresses that stay; another input is copied into the same place before the call."""

    answers_stay = False

    def __init__(
        self, session: Any, workload: Workload, example: Sequence[Array], device_type: str, device_id: int
    ) -> None:
        self._run = session.run_with_iobinding
        self._feeds = workload.feeds
        self._binding = session.io_binding()
        self._inputs = _on_device(workload.feeds[0], device_type, device_id)
        # Nothing of the example may be taken for an answer.
        blank = {name: np.zeros_like(array) for name, array in zip(workload.outputs, example, strict=True)}
        self._outputs = _on_device(blank, device_type, device_id)
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)

    def prepare(self, index: int) -> None:
        for name, array in self._feeds[index % len(self._feeds)].items():
            self._inputs[name].update_inplace(array)

    def __call__(self, _index: int) -> Any:
        self._run(self._binding)
        return self._outputs

    def answer(self, returned: Any) -> list[Any]:
        return [value.numpy() for value in returned.values()]


def _on_device(arrays: Feed, device_type: str, device_id: int) -> dict[str, Any]:
    """``OrtValue`` by name; on a GPU a copy there, on the CPU the array itself."""
    make = import_onnxruntime().OrtValue.ortvalue_from_numpy
    return {name: make(array, device_type, device_id) for name, array in arrays.items()}
