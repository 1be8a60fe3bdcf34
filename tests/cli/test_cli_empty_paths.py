"""An empty text is no path: not the current folder, and from the environment as if nothing was set."""

from __future__ import annotations

import click
import pytest

from mnistbench.cli.options import NO_PATH, PathType
from mnistbench.cli.root import root


def _commands(group, words=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command


PATHS = [
    (words, parameter)
    for words, command in _commands(root)
    for parameter in command.params
    if isinstance(parameter.type, click.Path)
]


def test_every_path_is_of_the_type_that_refuses_it():
    assert len(PATHS) > 20
    assert [(words, parameter.name) for words, parameter in PATHS if not isinstance(parameter.type, PathType)] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", ""],
        ["predict", "picture.png", ""],
        ["predict", "picture.png", "--csv", ""],
        ["predict", "picture.png", "--explain", ""],
        ["predict", "picture.png", "--work-dir", ""],
        ["embed", "16-10", "--target", "python", ""],
        ["bench", "16-10", "--quick", "--work-dir", ""],
        ["bench", "16-10", "--quick", "--output", ""],
        ["bench", "16-10", "--input-file", ""],
        ["evaluate", "16-10", "--data-dir", ""],
        ["train", "16-10", "--data-dir", ""],
        ["train", "16-10", "--results-to", ""],
        ["export", "16-10", "--output", ""],
        ["ensemble", "16-10", "24-P-48-P-96-10", "--output", ""],
        ["card", "16-10", "--output", ""],
        ["demo", "--export", ""],
        ["report", ""],
        ["report", "run.json", "--output", ""],
        ["compare", "", "run.json"],
        ["results", "--work-dir", ""],
        ["data", "show", ""],
        ["runs", "--work-dir", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_wrong_usage(cli, tmp_path, monkeypatch, arguments):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    outcome = cli(*arguments)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert NO_PATH in outcome.err.splitlines()[-1]
    assert not list((tmp_path / "here").iterdir())
    assert not cli.work.exists()


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize(
    "arguments", [["evaluate"], ["predict", "picture.png", "--model"], ["data", "show", "--model"]]
)
def test_an_empty_name_of_a_model_is_unknown(cli, arguments, name):
    cli(*arguments, name).fails_with("unknown network", code=2)


def test_a_variable_that_is_empty_is_as_if_it_were_not_set(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNISTBENCH_WORK", raising=False)
    outcome = cli("runs", MNISTBENCH_WORK="").succeeds()
    assert "No runs in runs/training yet" in outcome.err.replace("\\", "/")
    outcome = cli("data", "--no-download", MNISTBENCH_DATA="", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert outcome.code == 1
    assert "the user's cache" in outcome.out
    cli("list", "nonsense", MNISTBENCH_DEBUG="").fails_with("unknown network", code=2)


def test_a_folder_by_its_point_is_still_a_path(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli("predict", ".").fails_with("there are no pictures in .")
