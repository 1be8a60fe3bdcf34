from __future__ import annotations

import dataclasses
import io

import pytest
from results_of import latency
from test_results import PROCESS
from test_sheets import OWN, cells

from mnistbench.catalog import find
from mnistbench.report.latency_sheets import latency_sheets, spread
from mnistbench.report.sheet import Sheet
from mnistbench.report.terminal import make_console, print_sheet
from mnistbench.results import LatencyResult


def the_sheet(*rows: LatencyResult) -> Sheet:
    (sheet,) = latency_sheets(rows)
    return sheet


def test_a_latency_that_failed_says_why_below() -> None:
    good, bad = latency(find("64-10")), latency(OWN, error="no CUDA libraries")
    sheet = the_sheet(good, bad)
    assert cells(sheet, "session") == ["888 ms", "failed"]
    assert cells(sheet, "p50") == ["888 µs", "–"]
    assert f"{OWN.name}, cuda:0, mode e2e, batch 10000: no CUDA libraries" in sheet.note
    assert sheet.title == "Latency on cuda:0, mode e2e"


def test_a_noisy_machine_is_mentioned() -> None:
    note = the_sheet(latency(OWN), latency(OWN, warmup_settled=False)).note
    assert "1 of 2 did not settle in warm-up" in note
    assert "settle" not in the_sheet(latency(OWN)).note


def test_a_percentile_that_is_not_supported_is_a_dash() -> None:
    sheet = the_sheet(latency(OWN, p90_seconds=None, p99_seconds=None, throughput=None))
    assert [cells(sheet, head) for head in ("p90", "p99", "images/s")] == [["–"]] * 3


def test_each_way_of_running_has_a_sheet_of_its_own() -> None:
    cpu = latency(OWN, device="cpu", provider="CPUExecutionProvider")
    bound = dataclasses.replace(cpu, mode="bound")
    openvino = dataclasses.replace(cpu, provider=None, error="no device", options={"provider": "openvino"})
    sheets = latency_sheets([cpu, bound, latency(OWN), openvino, cpu])
    assert [(sheet.title, len(sheet.rows)) for sheet in sheets] == [
        ("Latency on cpu, mode e2e", 2),
        ("Latency on cpu, mode bound", 1),
        ("Latency on cuda:0, mode e2e", 1),
        ("Latency on cpu by openvino, mode e2e", 1),
    ]
    assert f"{OWN.name}, cpu by openvino, mode e2e, batch 10000: no device" in sheets[-1].note
    assert not any(sheet.note for sheet in sheets[:-1])
    assert latency_sheets([]) == []


def test_the_spread_between_processes_is_half_the_interval() -> None:
    row = latency(OWN, p50_seconds=1.0, p50_low_seconds=0.97, p50_high_seconds=1.03, processes=(PROCESS,) * 5)
    assert spread(row) == "3.0"
    assert "5 fresh processes" in the_sheet(row).note
    assert "2 to 5 fresh processes" in the_sheet(row, latency(OWN, processes=(PROCESS,) * 2)).note
    assert "± needs" not in the_sheet(row).note
    assert "±: half of p50's 95% interval" in the_sheet(row).note
    assert spread(latency(OWN)) == spread(latency(OWN, p50_seconds=0.0, p50_low_seconds=0.0)) == "–"


def test_a_column_of_dashes_says_what_it_needs() -> None:
    note = the_sheet(latency(OWN, processes=(PROCESS,) * 2)).note
    assert "± needs 3 fresh processes or more." in note
    assert "±: half" not in note
    row = latency(OWN, p50_seconds=1.0, p50_low_seconds=0.97, p50_high_seconds=1.03, processes=(PROCESS,) * 5)
    both = the_sheet(row, latency(OWN)).note
    assert "±: half" in both
    assert "± needs 3" in both


def test_images_a_second_that_do_not_fit_the_median_are_explained() -> None:
    assert "images/s: by the mean call, slow calls included, not by p50." in the_sheet(latency(OWN)).note
    assert "images/s" not in the_sheet(latency(OWN, throughput=None)).note


BOUNDED = {"processes": (PROCESS,) * 3, "percentile_bounds": {"p90": (0.8, 0.9), "p99": (0.8, 0.9)}}
EXPLAINED = "†: without bounds, which need 3 fresh processes with enough calls each."
THERE_ARE_BOUNDS = "The 95% bounds of p90 and p99 are in the file; 'mnistbench report' shows them."


@pytest.mark.parametrize(
    ("changes", "p90", "p99"),
    [
        (BOUNDED, "888 ms", "888 ms"),
        (BOUNDED | {"percentile_bounds": {"p90": (0.8, 0.9)}}, "888 ms", "888 ms†"),
        (BOUNDED | {"processes": (PROCESS,) * 2}, "888 ms†", "888 ms†"),
        (BOUNDED | {"processes": (PROCESS,)}, "888 ms†", "888 ms†"),
        ({"p99_seconds": None}, "888 ms†", "–"),
        ({"p90_seconds": None, "p99_seconds": None}, "–", "–"),
    ],
)
def test_a_percentile_that_nothing_bounds_is_marked(changes, p90, p99) -> None:
    sheet = the_sheet(latency(OWN, **changes))
    assert [cells(sheet, head) for head in ("p90", "p99")] == [[p90], [p99]]
    assert (EXPLAINED in sheet.note) == ("†" in p90 + p99)
    assert (THERE_ARE_BOUNDS in sheet.note) == ("888 ms" in (p90, p99))


def test_a_failed_row_says_nothing_of_bounds() -> None:
    assert "bounds" not in the_sheet(latency(OWN, error="no CUDA libraries")).note
    assert "†" not in the_sheet(latency(OWN, **BOUNDED), latency(OWN, error="no CUDA libraries")).note


def test_the_widest_rows_fit_80_columns() -> None:
    times = ("session_seconds", "first_call_seconds", "p50_seconds", "p90_seconds", "p99_seconds")
    widest = dict.fromkeys(times, 9.99e-3)
    row = latency(find("best"), **widest, p50_low_seconds=0.0, p50_high_seconds=9.99e-3)
    stream = io.StringIO()
    print_sheet(the_sheet(row), make_console(stream))
    table = stream.getvalue().partition("A percentile needs")[0]
    assert table.count("9.99 ms†") == 2
    assert max(map(len, table.split("\n"))) <= 80


def test_doubtful_conditions_are_told() -> None:
    busy = [dataclasses.replace(PROCESS, conditions={"cpu_others_fraction": part}) for part in (0.09, 0.3, 0.5)]
    held = dataclasses.replace(PROCESS, conditions={"gpu": {"after": {"throttle_reasons": ["power_cap"]}}})
    note = the_sheet(latency(OWN, processes=tuple(busy)), latency(OWN, processes=(held,)), latency(OWN)).note
    assert "In 1 of 3 rows other programs used the processors meanwhile (up to 50%)." in note
    assert "In 1 of 3 rows the GPU's clock was held down meanwhile (power_cap)." in note


def test_a_provider_that_chooses_its_precision_is_told() -> None:
    openvino, tensorrt = "OpenVINOExecutionProvider", "TensorrtExecutionProvider"
    rows = [latency(OWN, provider=provider) for provider in (openvino, tensorrt, openvino)]
    note = latency_sheets(rows)[-1].note
    assert note.count("OpenVINO computes in bfloat16") == note.count("TensorRT may round") == 1
    assert "by itself" not in the_sheet(latency(OWN)).note


def test_a_name_cannot_steer_the_terminal() -> None:
    sheet = the_sheet(latency(OWN, name="a\nb\x1b[31m"), latency(OWN, name="c", error="line\nline"))
    assert not any("\n" in cell or "\x1b" in cell for row in sheet.rows for cell in row)
    assert "line\\nline" in sheet.note


def test_the_title_names_the_gpu_that_ran() -> None:
    title = "Latency on cuda:0, mode e2e"
    fast, failed = latency(OWN, gpu_name="NVIDIA H200"), latency(OWN, provider=None, error="no memory")
    assert the_sheet(latency(OWN)).title == title
    # A row that failed is of no GPU, and no sheet of its own.
    failed = dataclasses.replace(failed, options={"provider": "cuda"})
    assert the_sheet(fast, failed, fast).title == f"{title} (NVIDIA H200)"
    assert the_sheet(fast, latency(OWN, gpu_name="Other")).title == f"{title} (NVIDIA H200, Other)"
    assert "\x1b" not in the_sheet(latency(OWN, gpu_name="a\n\x1b[31m")).title
