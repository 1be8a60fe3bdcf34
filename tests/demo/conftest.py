"""The demo page, served, and a browser; each once for all tests of the page."""

from __future__ import annotations

import pytest
from chromium import running_chromium
from page_actions import served
from vendored_runtime import real_runtime

from mnistbench.artifacts import bundled_zoo
from mnistbench.cli.demo import SHOWN
from mnistbench.demo.server import DemoServer
from mnistbench.demo.site import build_site
from mnistbench.embed.model import read_model
from mnistbench.locate import locate
from mnistbench.pictures.refuse import JUDGES
from mnistbench.published import read_published


@pytest.fixture(scope="package")
def site():
    models = [read_model(locate(name, [bundled_zoo()])) for name in SHOWN]
    judges = [read_model(locate(name, [bundled_zoo()])) for name in JUDGES]
    return build_site(models, judges, read_published().runs, real_runtime())


@pytest.fixture(scope="package")
def url(site):
    with served(DemoServer(("127.0.0.1", 0), site.files)) as server:
        yield server.url


@pytest.fixture(scope="package")
def browser():
    with running_chromium() as browser:
        yield browser
