"""An HTML table in a box of its own that scrolls where a screen is narrower. Knows nothing of what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.report import units
from mnistbench.report.html.markup import NOTHING, Markup, element, join
from mnistbench.report.html.markup import name as name_markup


@dataclass(frozen=True)
class Head:
    """Head of a column.

    Attributes:
        text: What it says.
        right: Whether cells stand right, as numbers do.
        title: Shown under the pointer.
    """

    text: str
    right: bool = True
    title: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: As shown.
        value: What the column is sorted by, where it is not the text.
        name: Whether it names the row.
        strong: Whether it stands out.
        note: Smaller, behind the text.
        below: Smaller, on a line of its own.
    """

    text: str
    value: float | None = None
    name: bool = False
    strong: bool = False
    note: str = ""
    below: str = ""


def table(caption: str, heads: Sequence[Head], rows: Sequence[Sequence[Cell]], *, class_: str = "") -> Markup:
    """The table with its caption; every row has a cell for each head.

    Args:
        caption: What it shows, in a few words.
        heads: Of the columns.
        rows: Cells; a column can be sorted by a click where the page's script runs.
        class_: For the style; ``sortable`` lets the script sort it.
    """
    top = element("tr", *(_head(head) for head in heads))
    body = join(element("tr", *(_cell(head, cell) for head, cell in zip(heads, row, strict=True))) for row in rows)
    whole = element(
        "table",
        element("caption", caption),
        element("thead", top),
        element("tbody", body),
        class_=class_ or None,
    )
    # The box takes the keyboard's focus, or nobody could scroll it without a pointer.
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _head(head: Head) -> Markup:
    return element("th", head.text, scope="col", class_=None if head.right else "left", title=head.title or None)


def _cell(head: Head, cell: Cell) -> Markup:
    shown = name_markup(cell.text) if cell.name else element("b", cell.text) if cell.strong else cell.text
    note = join((" ", element("small", cell.note))) if cell.note else NOTHING
    below = join((" ", element("small", cell.below, class_="below"))) if cell.below else NOTHING
    value = None if cell.value is None else f"{cell.value:.6g}"
    if cell.name:
        return element("th", shown, note, below, scope="row")
    quiet = "quiet" if cell.text == units.MISSING else None
    classes = " ".join(filter(None, (None if head.right else "left", quiet))) or None
    return element("td", shown, note, below, class_=classes, data_value=value)
