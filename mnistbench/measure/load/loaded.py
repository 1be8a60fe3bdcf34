"""A model with its session on a device, ready to be put under load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mnistbench.files import path_in_results
from mnistbench.measure.latency.subject import Model
from mnistbench.measure.latency.workload import Workload
from mnistbench.measure.load.traffic import Traffic
from mnistbench.results import LoadResult
from mnistbench.runtime.classifier import metadata_number
from mnistbench.runtime.devices import CPU, Device
from mnistbench.runtime.gpu_identity import identify_gpu
from mnistbench.runtime.session import SessionSettings, create_session, provider_options


@dataclass(frozen=True)
class Loaded:
    """Make one with :func:`load_model`."""

    model: Model
    device: Device
    settings: SessionSettings
    session: Any
    """An ``onnxruntime.InferenceSession``."""
    open_on_cpu: Callable[[], Any]
    """Makes a session on the CPU, which says what the right answers are."""

    def blank(self, seed: int) -> LoadResult:
        """Its row, without figures and scenario."""
        metadata, inputs = self.model.info.metadata, self.model.inputs
        gpu = identify_gpu(self.device)
        options = self.settings.as_dict() | {
            "provider": self.device.source.name,
            "provider_options": provider_options(self.device, self.settings),
            "input": inputs.plan.as_dict() if inputs.plan is not None else inputs.as_dict(),
        }
        return LoadResult(
            name=self.model.name,
            file=path_in_results(self.model.path),
            sha256=self.model.sha256,
            device=self.device.text,
            scenario="",
            seed=seed,
            options=options,
            notation=metadata.get("mnistbench.notation"),
            dropout=metadata_number(metadata, "mnistbench.dropout"),
            gpu_uuid=gpu.uuid,
            gpu_name=gpu.name,
        )


def load_model(model: Model, device: Device, settings: SessionSettings) -> Loaded:
    """Make a model's session.

    Args:
        model: What :func:`mnistbench.measure.latency.subject.inspect_model` found out.
        device: Where it runs, and nowhere else.
        settings: Threads and optimisation.

    Raises:
        ModelError: As :func:`mnistbench.runtime.session.create_session`.
        ProviderError: When the device cannot be used.
    """

    def open_on(where: Device) -> Any:
        return create_session(
            model.path, where, settings, info=model.info, allow_external_data=model.allow_external_data
        )

    return Loaded(model, device, settings, open_on(device), lambda: open_on(CPU))


class Query:
    """One query to a session, which several threads may run at once; its inputs rotate.

    Args:
        loaded: The model.
        workload: The inputs. The first answers to them are the right ones; on another provider than the CPU's
            own they have to agree with the CPU's.

    Raises:
        ModelError: When the model fails, or the answers are others than on the CPU.
    """

    def __init__(self, loaded: Loaded, workload: Workload) -> None:
        self._run, self._workload = loaded.session.run, workload
        self._outputs = list(workload.outputs)
        self._feeds = [dict(feed) for feed in workload.feeds]
        self._expected = self._digests(loaded.session)
        if not loaded.device.is_default:
            workload.check_agreement(self._expected, self._digests(loaded.open_on_cpu()), loaded.device.label)

    def __call__(self, index: int) -> Any:
        """Send the query of that number; its answer."""
        return self._run(self._outputs, self._feeds[index % len(self._feeds)])

    def check(self, answer: Any, index: int) -> None:
        """Compare an answer with the first one to the same inputs.

        Raises:
            ModelError: When it is another.
        """
        self._workload.check(answer, self._expected[index % len(self._feeds)])

    def check_all(self, traffic: Traffic) -> None:
        """Compare the answers that a run has kept.

        Raises:
            ModelError: When one is another than before.
        """
        for index, answer in traffic.answers:
            self.check(answer, index)

    def _digests(self, session: Any) -> list[Sequence[Any]]:
        return [self._workload.digest(session.run(self._outputs, feed)) for feed in self._feeds]
