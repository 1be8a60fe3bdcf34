from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from mnistbench.cache import user_cache_dir
from mnistbench.errors import DataError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the variables are those of other systems")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS has a folder of its own")
def test_it_is_where_the_system_keeps_such_things(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert user_cache_dir() == Path("/caches/mnistbench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/homes/me")
    assert user_cache_dir() == Path("/homes/me/.cache/mnistbench")


def test_a_user_without_a_home_is_told_what_to_set(homeless):
    with pytest.raises(DataError, match=r"no home folder; set XDG_CACHE_HOME .* --data-dir or MNISTBENCH_DATA"):
        user_cache_dir()


@pytest.mark.parametrize("home", ["", "here", "./here", "~/here"])
def test_a_home_that_is_no_absolute_path_is_none(homeless, monkeypatch, tmp_path, home):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home)
    with pytest.raises(DataError, match="XDG_CACHE_HOME"):
        user_cache_dir()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("folder", ["~/.cache/mnistbench", "caches/mnistbench", "."])
def test_a_platformdirs_that_does_not_look_is_not_believed(monkeypatch, folder):
    """Older ones hand on what cannot be expanded."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_arguments, **_keywords: Path(folder))
    with pytest.raises(DataError, match="is no absolute path; set XDG_CACHE_HOME"):
        user_cache_dir()
