"""Kits as a table."""

from __future__ import annotations

from pathlib import Path

from mnistbench.embed.kits import Kit
from mnistbench.report.embed_sheets import kits_sheet


def test_a_row_for_each_kit():
    kits = (Kit("node", Path("x/node"), ("README.md", "a"), 12_300), Kit("cpp", Path("x/cpp"), (), 0))
    sheet = kits_sheet(kits, "16-10")
    assert sheet.title == "Kits around 16-10"
    assert [column.head for column in sheet.columns] == ["target", "files", "size"]
    assert [row[:2] for row in sheet.rows] == [("node", "2"), ("cpp", "0")]
    assert "kB" in sheet.rows[0][2]
