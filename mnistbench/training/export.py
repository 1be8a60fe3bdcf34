"""From a finished run to a published ONNX file: build, gate, describe, write, list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx

from mnistbench.artifacts import ModelEntry, called, publish_model, read_manifest
from mnistbench.catalog import Network
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ExportError
from mnistbench.precisions import PLAIN
from mnistbench.training.acceptance import (
    Answers,
    Closeness,
    answers_of,
    compare_answers,
    require_accuracy,
    require_consistent,
)
from mnistbench.training.calibration import TrainingSample, draw_sample
from mnistbench.training.describe import make_entry, metadata
from mnistbench.training.gate import Parity, check_structure, compare_with_torch, require_parity
from mnistbench.training.graph import InputDtype, build_model, to_bytes
from mnistbench.training.job import FinishedRun
from mnistbench.training.module import check_weights
from mnistbench.training.run import load_weights
from mnistbench.training.variants import Variant, build_variant


@dataclass(frozen=True)
class Source:
    """A finished run whose model in fp32 answers as torch does: what is published, in any precision, comes from it."""

    run: FinishedRun
    network: Network
    dataset: Dataset
    input_dtype: InputDtype
    weights: dict[str, np.ndarray]
    """As :func:`mnistbench.training.graph.build_model` takes them."""
    plain: onnx.ModelProto
    """In fp32, without metadata."""
    parity: Parity
    """Of ``plain`` with torch."""

    @cached_property
    def answers(self) -> Answers:
        """What the model in fp32 says of the test images."""
        return answers_of(to_bytes(self.plain), self.dataset.test_images, input_dtype=self.input_dtype)

    @cached_property
    def sample(self) -> TrainingSample:
        """Training images for calibrating."""
        return draw_sample(self.dataset.train_images, self.dataset.train_labels)


def prepare(run: FinishedRun, network: Network, dataset: Dataset, *, input_dtype: InputDtype = "uint8") -> Source:
    """Build the model of a run in fp32, and compare it with torch.

    Args:
        run: A finished run of ``network``.
        network: The network.
        dataset: Its test images are what torch and onnxruntime are compared on.
        input_dtype: ``uint8`` as in the contract, or ``float32`` for hosts that dislike it.

    Raises:
        ExportError: When the model does not pass the gate.
        ArtifactError: When the weights are damaged, or of another network.
    """
    result = run.result
    if result.name != network.name:
        raise ExportError(f"the run in {run.folder} is of {result.name}, not of {network.name}")
    if dataset.sha256 != result.dataset_sha256:
        raise ExportError(
            f"{network.name} was trained on {result.dataset} ({result.dataset_sha256[:12]}), but the dataset given is "
            f"{dataset.name} ({dataset.sha256[:12]}); give the same --data-dir as in training"
        )
    weights = load_weights(run)
    check_weights(network.spec, weights)
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    model = build_model(network.spec, arrays, name=network.name, input_dtype=input_dtype)
    check_structure(model, network.spec)
    parity = compare_with_torch(
        to_bytes(model), network.spec, weights, dataset.test_images, dataset.test_labels, input_dtype=input_dtype
    )
    require_parity(parity, network.name)
    return Source(run, network, dataset, input_dtype, arrays, model, parity)


def publish(source: Source, folder: Path, *, precision: str = PLAIN) -> ModelEntry:
    """Publish a run's weights in one precision, as one ONNX file in a zoo.

    Args:
        source: What is published.
        folder: The zoo: gets the file and an entry in its manifest.
        precision: One of :data:`mnistbench.precisions.PRECISIONS`.

    Raises:
        ExportError: When the model does not pass the gate; nothing is written then.
        ArtifactError: When the manifest is damaged.
        OSError: When the folder cannot be written.
    """
    read_manifest(folder)  # a damaged one must stop this before a model is written beside it
    network, result = source.network, source.run.result
    variant = Variant(PLAIN, source.plain)
    measured: Parity | Closeness = source.parity
    if precision != PLAIN:
        variant = build_variant(
            network.spec,
            source.weights,
            source.sample,
            name=network.name,
            precision=precision,
            input_dtype=source.input_dtype,
        )
        check_structure(variant.model, network.spec)
        what = called(network.name, precision)
        answers = answers_of(to_bytes(variant.model), source.dataset.test_images, input_dtype=source.input_dtype)
        require_consistent(answers, what)
        measured = compare_answers(answers, source.answers, source.dataset.test_labels)
        require_accuracy(measured, precision, what)
    model = onnx.ModelProto()
    model.CopyFrom(variant.model)
    properties = metadata(network, result, measured, source.input_dtype, variant)
    onnx.helper.set_model_props(model, properties)
    model.doc_string = properties["description"]
    check_structure(model, network.spec)
    content = to_bytes(model)
    entry = make_entry(network, result, measured, source.input_dtype, variant, model, content)
    publish_model(folder, entry, content)
    return entry


def export_run(
    run: FinishedRun,
    network: Network,
    dataset: Dataset,
    folder: Path,
    *,
    input_dtype: InputDtype = "uint8",
    precision: str = PLAIN,
) -> ModelEntry:
    """:func:`prepare` and :func:`publish`, for a single precision.

    Raises:
        ExportError: When the model does not pass the gate; nothing is written then.
        ArtifactError: When the weights or the manifest are damaged.
        OSError: When the folder cannot be written.
    """
    return publish(prepare(run, network, dataset, input_dtype=input_dtype), folder, precision=precision)
