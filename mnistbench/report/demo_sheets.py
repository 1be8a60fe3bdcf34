"""The networks on the demo page, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnistbench.demo.site import Site
from mnistbench.report.sheet import Column, Sheet
from mnistbench.report.units import count, percent, size


def site_sheet(site: Site, title: str) -> Sheet:
    """What the page has, and when each network is loaded."""
    columns = (
        Column("network", right=False, foldable=True),
        Column("parameters"),
        Column("paper %"),
        Column("ours %"),
        Column("as sent"),
        Column("load", right=False),
    )
    rows = tuple(
        (
            network["id"],
            count(network["num_parameters"]),
            percent(network["paper"]["error"] if network["paper"] else None),
            percent(network["ours"]["error"] if network["ours"] else None),
            size(network["bytes"]),
            "first" if network["first"] else "later",
        )
        for network in site.networks
    )
    note = f"First load {size(site.first_load_bytes)}; all {len(site.files)} files {size(site.size_bytes)}."
    return Sheet(title, columns, rows, "\n".join([*_errors_notes(site.networks), note]))


def _errors_notes(networks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the errors are, in the words of the page; whose they are where some have another basis than others."""
    notes = []
    if any(network["paper"] for network in networks):
        notes.append("paper %: the best on the test images over the epochs, so that they chose the epoch.")
    bases: dict[str, list[str]] = {}
    for network in networks:
        if network["ours"]:
            bases.setdefault(network["ours"]["basis"], []).append(network["id"])
    if bases:
        told = [f"{basis} ({', '.join(ids)})" if len(bases) > 1 else basis for basis, ids in bases.items()]
        notes.append(f"ours %: after the last epoch, on the same 10,000 images; {'; '.join(told)}.")
    return notes
