"""All kinds of kits by name, and the one function that writes some of them into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistbench.embed.folder import write_folder
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.targets.browser import browser_files
from mnistbench.embed.targets.cpp import cpp_files
from mnistbench.embed.targets.huggingface import huggingface_files
from mnistbench.embed.targets.kserve import kserve_files
from mnistbench.embed.targets.node import node_files
from mnistbench.embed.targets.python import python_files
from mnistbench.embed.targets.triton import triton_files

TARGETS: dict[str, Callable[[EmbeddedModel, Golden], dict[str, bytes]]] = {
    "python": python_files,
    "browser": browser_files,
    "node": node_files,
    "cpp": cpp_files,
    "triton": triton_files,
    "kserve": kserve_files,
    "huggingface": huggingface_files,
}


@dataclass(frozen=True)
class Kit:
    """A kit that was written.

    Attributes:
        target: A key of ``TARGETS``.
        folder: Where it is.
        files: Paths in the folder, sorted.
        size_bytes: Of all files together.
    """

    target: str
    folder: Path
    files: tuple[str, ...]
    size_bytes: int


def write_kits(
    model: EmbeddedModel, golden: Golden, targets: Sequence[str], folder: Path, *, force: bool = False
) -> tuple[Kit, ...]:
    """Write kits: one into the folder itself, several into a folder each in it.

    Args:
        model: The model that they are made around.
        golden: Its golden vectors.
        targets: Keys of ``TARGETS``, each once.
        folder: New or empty, unless ``force``.
        force: Whether files of the same names are replaced in a folder that is not empty; others stay.

    Raises:
        ArtifactError: When the folder is in use, or a file of another precision is damaged.
        OSError: When the folder cannot be written; nothing is left in it then.
    """
    parts = {target: "" if len(targets) == 1 else f"{target}/" for target in targets}
    contents = {target: TARGETS[target](model, golden) for target in targets}
    together = {parts[target] + path: content for target in targets for path, content in contents[target].items()}
    write_folder(folder, together, force=force)
    return tuple(
        Kit(target, folder / parts[target], tuple(sorted(files)), sum(map(len, files.values())))
        for target, files in contents.items()
    )
