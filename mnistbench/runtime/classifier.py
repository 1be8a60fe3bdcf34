"""Any ONNX file that classifies 28x28 images into ten classes, behind one call.

``Classifier`` is what evaluation needs; ``Model`` has it too. Knows nothing of
errors, timing or datasets.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mnistbench.errors import ModelError
from mnistbench.files import sha256_of
from mnistbench.runtime.contract import Calibration, Progress, answer, find_plan
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.images import Images, as_batch, check_batch_size
from mnistbench.runtime.input_plan import InputPlan, Labels
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.onnx_parser import OnnxInfo
from mnistbench.runtime.session import SessionSettings, create_session, onnxruntime_errors, run_error
from mnistbench.runtime.untrusted.limits import Limits


class Classifier(Protocol):
    """A loaded model that can be evaluated."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def path(self) -> Path:
        """The file it was loaded from."""
        ...

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """The file's metadata properties."""
        ...

    @property
    def num_parameters(self) -> int:
        """Elements of the weights in the file."""
        ...

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        ...

    @property
    def provider(self) -> str:
        """Execution provider that runs it."""
        ...

    @property
    def input_plan(self) -> InputPlan:
        """How it takes images."""
        ...

    def predict(self, images: Images, *, batch_size: int | None = None, on_progress: Progress | None = None) -> Labels:
        """The digit on each image, int64 of shape ``(n,)``, for uint8 images of shape ``(n, 28, 28)``.

        ``batch_size`` images are given to the model at once, all of them when ``None``.
        """
        ...


@dataclass(frozen=True)
class OnnxClassifier:
    """A model, its plan and where it came from; make one with :func:`load_classifier`."""

    name: str
    path: Path
    info: OnnxInfo
    device: Device
    input_plan: InputPlan
    session: Any
    sha256: str
    """Of the file, taken when it was loaded."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The file's metadata properties."""
        return self.info.metadata

    @property
    def num_parameters(self) -> int:
        """Elements of the weights in the file."""
        return self.info.num_parameters

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self.info.size_bytes

    @property
    def provider(self) -> str:
        """Execution provider that runs it."""
        return str(self.session.get_providers()[0])

    def predict(self, images: Images, *, batch_size: int | None = None, on_progress: Progress | None = None) -> Labels:
        """The digit on each image.

        Args:
            images: uint8 of shape ``(28, 28)``, ``(n, 28, 28)`` or ``(n, 1, 28, 28)``, white ink on black.
            batch_size: Images in a call; all at once when ``None``. A model with a fixed batch gets its own.
            on_progress: Called after every call with the number of images done and of all images.

        Returns:
            int64 of shape ``(n,)``.

        Raises:
            InputError: When the images have another shape or dtype.
            ModelError: When the model fails or does not answer with digits.
            ProviderError: When the device has not enough memory.
        """
        batch = as_batch(images)
        check_batch_size(batch_size)
        try:
            return answer(self.session, self.input_plan, batch, batch_size=batch_size, on_progress=on_progress)
        except onnxruntime_errors() as error:
            size = min(batch_size or len(batch), len(batch))
            raise run_error(error, name=self.name, device=self.device, batch_size=size) from error


def load_classifier(
    path: str | os.PathLike[str],
    *,
    device: str | Device = "cpu",
    settings: SessionSettings | None = None,
    name: str | None = None,
    calibration: Calibration | None = None,
    layout: str | None = None,
    value_range: str | None = None,
    output: str | None = None,
    assume_range: bool = False,
    allow_external_data: bool = False,
    untrusted: Limits | None = None,
) -> OnnxClassifier:
    """Load any ONNX file that takes 28x28 images, this project's own or another's.

    Args:
        path: The file.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        settings: Threads and optimisation; the defaults when ``None``.
        name: What to call it; the file's name without its ending when ``None``.
        calibration: Labelled training images that tell the value range where nothing else does.
        layout: As in :func:`mnistbench.runtime.contract.find_plan`, like the next three.
        value_range: Likewise.
        output: Likewise.
        assume_range: Likewise.
        allow_external_data: Whether the file may name other files that hold its weights.
        untrusted: As in :func:`mnistbench.runtime.session.create_session`.

    Raises:
        ModelError: When the file cannot be loaded, or is no such classifier, or needs an option.
        ProviderError: When the device cannot be used.
        ProcessError: When the process of an untrusted model ended, or gave no answer in time.
    """
    path, device = Path(path), resolve_device(device)
    info = read_onnx_file(path)
    session = create_session(
        path, device, settings, info=info, allow_external_data=allow_external_data, untrusted=untrusted
    )
    try:
        plan = find_plan(
            session,
            info.metadata,
            calibration=calibration,
            layout=layout,
            value_range=value_range,
            output=output,
            assume_range=assume_range,
        )
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    name = name if name is not None else path.stem
    return OnnxClassifier(name, path, info, device, plan, session, sha256_of(path))


def metadata_number(metadata: Mapping[str, str], key: str) -> float | None:
    """A number that a file's metadata names; ``None`` when it does not, or not a finite one."""
    try:
        number = float(metadata[key])
    except (KeyError, ValueError):
        return None
    return number if math.isfinite(number) else None
