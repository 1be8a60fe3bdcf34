"""What every picture is made of: a file with its own style, boxes, lines and centred words. Knows nothing of networks.

The picture brings its own paper: a viewer may be dark where the system is light.

Source: the colours are those of Okabe and Ito 2008.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.report.html.markup import Markup, element, join, number

LETTER = 7.6
"""Width of a letter on average, at the size of the text."""

LINE = 17.0
"""From one line of text to the next."""

_STYLE = """
text{font:14px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:#1b1f24}
.quiet{fill:#5a6472}.paper{fill:#fff}.line{fill:none;stroke:#5a6472}.head{fill:#5a6472}
.map{fill:#dcebf7;stroke:#0072b2}.patch{fill:none;stroke:#d55e00}.ray{fill:none;stroke:#d55e00;stroke-opacity:.55}
.bar{fill:#fbe3d3;stroke:#d55e00}.tick{fill:none;stroke:#d55e00;stroke-opacity:.35}.fan{fill:#d55e00;fill-opacity:.1}
.cell{fill:none;stroke:#d5dae1}.right{fill:#0072b2}.wrong{fill:#d55e00}
@media (prefers-color-scheme:dark){text{fill:#e6e9ed}.quiet{fill:#9aa5b3}.paper{fill:#14181d}.line{stroke:#9aa5b3}
.head{fill:#9aa5b3}.map{fill:#1c3144;stroke:#56b4e9}.patch{stroke:#e8702a}.ray{stroke:#e8702a}
.bar{fill:#3d2a1e;stroke:#e8702a}.tick{stroke:#e8702a}.fan{fill:#e8702a;fill-opacity:.16}.cell{stroke:#353d48}
.right{fill:#56b4e9}.wrong{fill:#e8702a}}
"""


def picture(width: float, height: float, title: str, description: str, *content: str) -> str:
    """A whole SVG file.

    Args:
        width: In pixels, at its natural size.
        height: Likewise.
        title: In a few words, for whoever cannot see it.
        description: What it shows, for whoever cannot see it.
        content: What is drawn on the paper.
    """
    drawn = element(
        "svg",
        element("title", title, id="title"),
        element("desc", description, id="desc"),
        element("style", Markup(_STYLE)),
        box(0, 0, width, height, "paper"),
        *content,
        xmlns="http://www.w3.org/2000/svg",
        width=float(width),
        height=float(height),
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_labelledby="title desc",
    )
    return drawn + "\n"


def box(x: float, y: float, width: float, height: float, class_: str, **attributes: str) -> Markup:
    """A rectangle from its upper left corner."""
    path = f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h{number(-width)}z"
    return element("path", class_=class_, d=path, **attributes)


def polyline(points: Sequence[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """Straight lines from point to point."""
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", class_=class_, d=path + ("z" if closed else ""))


def arrow(x: float, y: float, length: float) -> Markup:
    """A horizontal arrow that points to the right."""
    tip = x + length
    head = [(tip, y), (tip - 8, y - 4), (tip - 8, y + 4)]
    return join((polyline([(x, y), (tip - 7, y)], "line"), polyline(head, "head", closed=True)))


def words(x: float, y: float, lines: Sequence[str], class_: str | None = None) -> Markup:
    """Lines of text below each other, centred at ``x``; the first one's baseline is ``y``."""
    return join(
        element("text", line, x=float(x), y=float(y + LINE * index), text_anchor="middle", class_=class_)
        for index, line in enumerate(lines)
    )


def words_width(lines: Sequence[str]) -> float:
    """How wide lines of text are at most."""
    return LETTER * max(map(len, lines), default=0)
