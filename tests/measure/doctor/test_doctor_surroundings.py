from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest
from doctor_machines import CPU, GPU, WITH_GPU

from mnistbench.artifacts import bundled_zoo
from mnistbench.measure.conditions import Watch
from mnistbench.measure.doctor.surroundings import check_data, check_load, check_variables, check_work_dir, check_zoo


def test_data_in_a_folder_of_the_users(digits_folder):
    found = check_data(digits_folder)
    assert (found.severity, "patterns (not MNIST), readable" in found.text) == ("ok", True)


def test_a_damaged_folder_of_the_users_is_a_problem(own_digits, tmp_path):
    (own_digits / "t10k-labels-idx1-ubyte").write_bytes(b"short")
    (own_digits / "train-labels-idx1-ubyte").unlink()
    found = check_data(own_digits)
    assert found.severity == "problem"
    assert "train-labels-idx1-ubyte missing, t10k-labels-idx1-ubyte damaged" in found.text
    assert "train-images" not in found.text
    assert check_data(tmp_path / "nothing").severity == "problem"


def test_an_empty_cache_is_missing_data_and_nothing_is_fetched(tmp_path):
    found = check_data(None, tmp_path / "cache")
    assert (found.severity, found.remedy) == ("missing", "mnistbench data")
    assert not (tmp_path / "cache").exists()


def test_a_user_without_a_cache_is_told(homeless, digits_folder):
    found = check_data(None)
    assert (found.severity, found.remedy) == ("problem", 'export XDG_CACHE_HOME="$PWD/.cache"')
    assert "--data-dir or MNISTBENCH_DATA" in found.text
    assert check_data(digits_folder).severity == "ok"


def test_a_work_folder_is_tried_and_not_made(tmp_path):
    assert check_work_dir(tmp_path / "a" / "b").severity == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_work_folder_that_is_a_file_or_below_one_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/below", "dangling/below"):
        found = check_work_dir(tmp_path / name)
        assert (found.severity, found.remedy) == ("problem", "export MNISTBENCH_WORK=~/mnistbench-runs")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_work_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    assert check_work_dir(tmp_path / "runs").severity == "problem"


@pytest.fixture
def zoo(tmp_path):
    """A clone's zoo, in a folder with a space."""
    return shutil.copytree(bundled_zoo(), tmp_path / "a clone" / "zoo")


def test_models_are_what_their_manifest_says(zoo):
    (found,) = check_zoo(zoo, bundled=True)
    assert (found.severity, found.text.split(",")[0]) == ("ok", "4")


@pytest.mark.parametrize("installed", [False, True])
def test_each_bundled_model_that_is_not_is_a_problem(zoo, installed):
    (zoo / "64-64-10.onnx").write_bytes(b"other")
    (zoo / "6-P-16-P-120-84-10.onnx").unlink()
    if installed:
        (zoo.parent / "artifacts.py").touch()
        remedy = "pip install --force-reinstall --no-deps .  # in a clone, or the wheel in place of the dot"
    else:
        remedy = f"git -C '{zoo.parent}' restore zoo"
    found = check_zoo(zoo, bundled=True)
    assert [(one.severity, one.remedy) for one in found] == [("problem", remedy)] * 2
    assert all("export" not in one.text for one in found)


def test_a_manifest_that_is_damaged_or_not_there(zoo, tmp_path):
    (zoo / "manifest.json").write_text("{")
    assert [one.severity for one in check_zoo(zoo, bundled=False)] == ["problem"]
    (zoo / "manifest.json").unlink()
    assert [one.severity for one in check_zoo(zoo, bundled=True)] == ["problem"]
    assert check_zoo(zoo, bundled=False) == []
    assert check_zoo(tmp_path / "nowhere", bundled=False) == []


@pytest.mark.parametrize(("name", "place"), [("runs", ""), ("a work", " --work-dir 'a work'")])
def test_an_own_model_that_is_not_is_exported_again(zoo, tmp_path, monkeypatch, name, place):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(zoo, tmp_path / name / "zoo")
    (tmp_path / name / "zoo" / "64-64-10.onnx").write_bytes(b"other")
    (found,) = check_zoo(Path(name) / "zoo", bundled=False)
    assert (found.severity, found.remedy) == ("problem", f"mnistbench export 64-64-10{place}")


@pytest.mark.parametrize(
    ("variables", "num_gpus", "notes"),
    [
        ({}, 0, {}),
        ({}, 1, {}),
        ({}, 2, {"GPU order": "export CUDA_DEVICE_ORDER=PCI_BUS_ID"}),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, 2, {}),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 0, {"GPUs shown": "unset CUDA_VISIBLE_DEVICES"}),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0, {"GPUs shown": "unset CUDA_VISIBLE_DEVICES"}),
        ({"OMP_NUM_THREADS": "1"}, 0, {"threads": "unset OMP_NUM_THREADS"}),
        ({"ORT_DISABLE_TELEMETRY": "0"}, 0, {"telemetry": "unset ORT_DISABLE_TELEMETRY"}),
        ({"ORT_DISABLE_TELEMETRY": "1"}, 0, {}),
    ],
)
def test_variables_that_change_what_is_measured(variables, num_gpus, notes):
    found = check_variables(variables, WITH_GPU, num_gpus)
    assert {one.subject: one.remedy for one in found if one.severity == "note"} == notes
    assert {one.severity for one in found} <= {"ok", "note"}


def test_how_many_gpus_are_hidden():
    two = dataclasses.replace(CPU, gpus=(GPU, GPU))
    (found,) = (one for one in check_variables({"CUDA_VISIBLE_DEVICES": "1"}, two, 1) if one.severity == "note")
    assert found.text == "CUDA_VISIBLE_DEVICES=1 leaves CUDA 1 of 2 GPUs, numbered anew"


def watch(*stats):
    """Counters of the system: one text for each look."""
    looks = list(stats)
    return lambda: Watch.start(
        read=lambda path: looks.pop(0) if path == "/proc/stat" and looks else None, own_time=lambda: 0.0
    )


@pytest.mark.parametrize(
    ("looks", "severities", "text"),
    [
        (("cpu  0 0 0 0 0 0 0 0", "cpu  1 0 0 99 0 0 0 0"), ["ok"], "idle"),
        (("cpu  0 0 0 0 0 0 0 0", "cpu  60 0 0 40 0 0 0 0"), ["note"], "other programs used the processors (60%)"),
        (("cpu  0 0 0 0 0 0 0 0", "cpu  40 0 0 30 0 0 0 30"), ["note", "note"], "the host took the processors away"),
        ((), ["note"], "does not say"),
    ],
)
def test_other_programs_make_figures_doubtful(looks, severities, text):
    slept = []
    found = check_load(watch(*looks), slept.append)
    assert [one.severity for one in found] == severities
    assert text in found[0].text
    assert slept == [0.5]


def test_a_schema_of_the_future_is_a_problem(zoo):
    document = json.loads((zoo / "manifest.json").read_text(encoding="utf-8"))
    (zoo / "manifest.json").write_text(json.dumps(document | {"schema_version": 99}))
    assert [one.severity for one in check_zoo(zoo, bundled=True)] == ["problem"]
