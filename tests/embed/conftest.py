"""Models, golden vectors and kits that the tests of this folder share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kit_programs
import pytest
from bare_path import bare_path
from tiny import make_dataset

from mnistbench.artifacts import bundled_zoo
from mnistbench.embed.golden import Golden, make_golden
from mnistbench.embed.model import EmbeddedModel, read_model
from mnistbench.locate import locate

MODELS = {"lenet": "6-P-16-P-120-84-10", "own": "16-10"}
"""A bundled model, and a tiny one that the tests train."""


@pytest.fixture(scope="session", autouse=True)
def only_python3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The commands of kits find no ``python`` and none of this environment's programs, as on a fresh Debian."""
    path = bare_path(tmp_path_factory.mktemp("path"))
    assert shutil.which("python", path=path) is None
    assert shutil.which("python3", path=path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(kit_programs.ENVIRONMENT, "PATH", path)
        yield


@pytest.fixture(scope="session")
def embedded(trained_work: Path) -> dict[str, EmbeddedModel]:
    zoos = {"lenet": bundled_zoo(), "own": trained_work / "zoo"}
    return {key: read_model(locate(name, [zoos[key]])) for key, name in MODELS.items()}


@pytest.fixture(scope="session")
def vectors(embedded: dict[str, EmbeddedModel]) -> dict[str, Golden]:
    data = make_dataset()
    return {
        key: make_golden(model, data.test_images, data.test_labels, dataset=data.name)
        for key, model in embedded.items()
    }


@pytest.fixture
def write(trained: Any) -> Callable[..., Path]:
    """Writes kits as a user does, by the command: ``write("lenet", "python", folder)``."""

    def run(model: str, target: str, folder: Path, *options: str) -> Path:
        trained("embed", MODELS[model], "--target", target, folder, *options).succeeds()
        return folder

    return run
