"""Two models on the same images as a sheet. Decides words, measures nothing."""

from __future__ import annotations

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet
from mnistbench.results import ComparisonResult


def comparison_sheet(result: ComparisonResult) -> Sheet:
    """Who is wrong where, with the verdict of McNemar's test below."""
    columns = (Column("", right=False), Column("B right"), Column("B wrong"))
    rows = (
        ("A right", units.count(result.both_right), units.count(result.only_b_wrong)),
        ("A wrong", units.count(result.only_a_wrong), units.count(result.both_wrong)),
    )
    a, b = result.a.name, result.b.name
    verdict = {None: "no difference shown at 5%", "a": "A is better", "b": "B is better"}[result.better]
    p_value = f"= {result.p_value:.2g}" if result.p_value >= 0.0001 else "< 0.0001"
    note = (
        f"Verdict: {verdict} (McNemar's exact test, p {p_value}).\n"
        f"The answers differ on {units.count(result.answers_differ)} of {units.count(result.a.num_images)} images."
    )
    return Sheet(f"A: {a}, B: {b}", columns, rows, note)
