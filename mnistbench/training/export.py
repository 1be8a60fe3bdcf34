"""From a finished run to a published ONNX file: build, gate, describe, write, list."""

from __future__ import annotations

import importlib.metadata
import json
import math
from pathlib import Path

import onnx

from mnistbench._version import __version__
from mnistbench.artifacts import ModelEntry, add_to_manifest, read_manifest
from mnistbench.catalog import Network
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ExportError
from mnistbench.files import atomic_write
from mnistbench.results import TrainingResult
from mnistbench.training.description import LABELS, errors_metadata, errors_metrics, file_facts, general_metadata
from mnistbench.training.gate import Parity, check_structure, compare_with_torch, require_parity
from mnistbench.training.graph import InputDtype, build_model, to_bytes
from mnistbench.training.job import FinishedRun
from mnistbench.training.run import load_weights


def export_run(
    run: FinishedRun, network: Network, dataset: Dataset, folder: Path, *, input_dtype: InputDtype = "uint8"
) -> ModelEntry:
    """Publish the weights of a run as one ONNX file in a zoo.

    Args:
        run: A finished run of ``network``.
        network: The network.
        dataset: Its test images are what torch and onnxruntime are compared on.
        folder: The zoo: gets the file and an entry in its manifest.
        input_dtype: ``uint8`` as in the contract, or ``float32`` for hosts that dislike it.

    Raises:
        ExportError: When the model does not pass the gate; nothing is written then.
        ArtifactError: When the weights or the manifest are damaged.
        OSError: When the folder cannot be written.
    """
    result = run.result
    if result.name != network.name:
        raise ExportError(f"the run in {run.folder} is of {result.name}, not of {network.name}")
    if dataset.sha256 != result.dataset_sha256:
        raise ExportError(
            f"{network.name} was trained on {result.dataset} ({result.dataset_sha256[:12]}), but the dataset given is "
            f"{dataset.name} ({dataset.sha256[:12]}); give the same --data-dir as in training"
        )
    read_manifest(folder)  # a damaged one must stop this before a model is written beside it
    weights = load_weights(run)
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    model = build_model(network.spec, arrays, name=network.name, input_dtype=input_dtype)
    check_structure(model, network.spec)
    parity = compare_with_torch(
        to_bytes(model), network.spec, weights, dataset.test_images, dataset.test_labels, input_dtype=input_dtype
    )
    require_parity(parity, network.name)

    onnx.helper.set_model_props(model, metadata(network, result, parity, input_dtype))
    model.doc_string = _description(network, result)
    check_structure(model, network.spec)
    content = to_bytes(model)
    entry = _entry(network, result, parity, input_dtype, model, content)
    atomic_write(folder / entry.file, content)
    add_to_manifest(folder, entry)
    return entry


def file_name(network: Network, input_dtype: InputDtype) -> str:
    """Name of the ONNX file of a network."""
    return f"{network.name}.onnx" if input_dtype == "uint8" else f"{network.name}-{input_dtype}.onnx"


def metadata(network: Network, result: TrainingResult, parity: Parity, input_dtype: InputDtype) -> dict[str, str]:
    """The model's metadata properties; no date, so that the bytes stay reproducible."""
    own = {
        "name": network.name,
        "notation": network.spec.notation,
        "dropout": f"{network.spec.dropout:g}",
        "num_parameters": str(network.spec.num_parameters),
        "macs": str(network.spec.macs),
        "recipe": result.recipe,
        "seed": str(result.seed),
        "epochs": str(result.epochs),
        "selection": result.selection,
        "dataset": result.dataset,
        "dataset_sha256": result.dataset_sha256,
        **errors_metadata(parity.num_errors, parity.num_images),
        "parity_images": str(parity.num_images),
        "parity_label_differences": str(parity.label_differences),
        "parity_logit_difference_below": f"{_power_of_ten_above(parity.max_logit_difference):g}",
        "weights_sha256": result.weights_sha256,
        "versions": json.dumps(_versions(), sort_keys=True),
    }
    return general_metadata(_description(network, result), own, input_dtype=input_dtype)


def _entry(
    network: Network,
    result: TrainingResult,
    parity: Parity,
    input_dtype: InputDtype,
    model: onnx.ModelProto,
    content: bytes,
) -> ModelEntry:
    kept = ("recipe", "seed", "epochs", "batch_size", "precision", "selection", "selected_epoch", "job")
    return ModelEntry(
        name=network.name,
        file=file_name(network, input_dtype),
        precision="fp32",
        input_dtype=input_dtype,
        **file_facts(model, content),
        notation=network.spec.notation,
        dropout=network.spec.dropout,
        num_parameters=network.spec.num_parameters,
        macs=network.spec.macs,
        table=network.paper.table if network.paper else None,
        paper_error=network.paper.error if network.paper else None,
        labels=LABELS,
        training={key: getattr(result, key) for key in kept} | {"weights_sha256": result.weights_sha256},
        metrics=errors_metrics(
            parity.num_errors, parity.num_images, dataset=result.dataset, dataset_sha256=result.dataset_sha256
        ),
        parity={
            "num_images": parity.num_images,
            "label_differences": parity.label_differences,
            "max_logit_difference": parity.max_logit_difference,
        },
        versions=_versions(),
    )


def _description(network: Network, result: TrainingResult) -> str:
    kind = "MNIST handwritten digits" if result.dataset == "mnist" else f"ten classes of the dataset {result.dataset}"
    dropout = f", trained with dropout {network.spec.dropout:g}" if network.spec.dropout else ""
    return f"{network.spec.notation} classifies 28x28 grey images into {kind}{dropout}."


def _versions() -> dict[str, str]:
    return {
        "mnistbench": __version__,
        "onnx": onnx.__version__,
        # The local part says how torch was built, which the weights' own hash already covers.
        "torch": importlib.metadata.version("torch").split("+")[0],
    }


def _power_of_ten_above(value: float) -> float:
    """The bound a parity figure stays below; the figure itself varies from machine to machine, and bytes must not."""
    return float(10.0 ** math.ceil(math.log10(value))) if value > 0 else 0.0
