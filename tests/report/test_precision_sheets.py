from __future__ import annotations

import io

from rich.console import Console

from mnistbench.catalog import NETWORKS
from mnistbench.precisions import PRECISIONS
from mnistbench.report.precision_sheets import precision_sheets
from mnistbench.report.terminal import print_sheet
from mnistbench.results import PrecisionResult


def row(**changes: object) -> PrecisionResult:
    values: dict[str, object] = {
        "name": "64-10",
        "precision": "int8",
        "file": "64-10-int8.onnx",
        "sha256": "ab" * 32,
        "size_bytes": 54_321,
        "device": "cpu",
        "provider": "cpu",
        "batch_size": 1,
        "num_images": 10_000,
        "num_errors": 220,
        "error_rate": 0.022,
        "error_rate_low": 0.02,
        "error_rate_high": 0.03,
        "error_difference": 0.0003,
        "p50_seconds": 20e-6,
        "p50_low_seconds": 19e-6,
        "p50_high_seconds": 21e-6,
        "speed": 0.875,
    }
    return PrecisionResult(**(values | changes))


def test_losses_are_shown_as_gains_are() -> None:
    judged = {"error_difference": -0.0001, "speed": 2.0, "undisturbed_speed": 1.75}
    rows = [row(), *(row(**judged, verdict=verdict) for verdict in ("FASTER", "UNCLEAR"))]
    (sheet,) = precision_sheets(rows)
    assert sheet.rows == (
        ("64-10", "int8", "54.3 kB", "2.20", "+0.03", "1", "20.0 µs", "5.0", "0.88×?"),
        ("64-10", "int8", "54.3 kB", "2.20", "-0.01", "1", "20.0 µs", "5.0", "1.75×"),
        ("64-10", "int8", "54.3 kB", "2.20", "-0.01", "1", "20.0 µs", "5.0", "1.75×?"),
    )
    assert "?: noise may explain it." in sheet.note
    assert "?:" not in precision_sheets(rows[1:2])[0].note
    assert "on 10,000 test images" in sheet.note
    assert "below 1 is slower" in sheet.note
    assert "no model of the same weights" not in sheet.note


def test_each_place_has_its_sheet_and_the_last_the_notes() -> None:
    rows = [row(), row(device="cuda:0", provider="cuda"), row(provider="openvino")]
    sheets = precision_sheets(rows)
    assert [sheet.title for sheet in sheets] == [
        "Precisions on cpu",
        "Precisions on cuda:0",
        "Precisions on cpu by openvino",
    ]
    assert [bool(sheet.note) for sheet in sheets] == [False, False, True]
    assert precision_sheets([]) == []


def test_what_is_missing_is_told() -> None:
    failed = row(error="no\nkernel", p50_seconds=None, p50_low_seconds=None, speed=None)
    unknown = row(error="cannot run", error_rate=None, num_images=None, error_difference=None)
    alone = row(error_difference=None, speed=None)
    (sheet,) = precision_sheets([failed, unknown, alone])
    assert [cells[3:] for cells in sheet.rows] == [
        ("2.20", "+0.03", "1", "failed", "–", "–"),
        ("failed", "–", "1", "20.0 µs", "5.0", "0.88×?"),
        ("2.20", "–", "1", "20.0 µs", "5.0", "–"),
    ]
    assert sheet.note.startswith("64-10 in int8 on cpu: no\\nkernel\n64-10 in int8 on cpu: cannot run\n")
    assert sheet.note.endswith("– where the zoo has no model of the same weights in fp32.")


def test_it_fits_into_80_columns() -> None:
    wide = {"size_bytes": 12_740_000, "batch_size": 10_000, "error_rate": 0.8865, "error_difference": 0.8123}
    wide |= {"p50_seconds": 0.888, "p50_low_seconds": 0.1, "p50_high_seconds": 0.9, "speed": 100.25}
    for network in NETWORKS:
        console = Console(file=io.StringIO(), width=80)
        for sheet in precision_sheets([row(name=network.name, precision=one, **wide) for one in PRECISIONS]):
            print_sheet(sheet, console)
        text = console.file.getvalue()
        assert max(map(len, text.splitlines())) <= 80
        assert "100.25×" in text
        assert "…" not in text
