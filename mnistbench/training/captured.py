"""A training step that is recorded once as a CUDA graph and then replayed, with one launch instead of dozens.

A GPU runs most of these networks faster than a CPU launches their kernels one by
one. A graph repeats the same kernels on the same addresses, so what differs from
step to step, which images and which rate, stands in tensors on the device, and
the recorded step moves on in them by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

WARM_UP_STEPS = 3
"""Steps before recording, in which libraries choose their kernels and allocate; torch's own advice."""

Step = Callable[[Tensor, Tensor], Tensor]
"""Trains on uint8 images ``(batch, 1, 28, 28)`` and labels ``(batch,)``; returns the mean loss, detached."""

Record = Callable[[Callable[[], None], torch.Generator], Callable[[], None]]
"""Given a function and the generator that it draws from, returns one that does the same work again.

The function may be called up to ``WARM_UP_STEPS`` times on the way.
"""


def record_graph(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
    """Record a function's kernels as a CUDA graph on the generator's device.

    Raises:
        RuntimeError: When the function does what a graph cannot hold, such as asking for a value. The current
            stream is then what it was, and nothing of the attempt is still running.
    """
    with torch.cuda.device(generator.device):
        before = torch.cuda.current_stream()
        # Never torch's one stream for all recordings: libraries keep a workspace for each stream, and graphs that
        # were recorded on the same one would write into the same when they run at once.
        own = before if before != torch.cuda.default_stream() else new_stream(generator.device)
        try:
            own.wait_stream(before)
            with torch.cuda.stream(own):
                for _ in range(WARM_UP_STEPS):
                    function()
            before.wait_stream(own)
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(generator)
            with torch.cuda.graph(graph, stream=own):
                function()
        except BaseException as error:
            # An attempt that is broken off may leave its own stream the current one.
            torch.cuda.set_stream(before)
            torch.cuda.synchronize()
            if isinstance(error.__context__, torch.OutOfMemoryError):
                raise error.__context__ from None
            raise
    replay: Callable[[], None] = graph.replay
    return replay


def new_stream(device: torch.device) -> torch.cuda.Stream:
    """One of the streams of a GPU, of which torch hands out 32 in turn."""
    stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no stub for it
    return stream


class CapturedSteps:
    """The full batches of an epoch, each trained by replaying one recorded step.

    Args:
        step: What is recorded.
        rate: Scalar on the device that the optimiser reads.
        batch_size: Images a step.
        generator: What the step draws its dropout from; its state after recording is arbitrary.
        changed: Every tensor that a step changes, besides the gradients; put back after recording.
        record: How to record.
    """

    def __init__(
        self,
        step: Step,
        rate: Tensor,
        batch_size: int,
        generator: torch.Generator,
        changed: Iterable[Tensor],
        record: Record = record_graph,
    ) -> None:
        self._step = step
        self._rate = rate
        self._generator = generator
        self._changed = tuple(changed)
        self._record = record
        self._offsets = torch.arange(batch_size, device=rate.device)
        self._position = torch.zeros((1,), dtype=torch.long, device=rate.device)
        self._number = torch.zeros((1,), dtype=torch.long, device=rate.device)
        self._buffers: tuple[Tensor, Tensor, Tensor] | None = None
        self._replay: Callable[[], None] | None = None
        self.total = torch.zeros((), device=rate.device)
        """Sum of the loss over the images trained since :meth:`begin`."""

    def begin(self, images: Tensor, labels: Tensor, rates: Tensor) -> None:
        """Take the images of an epoch in their order; the first call records.

        Args:
            images: uint8 ``(n, 1, 28, 28)`` on the device; the same ``n`` in every epoch, and enough for
                ``WARM_UP_STEPS`` full batches.
            labels: int64 ``(n,)``.
            rates: float32, one for each step.

        Raises:
            RuntimeError: When the step cannot be recorded.
        """
        given = (images, labels, rates.to(self._rate.device))
        if self._buffers is None:
            images, labels, rates = given
            self._buffers = (images.clone(), labels.clone(), rates.clone())
            self._rewind()
            kept = [tensor.clone() for tensor in self._changed]
            try:
                self._replay = self._record(self._one_step, self._generator)
            finally:
                with torch.no_grad():
                    for tensor, before in zip(self._changed, kept, strict=True):
                        tensor.copy_(before)
        else:
            for buffer, tensor in zip(self._buffers, given, strict=True):
                buffer.copy_(tensor)
        self._rewind()

    def run_one(self) -> None:
        """Train on the next batch."""
        assert self._replay is not None, "begin() comes first"
        self._replay()

    def _rewind(self) -> None:
        for counter in (self._position, self._number, self.total):
            counter.zero_()

    def _one_step(self) -> None:
        assert self._buffers is not None
        images, labels, rates = self._buffers
        index = self._position + self._offsets
        # index_select, since indexing with a tensor of one element would ask the device for its value.
        self._rate.copy_(rates.index_select(0, self._number).squeeze(0))
        loss = self._step(images.index_select(0, index), labels.index_select(0, index))
        self.total += loss * len(self._offsets)
        self._position += len(self._offsets)
        self._number += 1
