"""From several models to one published ONNX file: read, agree, merge, gate, describe, write, list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import onnx

from mnistbench import catalog
from mnistbench._version import __version__
from mnistbench.artifacts import MANIFEST, ModelEntry, ModelFile, publish_model, read_manifest
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ExportError, MnistbenchError
from mnistbench.files import atomic_write
from mnistbench.precisions import MIXED, PLAIN
from mnistbench.runtime.onnx_file import MAX_BYTES
from mnistbench.runtime.onnx_parser import parse_onnx
from mnistbench.training.agreement import (
    MAX_PROBABILITY_DIFFERENCE,
    Agreement,
    Progress,
    compare_with_members,
    require_agreement,
)
from mnistbench.training.description import errors_metadata, errors_metrics, file_facts, general_metadata
from mnistbench.training.graph import check_model, to_bytes
from mnistbench.training.member import Member, read_member
from mnistbench.training.merge import merge_models

COMBINATION = "mean of probabilities"

MAX_MEMBERS = 100
"""More than a call could wait for; a slip of the wildcard rather than an ensemble."""


def export_ensemble(
    files: Sequence[ModelFile], dataset: Dataset, output: Path, *, on_progress: Progress | None = None
) -> ModelEntry:
    """Merge models into one ONNX file, whose probabilities are the mean of theirs.

    The file has the contract of every model here. Where its folder has a manifest, it gets an entry there.

    Args:
        files: The members, at least two.
        dataset: Its test images are what the ensemble and its members are compared on.
        output: The file.
        on_progress: Called after every batch of test images.

    Raises:
        ExportError: When the members do not fit together or the ensemble does not pass the gate; nothing is
            written then.
        ModelError: When a member cannot be read or run.
        ArtifactError: When the manifest beside the file is damaged.
        OSError: When the file cannot be written.
    """
    _require_free(output, files)
    read_manifest(output.parent)  # a damaged one must stop this before a model is written beside it
    members = [read_member(file) for file in files]
    _require_agreeing(members, dataset)
    model = merge_models([member.model for member in members], name="ensemble")
    check_model(model, "the ensemble")
    agreement = compare_with_members(
        to_bytes(model), members, dataset.test_images, dataset.test_labels, on_progress=on_progress
    )
    require_agreement(agreement)

    described = _describe_members(members, agreement)
    onnx.helper.set_model_props(model, _metadata(members, described, dataset, agreement))
    model.doc_string = _description(members, dataset)
    check_model(model, "the ensemble")
    content = to_bytes(model)
    entry = _entry(output, members, described, dataset, agreement, model, content)
    if (output.parent / MANIFEST).is_file():
        publish_model(output.parent, entry, content)
    else:
        atomic_write(output, content)
    return entry


def _require_free(output: Path, files: Sequence[ModelFile]) -> None:
    """Refuse a name that would hide a network's own model, and a file that is read."""
    try:
        taken = catalog.find(output.stem).name == output.stem
    except MnistbenchError:
        taken = False
    if taken:
        raise ExportError(f"{output.name} is what a file of the network {output.stem} is called; choose another name")
    if any(output.resolve() == file.path.resolve() for file in files):
        raise ExportError(f"{output} is one of the members; choose another name for the ensemble")


def _require_agreeing(members: Sequence[Member], dataset: Dataset) -> None:
    """Refuse members that are too few, too many, the same, or made for different classes or images."""
    if not 2 <= len(members) <= MAX_MEMBERS:
        named = f" ({members[0].name})" if members else ""
        raise ExportError(
            f"an ensemble of {len(members)} different models{named} is not possible; name from 2 to {MAX_MEMBERS}, "
            "where one that is named twice counts once"
        )
    if sum(len(member.content) for member in members) > MAX_BYTES - (1 << 20):
        raise ExportError(f"the members together are larger than an ONNX file can be ({MAX_BYTES:,} bytes); name fewer")
    seen: dict[str, Member] = {}
    for member in members:
        other = seen.setdefault(member.sha256, member)
        if other is not member:
            raise ExportError(
                f"{other.source} and {member.source} are the same model (sha256 {member.sha256[:12]}), which a mean "
                "would count twice; name one of them"
            )
        if member.labels != members[0].labels:
            raise ExportError(
                f"{member.source} knows the classes {', '.join(member.labels):.80}, but {members[0].source} "
                f"{', '.join(members[0].labels):.80}; an ensemble needs the same"
            )
        trained_on = member.metadata.get("mnistbench.dataset_sha256")
        if trained_on is not None and trained_on != dataset.sha256:
            raise ExportError(
                f"{member.source} was trained on {member.metadata.get('mnistbench.dataset', 'another dataset')} "
                f"({trained_on[:12]}), but the dataset given is {dataset.name} ({dataset.sha256[:12]}); name members "
                "of one dataset and give it by --data-dir"
            )


def _describe_members(members: Sequence[Member], agreement: Agreement) -> list[dict[str, Any]]:
    return [
        member.as_dict() | {"num_errors": errors, "num_images": agreement.num_images}
        for member, errors in zip(members, agreement.member_errors, strict=True)
    ]


def _metadata(
    members: Sequence[Member], described: list[dict[str, Any]], dataset: Dataset, agreement: Agreement
) -> dict[str, str]:
    own = {
        "name": _joined(member.name for member in members),
        "notation": _joined(member.notation for member in members),
        "num_parameters": str(sum(member.info.num_parameters for member in members)),
        "macs": str(sum(member.macs for member in members)),
        "combination": COMBINATION,
        "members": json.dumps(described, sort_keys=True),
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        **errors_metadata(agreement.num_errors, agreement.num_images),
        "parity_images": str(agreement.num_images),
        "parity_label_differences": str(agreement.label_differences),
        # The limit, not the figure, which varies from machine to machine; bytes must not.
        "parity_probability_difference_below": f"{MAX_PROBABILITY_DIFFERENCE:g}",
        "versions": json.dumps(_versions(), sort_keys=True),
    }
    if (precision := _precision(members)) != PLAIN:  # which no file names
        own["precision"] = precision
    licenses = dict.fromkeys(member.metadata.get("license", "not stated") for member in members)
    return general_metadata(
        _description(members, dataset), own, license_text=" / ".join(licenses), labels=members[0].labels
    )


def _entry(
    output: Path,
    members: Sequence[Member],
    described: list[dict[str, Any]],
    dataset: Dataset,
    agreement: Agreement,
    model: onnx.ModelProto,
    content: bytes,
) -> ModelEntry:
    return ModelEntry(
        name=output.stem,
        file=output.name,
        precision=_precision(members),
        input_dtype="uint8",
        **file_facts(model, content),
        notation=_joined(member.notation for member in members),
        dropout=None,
        num_parameters=parse_onnx(content).num_parameters,
        macs=sum(member.macs for member in members),
        table=None,
        paper_error=None,
        labels=members[0].labels,
        training={"combination": COMBINATION, "members": described},
        metrics=errors_metrics(
            agreement.num_errors, agreement.num_images, dataset=dataset.name, dataset_sha256=dataset.sha256
        ),
        parity={
            "num_images": agreement.num_images,
            "label_differences": agreement.label_differences,
            "max_probability_difference": agreement.max_probability_difference,
        },
        versions=_versions(),
    )


def _precision(members: Sequence[Member]) -> str:
    """The one that all members have, or that they have several."""
    precisions = {member.precision for member in members}
    return precisions.pop() if len(precisions) == 1 else MIXED


def _joined(texts: Iterable[str]) -> str:
    return " + ".join(texts)


def _description(members: Sequence[Member], dataset: Dataset) -> str:
    kind = "MNIST handwritten digits" if dataset.name == "mnist" else f"ten classes of the dataset {dataset.name}"
    return f"The mean of the probabilities of {len(members)} networks classifies 28x28 grey images into {kind}."


def _versions() -> dict[str, str]:
    return {"mnistbench": __version__, "onnx": onnx.__version__}
