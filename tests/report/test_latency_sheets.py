from __future__ import annotations

import dataclasses

from results_of import latency
from test_results import PROCESS
from test_sheets import OWN, cells

from mnistbench.catalog import find
from mnistbench.report.latency_sheets import latency_sheet, spread


def test_a_latency_that_failed_says_why_below() -> None:
    good, bad = latency(find("64-10")), latency(OWN, device="cuda:1", error="no CUDA libraries", provider=None)
    sheet = latency_sheet([good, bad])
    assert cells(sheet, "session") == ["888 ms", "failed"]
    assert cells(sheet, "p50") == ["888 µs", "–"]
    assert f"{OWN.name}, cuda:1 e2e, batch 10000: no CUDA libraries" in sheet.note
    assert "Mode e2e on CUDAExecutionProvider" in sheet.note


def test_a_noisy_machine_is_mentioned() -> None:
    note = latency_sheet([latency(OWN), latency(OWN, warmup_settled=False)]).note
    assert "1 of 2 did not settle in warm-up" in note
    assert "settle" not in latency_sheet([latency(OWN)]).note


def test_a_percentile_that_is_not_supported_is_a_dash() -> None:
    sheet = latency_sheet([latency(OWN, p90_seconds=None, p99_seconds=None, throughput=None)])
    assert [cells(sheet, head) for head in ("p90", "p99", "images/s")] == [["–"]] * 3


def test_provider_and_mode_stand_there_only_where_they_differ() -> None:
    cpu = latency(OWN, device="cpu", provider="CPUExecutionProvider")
    bound = dataclasses.replace(cpu, mode="bound")
    openvino = dataclasses.replace(cpu, provider=None, error="no device", options={"provider": "openvino"})
    heads = {"plain": [cpu, latency(OWN)], "mode": [cpu, bound], "provider": [cpu, openvino]}
    for name, rows in heads.items():
        shown = {column.head for column in latency_sheet(rows).columns}
        assert shown & {"mode", "provider"} == {name} - {"plain"}
    sheet = latency_sheet([cpu, openvino])
    assert cells(sheet, "provider") == ["cpu", "openvino"]
    assert f"{OWN.name}, cpu openvino e2e, batch 10000: no device" in sheet.note


def test_the_spread_between_processes_is_half_the_interval() -> None:
    row = latency(OWN, p50_seconds=1.0, p50_low_seconds=0.97, p50_high_seconds=1.03, processes=(PROCESS,) * 5)
    assert spread(row) == "3.0"
    assert "5 fresh processes" in latency_sheet([row]).note
    assert "2 to 5 fresh processes" in latency_sheet([row, latency(OWN, processes=(PROCESS,) * 2)]).note
    assert spread(latency(OWN)) == spread(latency(OWN, p50_seconds=0.0, p50_low_seconds=0.0)) == "–"


def test_doubtful_conditions_are_told() -> None:
    busy = [dataclasses.replace(PROCESS, conditions={"cpu_others_fraction": part}) for part in (0.09, 0.3, 0.5)]
    held = dataclasses.replace(PROCESS, conditions={"gpu": {"after": {"throttle_reasons": ["power_cap"]}}})
    note = latency_sheet([latency(OWN, processes=tuple(busy)), latency(OWN, processes=(held,)), latency(OWN)]).note
    assert "In 1 of 3 rows other programs used the processors meanwhile (up to 50%)." in note
    assert "In 1 of 3 rows the GPU's clock was held down meanwhile (power_cap)." in note


def test_a_name_cannot_steer_the_terminal() -> None:
    sheet = latency_sheet([latency(OWN, name="a\nb\x1b[31m"), latency(OWN, name="c", error="line\nline")])
    assert not any("\n" in cell or "\x1b" in cell for row in sheet.rows for cell in row)
    assert "line\\nline" in sheet.note
