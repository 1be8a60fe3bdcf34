"""Reads the template files that come with the package, and fills in their marked places.

A marked place is ``@@WORD@@``. Templates are files in their own languages; everything that a program can read at run
time, such as the labels, it reads, so that few places are left to fill.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

_MARKED = re.compile(r"@@([A-Z_]+)@@")


def filled(template: str, values: Mapping[str, str]) -> bytes:
    """A template's text with its marked places filled in.

    Args:
        template: Path below ``templates``, such as ``python/predict.py``.
        values: Text by the word of its place; words that the template does not have are passed over.

    Raises:
        KeyError: When a place has no value, which is a mistake in this package.
    """
    text = files("mnistbench.embed").joinpath("templates", *template.split("/")).read_text(encoding="utf-8")
    return _MARKED.sub(lambda match: values[match[1]], text).encode()


def plain_files(folder: str, names: Mapping[str, str] | tuple[str, ...], values: Mapping[str, str]) -> dict[str, bytes]:
    """Several templates of one folder, filled in.

    Args:
        folder: Below ``templates``.
        names: Names of templates; a mapping gives each file's path in the kit by the template's name.
        values: As for :func:`filled`.
    """
    paths = names if isinstance(names, Mapping) else {name: name for name in names}
    return {path: filled(f"{folder}/{name}", values) for name, path in paths.items()}
