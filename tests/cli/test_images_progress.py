from __future__ import annotations

import pytest

from mnistbench.cli.images_progress import LINES, ImagesProgress


@pytest.mark.parametrize("step", [1, 7, 500, 1000])
def test_without_a_terminal_it_is_a_few_lines(capsys, step):
    with ImagesProgress("reading [all]") as progress:
        for done in range(step, 1000 + step, step):
            progress(min(done, 1000), 1000)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert 1 <= len(lines) <= LINES
    assert lines[-1] == "reading [all]: 1,000 of 1,000 images"


def test_no_images_are_no_line(capsys):
    with ImagesProgress("reading") as progress:
        progress(0, 0)
    assert capsys.readouterr() == ("", "")


def test_in_a_terminal_it_is_a_bar_that_goes_away(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with ImagesProgress("reading [all]") as progress:
        progress(5, 10)
    assert "images" not in capsys.readouterr().err
