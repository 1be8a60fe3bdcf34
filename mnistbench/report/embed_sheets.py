"""Kits that were written, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.embed.kits import Kit
from mnistbench.report.sheet import Column, Sheet
from mnistbench.report.units import size


def kits_sheet(kits: Sequence[Kit], name: str) -> Sheet:
    """How much there is of each kit."""
    columns = (Column("target", right=False), Column("files"), Column("size"))
    rows = tuple((kit.target, str(len(kit.files)), size(kit.size_bytes)) for kit in kits)
    return Sheet(f"Kits around {name}", columns, rows)
