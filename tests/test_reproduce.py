from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import CONVOLUTIONAL, DENSE, tiny_job

from mnistbench import reproduce as module
from mnistbench.artifacts import read_manifest
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ProviderError
from mnistbench.measure.steady import Plan
from mnistbench.reproduce import Measurement, Row, reproduce
from mnistbench.runtime.session import SessionSettings
from mnistbench.training.job import Job

PLAN = Plan(min_warmup_seconds=0.001, min_samples=64, min_seconds=0.01, max_samples=64)
MEASUREMENT = Measurement(("cpu",), (1, 4), PLAN, SessionSettings(intra_op_num_threads=1))
FIRST = ["train", "export", "evaluate", "bench", "bench"]


class TickingClock:
    """A millisecond passes with every look."""

    def __init__(self) -> None:
        self.now = 0

    def now_ns(self) -> int:
        self.now += 1_000_000
        return self.now


class Reproduction:
    """Runs :func:`reproduce` in a folder and notes what it tells."""

    def __init__(self, dataset: Dataset, work_dir: Path) -> None:
        self.dataset, self.work_dir = dataset, work_dir
        self.begun: list[str] = []
        self.stages: list[tuple[str, str]] = []
        self.told: list[Row] = []

    def __call__(self, *jobs: Job, measurement: Measurement = MEASUREMENT, **changes: Any) -> list[Row]:
        for noted in (self.begun, self.stages, self.told):
            noted.clear()
        told: dict[str, Callable[..., Any]] = {
            "on_begin": lambda job: self.begun.append(job.network.name),
            "on_event": lambda event: None,
            "on_stage": lambda name, stage: self.stages.append((name, stage)),
            "on_row": self.told.append,
        }
        device = torch.device("cpu")
        rows = reproduce(jobs, self.dataset, device, self.work_dir, measurement, TickingClock(), **(told | changes))
        assert rows == self.told
        return rows

    def stages_of(self, job: Job) -> list[str]:
        return [stage for name, stage in self.stages if name == job.network.name]

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.work_dir.rglob("*") if path.is_file())
        return {str(path.relative_to(self.work_dir)): path.read_bytes() for path in found}


@pytest.fixture
def run(tiny: Dataset, tmp_path: Path) -> Reproduction:
    return Reproduction(tiny, tmp_path / "work")


def test_a_row_has_everything(run: Reproduction) -> None:
    jobs = [tiny_job(DENSE), tiny_job(CONVOLUTIONAL)]
    rows = run(*jobs)
    assert run.begun == [DENSE, CONVOLUTIONAL]
    for job, row in zip(jobs, rows, strict=True):
        assert run.stages_of(job) == FIRST
        assert (row.network, row.error) == (job.network, None)
        assert row.training is not None
        assert row.model is not None
        assert row.evaluation is not None
        assert row.training.job == job.key
        assert row.model.training["weights_sha256"] == row.training.weights_sha256
        assert row.evaluation.sha256 == row.model.sha256
        assert (row.evaluation.name, row.evaluation.dataset) == (job.network.name, "tiny")
        assert row.evaluation.num_errors == row.training.num_errors == row.model.metrics["num_errors"]
        assert [(r.batch_size, r.device, r.error) for r in row.latency] == [(1, "cpu", None), (4, "cpu", None)]
        # The clock is the one that was given: it ticks once between each pair of looks.
        assert {r.p50_seconds for r in row.latency} == {0.001}
        assert {r.sha256 for r in row.latency} == {row.model.sha256}
    assert [entry.name for entry in read_manifest(run.work_dir / "zoo")] == sorted([DENSE, CONVOLUTIONAL])
    assert len(list((run.work_dir / "results" / DENSE).iterdir())) == 3


def test_a_row_as_a_document(run: Reproduction) -> None:
    (row,) = run(tiny_job())
    document = json.loads(json.dumps(row.as_dict(), allow_nan=False))
    assert (document["name"], document["notation"], document["dropout"]) == (DENSE, "8-10", 0.5)
    assert (document["table"], document["row"], document["paper_error"], document["error"]) == (None,) * 4
    assert document["num_parameters"] == row.network.spec.num_parameters
    assert not {"history", "environment"} & set(document["training"])
    assert "samples_seconds" not in document["latency"][0]
    assert document["evaluation"]["num_errors"] == row.evaluation.num_errors
    assert document["model"]["file"] == f"{DENSE}.onnx"


def test_the_papers_figures_stand_in_the_document() -> None:
    document = Row(tiny_job("lenet5-dropout").network, error="x").as_dict()
    assert (document["table"], document["row"], document["paper_error"]) == (5, 6, 0.0098)
    assert (document["training"], document["model"], document["evaluation"], document["latency"]) == (None,) * 3 + ([],)


def test_a_second_time_nothing_is_done_again(run: Reproduction, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [tiny_job(DENSE), tiny_job(CONVOLUTIONAL)]
    first = run(*jobs)
    before = run.files()

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("this was done already")

    for name in ("export_run", "evaluate", "measure_latency", "load_classifier"):
        monkeypatch.setattr(module, name, never)
    assert run(*jobs) == first
    assert {stage for _, stage in run.stages} <= {"train"}
    assert run.files() == before


def test_only_what_is_missing_is_done(run: Reproduction) -> None:
    job = tiny_job()
    (first,) = run(job)
    more = dataclasses.replace(MEASUREMENT, batch_sizes=(1, 4, 8))
    (row,) = run(job, measurement=more)
    assert run.stages_of(job)[1:] == ["bench"]
    assert row.latency[:2] == first.latency
    for path in (run.work_dir / "results" / DENSE).glob("evaluation-*.json"):
        path.unlink()
    run(job)
    assert run.stages_of(job)[1:] == ["evaluate"]


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": dataclasses.replace(PLAN, min_samples=63)},
        {"settings": SessionSettings(intra_op_num_threads=2)},
    ],
)
def test_another_way_to_measure_is_measured_anew(run: Reproduction, changes: dict[str, Any]) -> None:
    job = tiny_job()
    run(job)
    run(job, measurement=dataclasses.replace(MEASUREMENT, **changes))
    assert run.stages_of(job)[1:] == ["bench", "bench"]


def test_another_version_or_machine_is_measured_anew(run: Reproduction, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tiny_job()
    run(job)
    here = module.collect_environment()
    newer = dict.fromkeys(here.packages, "99.0")
    for changed, expected in (
        (dataclasses.replace(here, cpu="another"), ["bench", "bench"]),
        (dataclasses.replace(here, packages=newer), ["evaluate", "bench", "bench"]),
    ):
        monkeypatch.setattr(module, "collect_environment", lambda changed=changed: changed)
        run(job)
        assert run.stages_of(job)[1:] == expected


def test_other_weights_are_exported_evaluated_and_timed_anew(run: Reproduction) -> None:
    (first,) = run(tiny_job(seed=0))
    job = tiny_job(seed=1)
    (second,) = run(job)
    assert run.stages_of(job) == FIRST
    assert second.model is not None
    assert first.model is not None
    assert second.model.sha256 != first.model.sha256
    assert [entry.sha256 for entry in read_manifest(run.work_dir / "zoo")] == [second.model.sha256]


def test_a_damaged_model_is_exported_again_and_its_figures_stand(run: Reproduction) -> None:
    job = tiny_job()
    first = run(job)
    (run.work_dir / "zoo" / f"{DENSE}.onnx").write_bytes(b"damaged")
    assert run(job) == first
    assert run.stages_of(job)[1:] == ["export"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"kind": "evaluation", "schema_version": 9}', pytest.param(b"[" * 300_000, id="deep")],
)
def test_a_damaged_result_is_made_again(run: Reproduction, content: bytes) -> None:
    job = tiny_job()
    first = run(job)
    (path,) = (run.work_dir / "results" / DENSE).glob("evaluation-*.json")
    path.write_bytes(content)
    assert run(job) == first
    assert run.stages_of(job)[1:] == ["evaluate"]


def test_a_network_that_diverges_gives_a_row_and_the_others_go_on(run: Reproduction) -> None:
    jobs = [tiny_job(DENSE), tiny_job(CONVOLUTIONAL, learning_rate=1e30), tiny_job("9-10")]
    good, bad, last = run(*jobs)
    assert good.error is last.error is None
    assert bad.error is not None
    assert "diverged in epoch 1" in bad.error
    assert (bad.training, bad.model, bad.evaluation, bad.latency) == (None, None, None, ())
    assert bad.errors == (bad.error,)
    assert bad.network == jobs[1].network
    assert run.begun == [DENSE, CONVOLUTIONAL, "9-10"]
    assert [entry.name for entry in read_manifest(run.work_dir / "zoo")] == [DENSE, "9-10"]
    # It is tried again, and only it.
    run(*jobs)
    assert {name for name, stage in run.stages if stage != "train"} == set()


def test_a_device_that_is_missing_is_tried_again_the_next_time(
    run: Reproduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnistbench.measure.latency import single

    def refuse(*_: Any, **__: Any) -> None:
        raise ProviderError("cuda:0 cannot be used: there is no NVIDIA driver")

    job = tiny_job()
    with monkeypatch.context() as patch:
        patch.setattr(single, "create_session", refuse)
        (row,) = run(job)
    assert row.error is None
    assert row.evaluation is not None
    assert all("no NVIDIA driver" in (result.error or "") for result in row.latency)
    assert row.errors == tuple(result.error for result in row.latency)
    (row,) = run(job)
    assert run.stages_of(job)[1:] == ["bench", "bench"]
    assert all(result.error is None for result in row.latency)
    assert row.errors == ()


def test_each_result_is_saved_as_soon_as_it_exists(run: Reproduction, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tiny_job()

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "measure_latency", stop)
        with pytest.raises(KeyboardInterrupt):
            run(job)
    run(job)
    assert run.stages_of(job)[1:] == ["bench", "bench"]


def test_a_folder_that_cannot_be_written_ends_everything(run: Reproduction) -> None:
    run.work_dir.mkdir()
    (run.work_dir / "training").write_text("a file in the way")
    with pytest.raises(OSError, match="training"):
        run(tiny_job())
