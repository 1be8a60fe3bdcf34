"""What the tests of the doctor share: machines, and answers of devices that are none."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path

from mnistbench.errors import ProviderError
from mnistbench.measure.doctor.answers import Ran, answer
from mnistbench.measure.doctor.images import drawn_digits
from mnistbench.measure.doctor.software import check_extra
from mnistbench.results import Environment, Finding

CPU = Environment(
    python="3.11.7",
    platform="Linux",
    cpu="Intel Xeon",
    cpu_features=("sse4_2", "avx", "avx2", "fma", "avx512f", "amx_tile", "amx_bf16"),
    cpus_usable=2,
    memory_bytes=2**34,
    gpus=(),
    packages={"mnistbench": "0.1.0"},
)
GPU = {"index": 0, "name": "H200", "uuid": "GPU-1", "driver": "580.1", "memory_bytes": 139 * 2**30}
WITH_GPU = dataclasses.replace(CPU, gpus=(GPU,))

PACKAGES = {
    "onnxruntime-gpu": "1.31.1",
    "numpy": "2.4.6",
    "onnx": "1",
    "onnxscript": "1",
    "safetensors": "1",
    "torch": "2.13.0+cpu",
}


def extras(environment: Environment = CPU) -> dict[str, Finding]:
    """Findings where no plug-in is installed."""
    return {"openvino": check_extra("openvino", environment, PACKAGES, ("Linux", "x86_64"))}


def fine(off: float = 0.0, *, labels: tuple[int, ...] | None = None, provider: str = "CPUExecutionProvider") -> Ran:
    """A model that knows the drawn digits, with logits up to 10 that are off by a part of that."""
    _, truth = drawn_digits()
    scores = tuple(tuple(10.0 * (1 + off) if digit == right else 0.0 for digit in range(10)) for right in truth)
    return Ran(
        session_seconds=0.01,
        node_placement={provider: 9},
        labels=tuple(truth.tolist()) if labels is None else labels,
        scores=scores,
    )


class Asked:
    """Answers from a script, or from a machine; remembers what was asked."""

    def __init__(self, machine, **others):
        """``others``: an answer, or an error to raise, for ``what`` or ``device_provider``; the CPU's own runs well."""
        self.machine, self.others = machine, others
        self.questions = []

    def __call__(self, question):
        json.dumps(question)
        self.questions.append(question)
        key = question["what"]
        if key == "run":
            key = f"{question['device']}_{question['provider']}"
        scripted = self.others.get(key)
        if isinstance(scripted, ProviderError):
            raise scripted
        if scripted is not None:
            return json.loads(json.dumps(scripted))
        if key == "cpu_cpu":
            return ran(*[fine()] * len(question["models"]))
        return json.loads(json.dumps(partial(answer, machine=self.machine)(question)))

    @property
    def tried(self):
        return [f"{one['device']} {one['provider']}" for one in self.questions if one["what"] == "run"]


def ran(*runs: Ran) -> dict[str, object]:
    """The answer of a device that ran."""
    return json.loads(json.dumps({"ran": list(map(dataclasses.asdict, runs))}))


MODELS: dict[str, Path | None] = {"small": Path("small.onnx"), "large": Path("large.onnx")}
