"""A model of this project: uint8 images in, digits out. What ``mnistbench.load`` returns.

Needs numpy and onnxruntime only. The common call, a uint8 array of shape
``(n, 1, 28, 28)``, goes to onnxruntime after one look at its dtype and shape.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mnistbench.errors import ModelError
from mnistbench.files import sha256_of
from mnistbench.runtime.contract import Progress, answer, is_own_contract, own_plan
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.images import as_batch, check_batch_size
from mnistbench.runtime.input_plan import InputPlan, Labels
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.onnx_parser import OnnxInfo
from mnistbench.runtime.session import SessionSettings, create_session, onnxruntime_errors, run_error
from mnistbench.runtime.untrusted.limits import Limits

Scores = npt.NDArray[np.float32]

_UINT8 = np.dtype(np.uint8)
_IMAGE = (1, 28, 28)


class Model:
    """A loaded model; make one with :meth:`load`.

    Images are uint8, 0 to 255, white ink on black, of shape ``(28, 28)``,
    ``(n, 28, 28)`` or ``(n, 1, 28, 28)``; ``n`` may be 0.
    """

    def __init__(self, session: Any, path: Path, info: OnnxInfo, device: Device, name: str) -> None:
        self._session = session
        self._path = path
        self._info = info
        self._device = device
        self._name = name
        self._errors = onnxruntime_errors()
        self._label = ["label"]
        self._probabilities = ["probabilities"]
        self._logits = ["logits"]

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str | Device = "cpu",
        settings: SessionSettings | None = None,
        name: str | None = None,
        untrusted: Limits | None = None,
    ) -> Self:
        """Load an ONNX file that this project exported.

        Args:
            path: The file.
            device: ``cpu``, ``cuda`` or ``cuda:N``; what is asked for is what is used.
            settings: Threads and optimisation; the defaults when ``None``.
            name: What to call it; the file's name without its ending when ``None``.
            untrusted: As in :func:`mnistbench.runtime.session.create_session`.

        Raises:
            ModelError: When the file cannot be loaded or has other inputs or outputs.
            ProviderError: When the device cannot be used.
            ProcessError: When the process of an untrusted model ended, or gave no answer in time.
        """
        path, device = Path(path), resolve_device(device)
        info = read_onnx_file(path)
        session = create_session(path, device, settings, info=info, untrusted=untrusted)
        if not is_own_contract(session):
            raise ModelError(
                f"{path} is not a model of mnistbench: expected the input image, uint8 [batch, 1, 28, 28], and the "
                "outputs logits, probabilities and label; 'mnistbench evaluate' and 'bench' take other models too"
            )
        return cls(session, path, info, device, name if name is not None else path.stem)

    def predict(
        self,
        images: npt.NDArray[np.uint8],
        *,
        batch_size: int | None = None,
        on_progress: Progress | None = None,
    ) -> Labels:
        """The digit on each image.

        Args:
            images: uint8 of shape ``(28, 28)``, ``(n, 28, 28)`` or ``(n, 1, 28, 28)``, white ink on black.
            batch_size: Images that the model gets at once; all of them when ``None``. Memory grows with it.
            on_progress: Called after every batch with the number of images done and of all images.

        Returns:
            int64 of shape ``(n,)``; for a single ``(28, 28)`` image ``n`` is 1.

        Raises:
            InputError: When the images have another shape or dtype; the message says what to do.
        """
        # The common case, without the function calls of the checked way: they cost more than these comparisons.
        if (
            batch_size is None
            and on_progress is None
            and type(images) is np.ndarray
            and images.dtype == _UINT8
            and images.shape[1:] == _IMAGE
            and len(images)
        ):
            try:
                labels: Labels = self._session.run(self._label, {"image": images})[0]
                return labels
            except self._errors as error:
                raise self._failed(error, images) from error
        batch = as_batch(images)
        check_batch_size(batch_size)
        try:
            return answer(self._session, own_plan(), batch, batch_size=batch_size, on_progress=on_progress)
        except self._errors as error:
            raise self._failed(error, batch[:batch_size]) from error

    def predict_proba(self, images: npt.NDArray[np.uint8]) -> Scores:
        """The probability of each digit: float32 of shape ``(n, 10)``, each row sums to 1.

        Raises:
            InputError: As :meth:`predict`.
        """
        scores: Scores = self._checked(self._probabilities, images, np.empty((0, 10), dtype=np.float32))
        return scores

    def predict_logits(self, images: npt.NDArray[np.uint8]) -> Scores:
        """The scores before softmax: float32 of shape ``(n, 10)``.

        Raises:
            InputError: As :meth:`predict`.
        """
        scores: Scores = self._checked(self._logits, images, np.empty((0, 10), dtype=np.float32))
        return scores

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def path(self) -> Path:
        """The file it was loaded from."""
        return self._path

    @property
    def sha256(self) -> str:
        """Hash of the file, as it is now."""
        return sha256_of(self._path)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The file's metadata properties, such as ``mnistbench.notation``."""
        return MappingProxyType(dict(self._info.metadata))

    @property
    def num_parameters(self) -> int:
        """Elements of the weights in the file."""
        return self._info.num_parameters

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self._info.size_bytes

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda:N``."""
        return self._device.text

    @property
    def provider(self) -> str:
        """The execution provider that runs it, such as ``CPUExecutionProvider``."""
        return str(self._session.get_providers()[0])

    @property
    def input_plan(self) -> InputPlan:
        """How it takes images, as other models' plans say."""
        return own_plan()

    def __repr__(self) -> str:
        return f"Model({self._name!r}, {self.num_parameters:,} parameters, {self.device})"

    def _checked(self, outputs: list[str], images: Any, empty: npt.NDArray[Any]) -> Any:
        batch = as_batch(images)
        if not len(batch):
            return empty
        try:
            return self._session.run(outputs, {"image": batch})[0]
        except self._errors as error:
            raise self._failed(error, batch) from error

    def _failed(self, error: Exception, images: npt.NDArray[Any]) -> Exception:
        return run_error(error, name=self._name, device=self._device, batch_size=len(images))
