"""``mnistbench breakdown`` on a bundled model, as short as can be; no figure is judged."""

from __future__ import annotations

import json

import pytest
from latency_models import write_other

from mnistbench.cli.breakdown import find_rivals
from mnistbench.results import SCHEMA_VERSION, BreakdownResult, BreakdownRun, CrossingResult
from mnistbench.runtime.devices import CPU, resolve_device

MODEL = "64-64-10"
SHORT = ("--quick", "--processes", 1, "--batch", 1, "--threads", 1)
NOWHERE = {"CUDA_VISIBLE_DEVICES": "-1"}


def test_one_document_and_nothing_else(cli, tmp_path):
    file = tmp_path / "apart.json"
    outcome = cli("breakdown", MODEL, *SHORT, "--json", "--output", file, **NOWHERE).succeeds()
    document = outcome.json
    assert (document["schema_version"], document["kind"]) == (SCHEMA_VERSION, "breakdown_run")
    assert document["environment"]["kind"] == "environment"
    assert document["crossings"] == []
    assert json.loads(json.dumps(BreakdownRun.from_dict(document).as_dict())) == document
    assert "no GPU is here" in document["no_crossings_because"]
    (row,) = document["breakdowns"]
    found = BreakdownResult.from_dict(row)
    assert (found.name, found.batch_size, found.provider) == (MODEL, 1, "CPUExecutionProvider")
    assert (found.error, found.problems, found.kernel_clock) == (None, (), "host")
    assert [operator.layer for operator in found.operators if operator.layer] == ["fc1", "fc2", "fc3"]
    total = found.floor_seconds + found.operators_seconds + found.other_seconds
    assert found.p50_seconds == pytest.approx(total)
    assert json.loads(file.read_text(encoding="utf-8")) == document


def test_tables_fit_80_columns_and_a_broken_file_does_not_stop_the_others(cli, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    outcome = cli("breakdown", broken, MODEL, *SHORT, **NOWHERE)
    assert outcome.code == 3
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "\x1b" not in outcome.out
    for text in ("64-64-10 on cpu, batch 1", "fused fc1", "other", "Failed", "no GPU is here"):
        assert text in outcome.out
    cli("breakdown", broken, *SHORT).fails_with("broken.onnx")


def test_a_model_of_another_kind_is_given_tensors(cli, tmp_path):
    file = write_other(tmp_path / "other.onnx")
    asked = ("breakdown", file, *SHORT, "--json")
    (row,) = cli(*asked, "--shape", "Nx3x8x8", **NOWHERE).succeeds().json["breakdowns"]
    found = BreakdownResult.from_dict(row)
    assert (found.error, found.problems, found.batch_size) == (None, (), 1)
    assert found.operators
    assert found.floor_seconds > 0
    cli(*asked, **NOWHERE).fails_with("--shape")


def test_on_a_gpu_that_is_not_there_it_fails_and_says_why(cli):
    outcome = cli.process("breakdown", MODEL, *SHORT, "--device", "cuda", "--json", env=NOWHERE)
    outcome.fails_with("cuda:0", "NVIDIA", out=outcome.out)
    (row,) = outcome.json["breakdowns"]
    assert (row["provider"], row["operators"]) == (None, [])
    (crossing,) = map(CrossingResult.from_dict, outcome.json["crossings"])
    assert (crossing.device, crossing.faster_device, crossing.overtaking) == ("cpu", "cuda:0", None)
    assert "cuda:0" in crossing.reason


@pytest.mark.parametrize(
    ("devices", "gpus", "pairs"),
    [
        (["cpu"], 0, []),
        (["cpu"], 2, [("cpu", "cuda:0")]),
        (["cuda:1"], 2, [("cpu", "cuda:1")]),
        (["cuda:1", "cpu"], 2, [("cpu", "cuda:1")]),
        (["cpu", "cuda:0", "cuda:1"], 2, [("cpu", "cuda:0"), ("cpu", "cuda:1")]),
    ],
)
def test_who_is_compared_with_whom(monkeypatch, devices, gpus, pairs):
    monkeypatch.setattr("mnistbench.runtime.cuda.count_gpus", lambda: gpus)
    found = find_rivals([resolve_device(device) for device in devices])
    assert [(slow.text, fast.text) for slow, fast in found] == pairs


def test_another_provider_on_the_same_device_is_a_rival():
    openvino = resolve_device("cpu", "openvino")
    assert find_rivals([CPU, openvino]) == [(CPU, openvino)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--batch", "0"), "'0' is not a list of positive integers"),
        (("--batch", ""), "''"),
        (("--processes", "0"), "0"),
        (("--threads", "0"), "0"),
        (("--device", "tpu"), "'tpu'"),
        (("--provider", "magic"), "'magic'"),
        (("--input-range", "bogus"), "'bogus' is not one of"),
    ],
    ids=" ".join,
)
def test_wrong_options_are_wrong_usage(cli, options, text):
    cli("breakdown", MODEL, *options).fails_with(text, code=2)


def test_an_unknown_name(cli):
    cli("breakdown", "lenet6").fails_with("'lenet6'", "did you mean", code=2)


@pytest.mark.parametrize(
    ("crossing", "code", "shown"),
    [
        (
            CrossingResult(
                MODEL, "cpu", "cuda:0", "e2e", (1,), (1.0,), reason="no clear difference", verdicts=("SAME",)
            ),
            0,
            "unclear",
        ),
        (CrossingResult(MODEL, "cpu", "cuda:0", "e2e", reason="no CUDA libraries"), 3, "no CUDA libraries"),
    ],
)
def test_no_clear_difference_is_no_failure(cli, monkeypatch, crossing, code, shown):
    part = BreakdownResult(MODEL, "m.onnx", "", "cpu", 1, p50_seconds=1e-3, options={"provider": "cpu"})

    def measure(_wanted, _files, *, keep, **_):
        keep(part)
        keep(crossing)

    monkeypatch.setattr("mnistbench.measure.breakdown.measure_breakdown", measure)
    outcome = cli("breakdown", MODEL, "--device", "cpu,cuda:0")
    assert (outcome.code, shown in outcome.out) == (code, True)
