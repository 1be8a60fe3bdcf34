from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from doctor_machines import CPU, PACKAGES, WITH_GPU, Asked, fine, ran
from machines import FakeMachine

from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import ProviderError
from mnistbench.measure.conditions import Watch
from mnistbench.measure.doctor import examine
from mnistbench.measure.doctor.patient import choose_models
from mnistbench.results import Diagnosis

DIED = ProviderError("the process that tried it died (exit status 1): ImportError: libonnxruntime.so")


def look(tmp_path, ask, **changes):
    """A machine of which nothing is read from this one."""
    values = {
        "work_dir": tmp_path / "work",
        "environment": CPU,
        "packages": PACKAGES,
        "variables": {},
        "processors": 2,
        "read": lambda path: None,
        "run": lambda command: None,
        "sleep": lambda seconds: None,
        "watch": lambda: Watch.start(read=lambda path: None),
    }
    return examine(ask=ask, **(values | changes))


def by_subject(diagnosis):
    return {found.subject: found for found in diagnosis.findings}


def test_a_cpu_only_machine_is_sound_and_survives_json(tmp_path, digits_folder):
    diagnosis = look(tmp_path, Asked(FakeMachine(driver=False)), data_dir=digits_folder)
    assert diagnosis.is_sound
    areas = [found.area for found in diagnosis.findings]
    assert list(dict.fromkeys(areas)) == ["software", "hardware", "devices", "files", "surroundings"]
    document = json.loads(json.dumps(diagnosis.as_dict(), allow_nan=False))
    assert Diagnosis.from_dict(document) == diagnosis
    assert not (tmp_path / "work").exists()


def test_an_onnxruntime_that_cannot_be_imported_ends_nothing(tmp_path, digits_folder):
    ask = Asked(FakeMachine(driver=False), installed=DIED, cpu_cpu=DIED)
    diagnosis = look(tmp_path, ask, data_dir=digits_folder)
    assert not diagnosis.is_sound
    problems = [found.subject for found in diagnosis.findings if found.severity == "problem"]
    assert problems == ["onnxruntime", "onnxruntime", "device cpu"]
    assert ask.tried == ["cpu cpu", "cuda:0 cuda", "cuda:0 tensorrt"]


def test_a_driver_that_hangs_is_one_problem_and_no_gpu_is_tried(tmp_path, digits_folder):
    hung = ProviderError("the process that tried it hung and was ended after 120 s")
    ask = Asked(FakeMachine(driver=False), gpus=hung)
    found = by_subject(look(tmp_path, ask, data_dir=digits_folder, environment=WITH_GPU))
    assert found["NVIDIA driver"].severity == "problem"
    assert "hung" in found["NVIDIA driver"].text
    assert ask.tried == ["cpu cpu"]


def test_a_gpu_that_runs_and_one_that_is_hidden(tmp_path, digits_folder):
    models = ran(*[fine(provider="CUDAExecutionProvider")] * 2)
    ask = Asked(FakeMachine(driver=False), gpus={"gpus": 1}, **{"cuda:0_cuda": models})
    diagnosis = look(tmp_path, ask, data_dir=digits_folder, environment=WITH_GPU)
    assert diagnosis.is_sound
    assert by_subject(diagnosis)["device cuda:0"].severity == "ok"
    hidden = look(
        tmp_path,
        Asked(FakeMachine(num_gpus=0)),
        data_dir=digits_folder,
        environment=WITH_GPU,
        variables={"CUDA_VISIBLE_DEVICES": "-1"},
    )
    assert hidden.is_sound
    assert by_subject(hidden)["GPUs shown"].remedy == "unset CUDA_VISIBLE_DEVICES"
    unexplained = look(tmp_path, Asked(FakeMachine(num_gpus=0)), data_dir=digits_folder, environment=WITH_GPU)
    assert by_subject(unexplained)["device cuda:0"].severity == "problem"


def test_without_bundled_models_the_identity_is_run_and_said(tmp_path, digits_folder):
    ask = Asked(FakeMachine(driver=False))
    diagnosis = look(tmp_path, ask, data_dir=digits_folder, zoo=tmp_path / "nothing")
    assert diagnosis.probes[0].model == "identity"
    assert {one["models"][0] for one in ask.questions if one["what"] == "run"} == {None}
    assert by_subject(diagnosis)["bundled models"].severity == "problem"


def test_the_load_is_watched_before_anything_runs(tmp_path, digits_folder):
    order = []

    def ask(question):
        order.append("asked")
        raise DIED

    look(tmp_path, ask, data_dir=digits_folder, sleep=lambda seconds: order.append("watched"))
    assert order[0] == "watched"
    assert "asked" in order


@pytest.mark.parametrize(
    ("kept", "names"),
    [
        (
            ("6-P-16-P-120-84-10", "32-32-P-64-64-P-256-128-64-10-dropout", "64-64-10"),
            ["6-P-16-P-120-84-10", "32-32-P-64-64-P-256-128-64-10-dropout"],
        ),
        (("6-P-16-P-120-84-10",), ["6-P-16-P-120-84-10"]),
        (("64-64-10", "32-P-32-P-100-50-10-dropout"), ["32-P-32-P-100-50-10-dropout"]),
        ((), ["identity"]),
    ],
)
def test_the_small_and_the_largest_model_that_are_there(tmp_path, kept, names):
    shutil.copy(bundled_zoo() / "manifest.json", tmp_path)
    for name in kept:
        shutil.copy(bundled_zoo() / f"{name}.onnx", tmp_path)
    assert list(choose_models(tmp_path)) == names
    (tmp_path / "manifest.json").write_text("{")
    assert choose_models(tmp_path) == {"identity": None}
    assert choose_models(Path("/nowhere")) == {"identity": None}
