"""The networks on the demo page, as a table."""

from __future__ import annotations

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
    return Sheet(title, columns, rows, note)
