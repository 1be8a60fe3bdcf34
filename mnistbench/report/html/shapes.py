"""The shapes that a model was given: a file that was called with several is as many models on a page.

Files can be edited by hand, and options are not checked when they are read: what
stands here is text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnistbench.report.html.setups import as_mapping, for_people
from mnistbench.results import LatencyResult
from mnistbench.runtime.input_plan import LAYOUTS

Shapes = tuple[tuple[str, str], ...]
"""Name and shape of each input, by name: ``(("x", "[N, 3, 224, 224]"),)``, where N is the batch."""

NOT_NOTED = "[shape not noted]"


def given_shapes(result: LatencyResult) -> Shapes:
    """What the timed calls gave the model; empty where the file does not say.

    A model that reads digits has a layout, which is a shape like any other.
    """
    given = as_mapping(result.options.get("input"))
    shapes = as_mapping(given.get("shapes"))
    layout = given.get("layout")
    if not shapes and isinstance(layout, str) and layout in LAYOUTS:
        has_batch, image = LAYOUTS[layout]
        shapes = {str(given.get("name")): [None] * has_batch + list(image)}
    return tuple(sorted((name, _in_words(sizes)) for name, sizes in shapes.items()))


def told_apart(every: Sequence[Shapes]) -> list[str]:
    """Each of several, all different, in as few words as tell it from the others: ``[N, 3, 224, 224]``.

    Inputs are named where there are several; those that never differ are left out.
    """
    known = [dict(shapes) for shapes in every]
    names = list(dict.fromkeys(name for shapes in known for name in shapes))
    kinds = {name: len({shapes.get(name) for shapes in known}) for name in names}
    different = [name for name in names if kinds[name] > 1]
    chosen = next(([name] for name in different if kinds[name] == len(known)), different)
    words = []
    for shapes in known:
        parts = [f"{name} {shapes[name]}" if len(names) > 1 else shapes[name] for name in chosen if name in shapes]
        words.append(" ".join(parts) or NOT_NOTED)
    return words


def _in_words(sizes: Any) -> str:
    if not isinstance(sizes, list | tuple):
        return f"[{for_people(sizes)}]"
    return f"[{', '.join('N' if size is None else for_people(size) for size in sizes)}]"
