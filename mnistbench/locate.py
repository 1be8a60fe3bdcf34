"""Which ONNX file a text means: a path, a network's name or a group, in one of several zoos.

Loads no model; what a manifest vouches for is verified before it is handed out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mnistbench import catalog
from mnistbench.artifacts import ModelFile, as_exported, called, read_manifest, verify
from mnistbench.errors import ArtifactError, ModelNotExportedError, UnknownNetworkError
from mnistbench.precisions import PLAIN, PRECISIONS, check_precision, split_precision


def locate(text: str, zoos: Sequence[Path], *, dropout: float | None = None, precision: str | None = None) -> ModelFile:
    """The ONNX file that a path or a network's name means.

    Args:
        text: A path that exists or ends in ``.onnx``, or anything that :func:`catalog.find` takes, which
            ``@int8`` and the like may follow; without that, a name means the model in ``fp32``. Or the name of a
            zoo's entry that is no network's, such as an ensemble's.
        zoos: Folders to look in, the first that has the network in this precision wins.
        dropout: As for :func:`catalog.find`.
        precision: One of :data:`mnistbench.precisions.PRECISIONS`, in place of what may follow the name.

    Raises:
        UnknownNetworkError: When it is neither a file nor a network, or no such precision.
        NotationError: When it is a notation that cannot be used.
        ArtifactError: When the network is in no zoo, or its file is damaged.
    """
    wanted = None if precision is None else check_precision(precision)
    path = Path(text)
    if path.suffix.lower() == ".onnx" or os.path.isfile(text):
        if wanted is not None:
            raise ArtifactError(f"{text} is a file, which has a precision already; leave {wanted} out, or give a name")
        return ModelFile(path, path.stem)
    name, said = split_precision(text)
    if None not in (wanted, said) and wanted != said:
        raise ArtifactError(f"{text} says {said}, but {wanted} is asked for; give one of them")
    wanted = wanted or said or PLAIN
    try:
        network = catalog.find(name, dropout=dropout)
    except UnknownNetworkError as error:
        if os.path.isdir(text):
            raise ArtifactError(f"{text} is a folder; name an ONNX file in it") from None
        if len(path.parts) > 1:
            raise ArtifactError(f"no such file: {text}") from None
        for folder in zoos:
            for entry in read_manifest(folder):
                if entry.name == text:
                    return ModelFile(verify(folder, entry), entry.name, entry)
        raise UnknownNetworkError(f"{error} (nor is it a file)") from None
    for folder in zoos:
        entries = [e for e in read_manifest(folder) if (e.name, e.precision) == (network.name, wanted)]
        # Several files of one network may differ in their input; the contract's own comes first.
        for entry in sorted(entries, key=lambda e: e.input_dtype != "uint8"):
            return ModelFile(verify(folder, entry), called(entry.name, entry.precision), entry)
    raise ModelNotExportedError(
        f"no ONNX file of {network.name}{'' if wanted == PLAIN else f' in {wanted}'} in "
        f"{' or '.join(str(folder) for folder in zoos)}; run: mnistbench train {network.name} && "
        f"mnistbench export {as_exported(network.name, wanted)}"
    )


def locate_precisions(text: str, zoos: Sequence[Path], *, dropout: float | None = None) -> tuple[ModelFile, ...]:
    """The files of one network in every precision that the first zoo with the network has, ``fp32`` first.

    Args:
        text: As for :func:`locate`, but no path, and nothing behind an ``@``.
        zoos: Folders to look in.
        dropout: As for :func:`catalog.find`.

    Raises:
        MnistbenchError: As :func:`locate`.
    """
    network = catalog.find(text, dropout=dropout)
    for folder in zoos:
        there = {entry.precision for entry in read_manifest(folder) if entry.name == network.name}
        found = [locate(network.name, [folder], precision=one) for one in PRECISIONS if one in there]
        if found:
            return tuple(found)
    return (locate(network.name, zoos),)


def is_group(text: str) -> bool:
    """Whether a text stands for several models: a group such as ``table4`` or ``table4@int8``, and no file.

    Raises:
        UnknownNetworkError: As :func:`split_precision`.
    """
    return not os.path.isfile(text) and split_precision(text)[0].strip().lower() in catalog.GROUPS


def locate_all(
    texts: Iterable[str],
    zoos: Sequence[Path],
    *,
    dropout: float | None = None,
    on_missing: Callable[[str], None] | None = None,
) -> tuple[ModelFile, ...]:
    """As :func:`locate` for several texts, where a group such as ``table4`` stands for its networks.

    A group's networks that are in no zoo are passed over, as long as one is; ``on_missing`` is told what each
    would be called.

    Raises:
        MnistbenchError: As :func:`locate`.
    """
    found: dict[Path, ModelFile] = {}
    for text in texts:
        if text.lower().endswith(".onnx") or not is_group(text):
            model = locate(text, zoos, dropout=dropout)
            found.setdefault(model.path, model)
            continue
        group, precision = split_precision(text)
        missing: list[str] = []
        networks = catalog.resolve([group], dropout=dropout)
        for network in networks:
            try:
                model = locate(network.name, zoos, precision=precision)
            except ModelNotExportedError:
                missing.append(network.name)
                continue
            found.setdefault(model.path, model)
        if len(missing) == len(networks):
            raise _none_exported(group, missing, zoos, dropout=dropout, precision=precision)
        if on_missing is not None:
            for name in missing:
                on_missing(called(name, precision))
    return tuple(found.values())


def _none_exported(
    group: str, networks: Sequence[str], zoos: Sequence[Path], *, dropout: float | None, precision: str | None
) -> ModelNotExportedError:
    """The error of a group without any file, which names it and what makes all of them."""
    wanted = precision or PLAIN
    kind = "" if wanted == PLAIN else f" in {wanted}"
    # With another dropout the group's name would train others.
    texts = group if dropout is None else " ".join(networks)
    return ModelNotExportedError(
        f"no ONNX file of any of the {len(networks)} networks of {group}{kind} ({', '.join(networks)}) in "
        f"{' or '.join(str(folder) for folder in zoos)}; run: mnistbench train {texts} && "
        f"mnistbench export {as_exported(texts, wanted)}"
    )
