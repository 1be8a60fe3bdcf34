"""One page out of several runs: complete in itself, and the same bytes for the same runs.

It loads nothing: its policy forbids the browser to, and lets only the style and
the script run whose hashes it names.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from mnistbench._version import __version__
from mnistbench.errors import InputError
from mnistbench.report.html.markup import Markup, element, join, name, phrase
from mnistbench.report.html.rows import Page, gather
from mnistbench.report.html.sections import sections
from mnistbench.report.html.setups import run_letter
from mnistbench.report.html.style import SCRIPT, STYLE
from mnistbench.results import BenchRun

TITLE = "Latency report"


def report_page(runs: Sequence[tuple[str, BenchRun]]) -> str:
    """The whole page.

    Args:
        runs: What to call each run, such as its file's name, and the run.

    Raises:
        InputError: When no result has a median.
    """
    page = gather(runs)
    if not page.rows:
        raise InputError(_nothing(page))
    parts = sections(page)
    links = (element("li", element("a", part.title, href=f"#{part.key}")) for part in parts)
    body = element(
        "body",
        element("header", element("h1", TITLE), _subtitle(page)),
        element("nav", element("ul", *links), aria_label="Contents"),
        element("main", *(element("section", element("h2", p.title), *p.content, id=p.key) for p in parts)),
        element("footer", element("p", f"Written by mnistbench {__version__}.")),
        element("script", Markup(SCRIPT)),
    )
    return f"<!DOCTYPE html>\n{element('html', _head(), body, lang='en')}\n"


def _head() -> Markup:
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", TITLE),
        element("style", Markup(STYLE)),
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _subtitle(page: Page) -> Markup:
    """Each run by its name, and when it was started."""
    parts = []
    for position, (title, run) in enumerate(page.runs):
        letter = f"{run_letter(position)}: " if len(page.runs) > 1 else ""
        when = (", ", name(str(run.started))) if run.started else ()
        parts.append(phrase(letter, name(title), *when))
    return element("p", join(parts, "; "), class_="quiet")


def _nothing(page: Page) -> str:
    names = ", ".join(title for title, _ in page.runs) or "no file"
    found = [failure.reason for failure in page.failures] + ["too few calls for a median"] * len(page.without_median)
    reasons = list(dict.fromkeys(found))
    why = f": {reasons[0]}" if reasons else ""
    more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
    what = "median" if page.without_median else "figure"
    return f"no result in {names} has a {what} to show{why}{more}; measure with 'mnistbench bench NAMES --output FILE'"
