from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from doctor_machines import CPU, PACKAGES, WITH_GPU

from mnistbench.measure.doctor.software import (
    EXTRAS,
    check_extra,
    check_onnxruntime,
    check_software,
    installed_packages,
)
from mnistbench.runtime.machine import ONNXRUNTIMES

LINUX = ("Linux", "x86_64")
BOTH = {"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.31.1"}


@pytest.mark.parametrize(
    ("packages", "imported", "severity", "text", "remedy"),
    [
        ({"onnxruntime-gpu": "1.31.1"}, "1.31.1", "ok", "onnxruntime-gpu 1.31.1", ""),
        ({"onnxruntime": "1.31.1.post1"}, "1.31.1", "ok", "onnxruntime 1.31.1.post1", ""),
        ({}, None, "problem", "not installed", "pip install onnxruntime-gpu"),
        (
            BOTH,
            "1.31.1",
            "problem",
            "onnxruntime-gpu 1.31.1, onnxruntime 1.30.0 are installed at once",
            "pip uninstall -y onnxruntime-gpu onnxruntime && pip install onnxruntime-gpu==1.31.1",
        ),
        (
            {"onnxruntime": "1.31.1"},
            None,
            "problem",
            "cannot be imported",
            "pip uninstall -y onnxruntime && pip install onnxruntime==1.31.1",
        ),
        ({"onnxruntime": "1.31.1"}, "1.30.0", "problem", "1.30.0 is imported", "pip uninstall -y onnxruntime && "),
        ({"onnxruntime": "1.31.1"}, "", "problem", "an unknown version is imported", "pip uninstall"),
        ({"onnxruntime-rocm": "1.3+rocm6"}, "1.3", "ok", "onnxruntime-rocm 1.3", ""),
    ],
)
def test_exactly_one_onnxruntime(packages, imported, severity, text, remedy):
    found = check_onnxruntime(packages, imported)
    assert found.severity == severity
    assert text in found.text
    assert found.remedy.startswith(remedy)
    assert bool(found.remedy) == bool(remedy)
    assert "\n" not in found.remedy


@pytest.mark.parametrize("other", [name for name in ONNXRUNTIMES if name != "onnxruntime"])
def test_of_two_the_plain_one_goes(other):
    found = check_onnxruntime({other: "1.31.1", "onnxruntime": "1.31.1"}, "1.31.1")
    assert found.remedy.endswith(f"pip install {other}==1.31.1")


@pytest.mark.parametrize(
    ("extra", "environment", "packages", "system", "severity", "remedy"),
    [
        ("train", CPU, {}, LINUX, "missing", "pip install 'mnistbench[train]'"),
        ("train", CPU, {**PACKAGES}, LINUX, "ok", ""),
        ("plots", CPU, {}, LINUX, "missing", "pip install 'mnistbench[plots]'"),
        ("openvino", CPU, {}, LINUX, "missing", "pip install 'mnistbench[openvino]'"),
        ("openvino", CPU, {}, ("Windows", "AMD64"), "missing", "pip install 'mnistbench[openvino]'"),
        ("openvino", CPU, {}, ("Linux", "aarch64"), "note", ""),
        ("openvino", dataclasses.replace(CPU, cpu="AMD EPYC"), {}, LINUX, "note", ""),
        ("openvino", CPU, {"onnxruntime-ep-openvino": "1.8"}, LINUX, "ok", ""),
        ("openvino", CPU, {"onnxruntime-openvino": "1.24.1"}, LINUX, "ok", ""),
        ("gpu", CPU, {}, LINUX, "note", ""),
        ("gpu", WITH_GPU, {}, LINUX, "missing", "pip install 'mnistbench[gpu]'"),
    ],
)
def test_extras_and_the_command_for_each_where_it_helps(extra, environment, packages, system, severity, remedy):
    found = check_extra(extra, environment, packages, system)
    assert (found.severity, found.remedy, found.subject) == (severity, remedy, f"extra {extra}")


def test_what_of_an_extra_is_lacking_is_named():
    found = check_extra("train", CPU, {"torch": "2", "onnx": "1"}, LINUX)
    assert found.text.endswith("not installed: onnxscript, safetensors")


def test_extras_are_those_of_the_project():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    given = {
        extra: tuple(sorted(re.split("[<>=;]", package)[0] for package in packages))
        for extra, packages in project["optional-dependencies"].items()
        if extra != "dev"
    }
    assert given == EXTRAS


@pytest.mark.parametrize(
    ("environment", "torch", "remedies"),
    [
        (CPU, "2.13.0+cpu", []),
        (WITH_GPU, "2.13.0+cpu", ["pip install --force-reinstall torch==2.13.0"]),
        (WITH_GPU, "2.13.0", []),
        (WITH_GPU, None, []),
    ],
)
def test_torch_without_cuda_beside_a_gpu(environment, torch, remedies):
    packages = PACKAGES | {"torch": torch} if torch else {}
    found = check_software(environment, packages, "1.31.1", LINUX)
    assert [one.remedy for one in found if one.subject == "torch"] == remedies


def test_everything_is_named_and_this_machine_is_looked_at():
    found = check_software(CPU, installed_packages(), "1.31.1")
    assert [one.subject for one in found][:8] == [
        "mnistbench",
        "Python",
        "onnxruntime",
        "numpy",
        "extra train",
        "extra plots",
        "extra openvino",
        "extra gpu",
    ]
    assert found[0].text == "0.1.0"
    assert {"numpy", "click", "pillow"} <= installed_packages().keys()
    (numpy,) = (one for one in check_software(CPU, {}, None, LINUX) if one.subject == "numpy")
    assert (numpy.severity, numpy.remedy) == ("problem", "pip install numpy")
