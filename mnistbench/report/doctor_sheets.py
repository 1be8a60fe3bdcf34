"""What a machine is like as sheets: what was found, what each device really ran, and the commands that mend it.

Decides columns and words, looks at nothing.
"""

from __future__ import annotations

import textwrap

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import SEVERITIES, Diagnosis, Finding, ProbeResult

LONGEST_WORD = 40
"""Letters; a path that is longer is broken, since a table cannot do so by itself."""

_SUFFIX = "ExecutionProvider"


def doctor_sheets(diagnosis: Diagnosis) -> list[Sheet]:
    """Findings, then a line for each model on each device."""
    return [findings_sheet(diagnosis), probes_sheet(diagnosis)]


def findings_sheet(diagnosis: Diagnosis) -> Sheet:
    """Everything that was looked at."""
    columns = (Column("what", right=False), Column("state", right=False), Column("found", right=False, lines=True))
    rows = tuple((one_line(found.subject), found.severity, _breakable(found.text)) for found in diagnosis.findings)
    note = "ok; note: worth knowing; missing: optional and not there; problem: broken."
    return Sheet("What was found", columns, rows, note)


def probes_sheet(diagnosis: Diagnosis) -> Sheet:
    """What each device really ran."""
    columns = (
        Column("device", right=False),
        Column("provider", right=False),
        Column("model", right=False, foldable=True),
        Column("state", right=False),
        Column("nodes on", right=False),
        Column("session"),
        Column("labels"),
        Column("logits off"),
    )
    rows = tuple(
        (
            one_line(row.device),
            one_line(row.provider),
            one_line(row.model or units.MISSING),
            row.severity,
            _placement(row),
            units.seconds(row.session_seconds),
            _labels(row),
            _distance(row.max_logit_difference),
        )
        for row in diagnosis.probes
    )
    note = (
        "Nodes of the optimised graph and the provider that each really runs on. Session: making it in a fresh "
        "process. Labels: right answers, which are the CPU provider's; its own are checked against plain digits. "
        "Logits off: largest distance from the CPU provider's."
    )
    return Sheet("What each device ran", columns, rows, note)


def remedy_lines(diagnosis: Diagnosis) -> list[str]:
    """The commands that mend what can be mended, each on a line of its own after a comment that says what it is for.

    A shell takes all of it as it is. The worst comes first; a command stands once.
    """
    worst_first = sorted(diagnosis.findings, key=lambda found: -SEVERITIES.index(found.severity))
    reasons: dict[str, list[Finding]] = {}
    for found in worst_first:
        if found.remedy and found.severity != "ok":
            reasons.setdefault(one_line(found.remedy), []).append(found)
    lines = []
    for remedy, found_ones in reasons.items():
        subjects = ", ".join(dict.fromkeys(one_line(found.subject) for found in found_ones))
        lines += [f"# {subjects} ({found_ones[0].severity})", remedy]
    return lines


def summary_line(diagnosis: Diagnosis) -> str:
    """How many of which kind, in a sentence."""
    counts = [
        (sum(found.severity == severity for found in diagnosis.findings), severity) for severity in reversed(SEVERITIES)
    ]
    told = ", ".join(f"{number} {severity}" for number, severity in counts if number)
    verdict = "Nothing is broken" if diagnosis.is_sound else "Something is broken"
    return f"{verdict}: {told}."


def _placement(row: ProbeResult) -> str:
    if not row.node_placement:
        return units.MISSING
    return ", ".join(
        f"{count}×{one_line(name).removesuffix(_SUFFIX)}" for name, count in sorted(row.node_placement.items())
    )


def _labels(row: ProbeResult) -> str:
    if row.label_differences is None:
        return units.MISSING
    return f"{row.num_images - row.label_differences} of {row.num_images}"


def _distance(value: float | None) -> str:
    return units.MISSING if value is None else f"{value:.2g}"


def _breakable(text: str) -> str:
    """The text on one line, with words cut that no column is wide enough for."""
    return " ".join(
        "\n".join(textwrap.wrap(word, LONGEST_WORD, break_on_hyphens=False)) for word in one_line(text).split(" ")
    )
