from __future__ import annotations

import pytest
from needed import BROWSERS, need, need_browser


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MNISTBENCH_REQUIRE", raising=False)
    return tmp_path


@pytest.mark.parametrize("look", [need_browser, lambda: need("npm")])
def test_what_is_missing_skips_the_test_or_fails_it_where_it_has_to_be_there(monkeypatch, look):
    with pytest.raises(pytest.skip.Exception, match="installed"):
        look()
    monkeypatch.setenv("MNISTBENCH_REQUIRE", "node,browser,npm")
    with pytest.raises(pytest.fail.Exception, match="MNISTBENCH_REQUIRE"):
        look()


def test_only_what_is_named_has_to_be_there(monkeypatch):
    monkeypatch.setenv("MNISTBENCH_REQUIRE", "npm")
    with pytest.raises(pytest.skip.Exception, match="no Chromium is installed"):
        need_browser()


@pytest.mark.parametrize("name", BROWSERS)
def test_any_chromium_will_do(nothing_installed, name):
    program = nothing_installed / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert need_browser() == name
    need(name)
