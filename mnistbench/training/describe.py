"""What a published model says of itself: its file name, its metadata, its entry in the manifest."""

from __future__ import annotations

import importlib.metadata
import json
import math
from typing import Any

import onnx

from mnistbench._version import __version__
from mnistbench.artifacts import ModelEntry
from mnistbench.catalog import Network
from mnistbench.precisions import PLAIN
from mnistbench.results import TrainingResult
from mnistbench.training.acceptance import Closeness
from mnistbench.training.description import LABELS, errors_metadata, errors_metrics, file_facts, general_metadata
from mnistbench.training.gate import Parity
from mnistbench.training.graph import InputDtype
from mnistbench.training.variants import Variant

_IN_WORDS = {
    "fp16": "in float16",
    "int8": "in signed 8-bit integers",
    "web": "in unsigned 8-bit integers, for browsers",
}


def file_name(network: Network, input_dtype: InputDtype, precision: str = PLAIN) -> str:
    """Name of the ONNX file of a network."""
    departures = [text for text, usual in ((precision, PLAIN), (input_dtype, "uint8")) if text != usual]
    return "-".join([network.name, *departures]) + ".onnx"


def metadata(
    network: Network,
    result: TrainingResult,
    measured: Parity | Closeness,
    input_dtype: InputDtype,
    variant: Variant | None = None,
) -> dict[str, str]:
    """The model's metadata properties; no date, so that the bytes stay reproducible.

    A model in fp32 does not name its precision: such files were published before there were others, and the same
    weights give the same bytes as then.

    Args:
        network: The network.
        result: Of its training.
        measured: On the test images: parity with torch, or closeness to the model in fp32.
        input_dtype: What the model takes.
        variant: The model, when it is not in fp32.
    """
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
        **errors_metadata(measured.num_errors, measured.num_images),
        "parity_images": str(measured.num_images),
        "parity_label_differences": str(measured.label_differences),
        "parity_logit_difference_below": f"{_power_of_ten_above(measured.max_logit_difference):g}",
        "weights_sha256": result.weights_sha256,
        "versions": json.dumps(_versions(), sort_keys=True),
        **(_variant_metadata(variant, measured) if variant is not None and isinstance(measured, Closeness) else {}),
    }
    description = _description(network, result, PLAIN if variant is None else variant.precision)
    return general_metadata(description, own, input_dtype=input_dtype)


def _variant_metadata(variant: Variant, closeness: Closeness) -> dict[str, str]:
    """What a model in another precision says besides, or instead: parity is with the same weights in fp32."""
    calibration = variant.calibration or {}
    return {
        "precision": variant.precision,
        "parity_reference": PLAIN,
        "error_difference_points": f"{100 * closeness.error_difference:+.4f}",
        **{f"calibration_{key}": str(value) for key, value in calibration.items()},
    }


def make_entry(
    network: Network,
    result: TrainingResult,
    measured: Parity | Closeness,
    input_dtype: InputDtype,
    variant: Variant,
    model: onnx.ModelProto,
    content: bytes,
) -> ModelEntry:
    """What the manifest says of a model.

    Args:
        network: The network.
        result: Of its training.
        measured: As in :func:`metadata`.
        input_dtype: What the model takes.
        variant: Its precision and how it was calibrated.
        model: As it is published.
        content: Its bytes.
    """
    parity: dict[str, Any] = {
        "num_images": measured.num_images,
        "label_differences": measured.label_differences,
        "max_logit_difference": measured.max_logit_difference,
    }
    if isinstance(measured, Closeness):
        parity |= {"reference": PLAIN, "error_difference": measured.error_difference}
    kept = ("recipe", "seed", "epochs", "batch_size", "precision", "selection", "selected_epoch", "job")
    return ModelEntry(
        name=network.name,
        file=file_name(network, input_dtype, variant.precision),
        precision=variant.precision,
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
            measured.num_errors, measured.num_images, dataset=result.dataset, dataset_sha256=result.dataset_sha256
        ),
        parity=parity,
        calibration=variant.calibration,
        versions=_versions(),
    )


def _description(network: Network, result: TrainingResult, precision: str) -> str:
    kind = "MNIST handwritten digits" if result.dataset == "mnist" else f"ten classes of the dataset {result.dataset}"
    dropout = f", trained with dropout {network.spec.dropout:g}" if network.spec.dropout else ""
    computed = "" if precision == PLAIN else f"; computes {_IN_WORDS[precision]}"
    return f"{network.spec.notation} classifies 28x28 grey images into {kind}{dropout}{computed}."


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
