"""``bench --executor``: one GPU of each kind; the GPUs are made up, and so are their figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from latencies import failed, row, run

from mnistbench.errors import ProcessError
from mnistbench.results import GpuFacts

FAST = GpuFacts("", "GPU-1", "Fast", "", 700.0, "590", "13.0", "1.31")
TAKEN = dataclasses.replace(FAST, uuid="GPU-3", name="Taken", processes=1)
MEASURED = (row(device="cuda:0"),)
BENCH = ("bench", "16-10", "--batch", 1, "--executor", "pool")


@pytest.fixture
def gpus(monkeypatch):
    """Sets which GPUs there are, and what is measured on each."""

    def set_(*found, rows=MEASURED):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr("mnistbench.measure.lent_gpus.find_gpus", lambda: found)
        monkeypatch.setattr(
            "mnistbench.measure.latency.every_gpu.measure_here",
            lambda tasks, _on_part: ((number, run(*rows), None) for number, _ in enumerate(tasks)),
        )

    return set_


def test_what_was_measured_is_printed_and_kept_and_the_report_shows_it(trained, gpus, tmp_path):
    gpus(FAST, TAKEN)
    target = tmp_path / "every.json"
    outcome = trained(*BENCH, "--output", target)
    assert outcome.code == 3
    assert "Fast, 700 W" in outcome.out
    assert "failed: Taken, 700 W: busy: 1 other process on it" in outcome.err
    kinds = json.loads(target.read_text())["kinds"]
    assert [(kind["gpus"][0]["name"], kind["run"] is None) for kind in kinds] == [("Fast", False), ("Taken", True)]
    trained("report", target, "--output", tmp_path / "page.html").succeeds()
    assert "every.json: Fast" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_gpu_that_is_hidden_is_left_out_with_a_line(trained, gpus, tmp_path, monkeypatch):
    gpus(FAST, dataclasses.replace(FAST, uuid="GPU-2", name="Theirs"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1")
    outcome = trained(*BENCH, "--output", tmp_path / "every.json").succeeds()
    assert "left out: Theirs (GPU-2): hidden by CUDA_VISIBLE_DEVICES" in outcome.err
    assert [kind["gpus"][0]["name"] for kind in json.loads((tmp_path / "every.json").read_text())["kinds"]] == ["Fast"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    trained(*BENCH, "--output", tmp_path / "none.json").fails_with("no NVIDIA GPU was found")


def test_json_is_the_document_of_the_file_without_samples(trained, gpus, tmp_path):
    gpus(FAST)
    document = trained(*BENCH, "--json", "--output", tmp_path / "every.json").succeeds().json
    assert (document["kind"], len(document["kinds"])) == ("bench_gpus", 1)
    assert document["kinds"][0]["run"]["results"][0]["samples_seconds"] == []


@pytest.mark.parametrize(("most", "told"), [(1, True), (100_000, False)])
def test_samples_that_a_file_has_no_room_for_are_told(trained, gpus, tmp_path, monkeypatch, most, told):
    monkeypatch.setattr("mnistbench.bench_files.MOST_SAMPLES", most)
    gpus(FAST, rows=(row(device="cuda:0", processes=(), samples_seconds=(0.1, 0.1)),))
    outcome = trained(*BENCH, "--output", tmp_path / "every.json").succeeds()
    assert ("a file has at most 1 samples, which the GPUs share" in outcome.err) == told
    (kind,) = json.loads((tmp_path / "every.json").read_text())["kinds"]
    assert (kind["run"]["results"][0]["samples_seconds"] == []) == told


def test_busy_gpus_are_measured_when_that_is_allowed(trained, gpus, tmp_path):
    gpus(TAKEN)
    trained(*BENCH, "--output", tmp_path / "x.json").fails_with("busy: 1 other process", "--allow-busy")
    document = trained(*BENCH, "--json", "--allow-busy", "--output", tmp_path / "x.json").succeeds().json
    assert "busy" in document["kinds"][0]["caution"]


def test_what_was_measured_before_an_error_is_shown_beside_it(trained, gpus, tmp_path, monkeypatch):
    gpus(FAST)

    def dies(_tasks, on_part):
        on_part(0, run(*MEASURED, failed("later", device="cuda:0")))
        yield 0, None, ProcessError("it died")

    monkeypatch.setattr("mnistbench.measure.latency.every_gpu.measure_here", dies)
    outcome = trained(*BENCH, "--output", tmp_path / "every.json")
    assert outcome.code == 3
    assert "16-10" in outcome.out
    assert "failed: Fast, 700 W: it died" in outcome.err
    trained("report", tmp_path / "every.json", "--output", tmp_path / "page.html").succeeds()


def test_what_was_measured_before_an_interrupt_is_in_the_file(trained, gpus, tmp_path, monkeypatch):
    gpus(FAST)

    def interrupted(_tasks, on_part):
        on_part(0, run(*MEASURED))
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistbench.measure.latency.every_gpu.measure_here", interrupted)
    outcome = trained(*BENCH, "--output", tmp_path / "every.json")
    assert outcome.code == 130
    assert f"what was measured is kept in {tmp_path / 'every.json'}" in outcome.err
    (kind,) = json.loads((tmp_path / "every.json").read_text())["kinds"]
    assert [one["name"] for one in kind["run"]["results"]] == ["16-10"]
    assert "not finished" in kind["error"]


def test_a_page_of_no_figures_is_refused(trained, gpus, tmp_path):
    gpus(FAST, rows=(failed(device="cuda:0"),))
    trained(*BENCH, "--output", tmp_path / "x.json").fails_with("no CUDA libraries")
    gpus(TAKEN)
    trained(*BENCH, "--output", tmp_path / "y.json").fails_with("busy")
    trained("report", tmp_path / "y.json", "--output", tmp_path / "y.html").fails_with("y.json has no figures", "busy")


def test_a_machine_without_gpus_says_so(trained, gpus, tmp_path):
    gpus()
    trained(*BENCH, "--output", tmp_path / "x.json").fails_with("no NVIDIA GPU")


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (("--executor", "pool", "--device", "cpu"), ("--device", "pool")),
        (("--executor", "ray", "--tune"), ("--tune", "ray")),
        (("--executor", "pool", "--input-file", "x.npz"), ("--input-file",)),
        (("--address", "auto"), ("'auto'", "--executor ray")),
        (("--allow-busy",), ("--allow-busy",)),
    ],
)
def test_options_that_do_not_fit_each_other(trained, options, texts):
    trained("bench", "16-10", *options).fails_with(*texts, code=2)


def test_models_are_sent_by_the_names_that_results_have_for_their_files(trained, gpus, tmp_path, monkeypatch):
    gpus(FAST)
    sent = []
    measure = "mnistbench.measure.latency.every_gpu.measure_here"
    monkeypatch.setattr(measure, lambda tasks, _on_part: (sent.extend(tasks), [(0, run(*MEASURED), None)])[1])
    monkeypatch.chdir(trained.work)
    trained(*BENCH, "--output", tmp_path / "x.json").succeeds()
    assert [model.path for model in sent[0].models] == [str(Path("zoo") / "16-10.onnx")]
