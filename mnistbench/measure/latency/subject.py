"""A model on a device in a mode: what its rows have in common, found out once before anything is timed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistbench.errors import ModelError
from mnistbench.files import path_in_results, sha256_of
from mnistbench.measure.latency.inputs import Inputs, Size, tensor_inputs
from mnistbench.measure.latency.modes import Mode
from mnistbench.measure.latency.workload import SEED
from mnistbench.results import LatencyResult
from mnistbench.runtime.classifier import load_classifier, metadata_number
from mnistbench.runtime.contract import Calibration
from mnistbench.runtime.devices import CPU, Device
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.onnx_parser import OnnxInfo
from mnistbench.runtime.session import SessionSettings, create_session, provider_options
from mnistbench.runtime.untrusted.limits import Limits


@dataclass(frozen=True)
class Model:
    """A file and how it is called; make one with :func:`inspect_model`."""

    path: Path
    name: str
    info: OnnxInfo
    inputs: Inputs
    sha256: str
    allow_external_data: bool
    is_floor: bool = False
    untrusted: Limits | None = None
    """What the processes that run it may take."""


@dataclass(frozen=True)
class Subject:
    """A model on a device in a mode."""

    model: Model
    device: Device
    mode: Mode

    def blank(self, batch_size: int, settings: SessionSettings, seed: int = SEED) -> LatencyResult:
        """Its row for a batch size, without figures."""
        metadata = self.model.info.metadata
        inputs = self.model.inputs
        given = inputs.plan.as_dict() if inputs.plan is not None else _without(inputs.as_dict(), "plan")
        options = settings.as_dict() | {
            "provider": self.device.source.name,
            "provider_options": provider_options(self.device, settings),
            "seed": seed,
        }
        return LatencyResult(
            name=self.model.name,
            # The model that does nothing lies in a temporary folder, which is gone when the run is read.
            file=self.model.path.name if self.model.is_floor else path_in_results(self.model.path),
            sha256=self.model.sha256,
            device=self.device.text,
            mode=self.mode,
            batch_size=batch_size,
            options=options | {"input": given},
            notation=metadata.get("mnistbench.notation"),
            dropout=metadata_number(metadata, "mnistbench.dropout"),
            error_rate=_fraction(metadata, "mnistbench.test_error_rate"),
            num_parameters=self.model.info.num_parameters,
            is_floor=self.model.is_floor,
        )


def inspect_model(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    calibration: Calibration | None = None,
    layout: str | None = None,
    value_range: str | None = None,
    output: str | None = None,
    allow_external_data: bool = False,
    shapes: Mapping[str | None, Sequence[Size]] | None = None,
    input_file: Path | None = None,
    untrusted: Limits | None = None,
) -> Model:
    """Find out what a model takes, on the CPU.

    A model that reads digits is given digits. Any other is given random tensors of
    its shapes; ``shapes`` or ``input_file`` ask for that in any case.

    Args:
        path: The file.
        name: What to call it; the file's name without its ending when ``None``.
        calibration: As in :func:`mnistbench.runtime.contract.find_plan`, like the next three.
        layout: Likewise.
        value_range: Likewise.
        output: Likewise.
        allow_external_data: Whether the file may name other files that hold its weights.
        shapes: Shapes of the inputs by name; the key ``None`` means the only one.
        input_file: ``.npy`` or ``.npz`` with the inputs.
        untrusted: As in :func:`mnistbench.runtime.session.create_session`.

    Raises:
        ModelError: When it cannot be loaded, or a shape has to be said.
    """
    path = Path(path)
    name = name if name is not None else path.stem
    info = read_onnx_file(path)
    digest = sha256_of(path)
    settings = SessionSettings(intra_op_num_threads=1)

    def tensors() -> Inputs:
        session = create_session(
            path, CPU, settings, info=info, allow_external_data=allow_external_data, untrusted=untrusted
        )
        return tensor_inputs(session, shapes, input_file)

    if shapes or input_file is not None:
        inputs = tensors()
    else:
        try:
            classifier = load_classifier(
                path,
                settings=settings,
                name=name,
                calibration=calibration,
                layout=layout,
                value_range=value_range,
                output=output,
                assume_range=True,
                allow_external_data=allow_external_data,
                untrusted=untrusted,
            )
            plan = classifier.input_plan
            inputs = Inputs((plan.output,), plan)
        except ModelError:
            if layout is not None or value_range is not None or output is not None:
                raise
            try:
                inputs = tensors()
            except ModelError as other:
                # Not that it reads no digits, which nobody asks of it: what keeps it from being timed.
                raise other from None
    return Model(path, name, info, inputs, digest, allow_external_data, untrusted=untrusted)


def _without(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


def _fraction(metadata: Mapping[str, str], key: str) -> float | None:
    number = metadata_number(metadata, key)
    return number if number is not None and 0 <= number <= 1 else None
