"""Programs that some tests need: without them a test is skipped, or fails where they are said to be there.

``MNISTBENCH_REQUIRE=browser,npm`` says so, as ``.ci/run`` does: a machine that lost one would otherwise pass
without having tried the page or the kits.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def lacking(what: str, why: str) -> NoReturn:
    """Skip the test since ``what`` is not there, or fail where it has to be.

    Args:
        what: As it stands in the variable: a program's name, or ``browser``.
        why: What is missing, for whoever reads the report.
    """
    if what in os.environ.get("MNISTBENCH_REQUIRE", "").split(","):
        pytest.fail(f"{why}; MNISTBENCH_REQUIRE says that {what} is there")
    pytest.skip(why)


def need(*programs: str) -> None:
    """Each of the programs, or no test."""
    for program in programs:
        if shutil.which(program) is None:
            lacking(program, f"{program} is not installed")


def need_browser() -> str:
    """The name of an installed Chromium, or no test."""
    found = next(filter(shutil.which, BROWSERS), None)
    return found or lacking("browser", "no Chromium is installed")
