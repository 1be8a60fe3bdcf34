"""The files for Triton and KServe against their own schemas, which their packages on PyPI carry."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kit_programs import run

pytestmark = pytest.mark.slow

PACKAGES = ("protobuf==6.33.5", "pyyaml==6.0.3")
WITHOUT_THEIR_DEPENDENCIES = ("tritonclient==2.73.0", "kserve==0.21.0")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """A folder with the packages, for a path of imports."""
    folder = tmp_path_factory.mktemp("schemas")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", folder)
    run(*pip, *PACKAGES, cwd=folder)
    run(*pip, "--no-deps", *WITHOUT_THEIR_DEPENDENCIES, cwd=folder)
    return folder


@pytest.mark.parametrize("target", ["triton", "kserve"])
@pytest.mark.parametrize("model", ["lenet", "own"])
def test_the_configuration_is_what_triton_reads(write, tmp_path, schemas, model, target):
    kit = write(model, target, tmp_path / "kit")
    (folder,) = (kit / "model_repository").iterdir()
    found = {"PYTHONPATH": str(schemas)}
    run(
        sys.executable,
        HERE / "triton_schema.py",
        schemas,
        folder / "config.pbtxt",
        folder.name,
        cwd=tmp_path,
        env=found,
    )


@pytest.mark.parametrize("model", ["lenet", "own"])
def test_the_service_is_what_kserve_reads(write, tmp_path, schemas, model):
    kit = write(model, "kserve", tmp_path / "kit")
    files = (kit / "inference-service.yaml", kit / "upload.yaml")
    run(sys.executable, HERE / "kserve_schema.py", schemas, *files, cwd=tmp_path, env={"PYTHONPATH": str(schemas)})
