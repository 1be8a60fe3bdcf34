"""What may be seen of a cache of data at any moment: whole files, or none."""

from __future__ import annotations

from pathlib import Path

from fault_trials.commands import visible


def damaged_cache(cache: Path, originals: Path) -> list[str]:
    """Visible files of a cache that are not, byte for byte, those they were fetched from.

    Args:
        cache: The cache's folder, which need not exist.
        originals: The folder with the files that its source serves, by the same names.
    """
    problems = []
    for path in visible(cache):
        original = originals / path.name
        if not original.is_file():
            problems.append(f"{path.name} is no file of the dataset")
        elif path.read_bytes() != original.read_bytes():
            problems.append(f"{path.name} in the cache is not the original")
    return problems
