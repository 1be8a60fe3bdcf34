"""A process that times one network in torch, eager or compiled, and prints what it found as a line of JSON.

The module has the weights of an ONNX file of ours and the same contract: uint8
images in; logits, probabilities and label out, of which the one is fetched that
onnxruntime is asked for beside it. Times are taken by the loop of
``mnistbench bench``.

Usage: python bench/torch_worker.py MODEL.onnx BATCH DEVICE THREADS eager|MODE e2e|bound
(MODE is torch.compile's: default, reduce-overhead, max-autotune)
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from mnistbench.data import load_dataset
from mnistbench.measure.breakdown.arithmetic import spec_of
from mnistbench.measure.clock import MonotonicClock
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.workload import make_workload
from mnistbench.measure.stats import median
from mnistbench.measure.steady import Plan, measure_steady
from mnistbench.measure.undisturbed import shortest
from mnistbench.runtime.classifier import load_classifier
from mnistbench.spec import NetworkSpec
from mnistbench.training.module import PIXEL_SCALE, build_module

OUTPUTS = ("logits", "probabilities", "label")
"""What a network answers with, by the names in its ONNX file."""


class Contract(nn.Module):
    """A network with the inputs and outputs of its ONNX file."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images to logits, probabilities and label; uint8 of shape ``(batch, 1, 28, 28)``."""
        logits = self.network(image.to(torch.float32) * PIXEL_SCALE)
        return logits, logits.softmax(1), logits.argmax(1)


def load_network(path: Path, spec: NetworkSpec) -> nn.Module:
    """The module with the weights of an ONNX file, whose initialisers have the names of its parameters."""
    module = build_module(spec, seed=0)
    arrays = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    module.load_state_dict({name: torch.from_numpy(arrays[name].copy()) for name in module.state_dict()})
    return module.eval()


def make_call(
    module: Callable[[Tensor], tuple[Tensor, ...]],
    feeds: list[np.ndarray],
    device: torch.device,
    mode: str,
    outputs: Sequence[str],
) -> Callable[[int], Any]:
    """A call that returns when the answers are complete; ``e2e`` has the copies from and to numpy in it.

    All outputs are computed, as onnxruntime does, and those are returned that onnxruntime is asked for:
    to fetch more of them than the other side would be counted as slowness.
    """
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    places = [OUTPUTS.index(name) for name in outputs]
    if mode == "e2e":

        def end_to_end(index: int) -> list[np.ndarray]:
            answer = module(torch.from_numpy(feeds[index % len(feeds)]).to(device))
            return [answer[place].cpu().numpy() for place in places]

        return end_to_end
    placed = [torch.from_numpy(feed).to(device) for feed in feeds]

    def bound(index: int) -> list[Tensor]:
        answer = module(placed[index % len(placed)])
        wait()
        return [answer[place] for place in places]

    return bound


def main() -> None:
    """Time and print."""
    path, batch_size, on, threads, how, mode = sys.argv[1:]
    torch.set_grad_enabled(False)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # as onnxruntime here
    torch.set_num_threads(int(threads))
    device = torch.device(on)
    classifier = load_classifier(path)
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), int(batch_size), load_dataset().test_images)
    feeds = [np.ascontiguousarray(feed[plan.name]) for feed in workload.feeds]
    spec = spec_of(classifier.metadata)
    if spec is None:
        raise SystemExit(f"{path} does not say which network it is")
    module: Callable[[Tensor], tuple[Tensor, ...]] = Contract(load_network(Path(path), spec)).to(device)
    start = time.perf_counter()
    if how != "eager":
        module = torch.compile(module, mode=how, dynamic=False)
    call = make_call(module, feeds, device, mode, workload.outputs)
    answer = [np.asarray(torch.as_tensor(part).cpu()) for part in call(0)]
    first_call_seconds = time.perf_counter() - start
    right = classifier.session.run(list(workload.outputs), dict(workload.feeds[0]))
    labels, expected = workload.digest(answer)[0], workload.digest(right)[0]
    if int((labels != expected).sum()) > max(1, len(labels) // 100):
        raise RuntimeError(f"{path} answers otherwise in torch than in onnxruntime")
    sample = measure_steady(call, Plan.each(), MonotonicClock())
    figures = {
        "first_call_seconds": first_call_seconds,
        "p50_seconds": median(sample.seconds),
        "min_seconds": shortest(sample.seconds),
        "num_samples": len(sample.seconds),
        "warmup_settled": sample.warmup_settled,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
