"""Names, notations, options and exit codes that are wrong."""

from __future__ import annotations

import shlex

import pytest


@pytest.mark.parametrize("command", ["list", "train", "export", "evaluate", "bench", "reproduce"])
def test_an_unknown_name_suggests_a_near_one(cli, command):
    cli(command, "lenet6").fails_with("'lenet6'", "did you mean", "lenet5", code=2)
    assert not cli.work.exists()


@pytest.mark.parametrize(
    ("notation", "text"),
    [
        ("16-P-11", "last layer must be the 10 outputs"),
        ("16-", "position 2"),
        ("0-10", "'0'"),
        ("P-P-P-P-P-10", "max-pool"),
        ("99999999999-10", "65536"),
        ("16-x-10", "'x'"),
        ("16\u201110", "did you mean 16-10"),
        ("16-" * 500 + "10", "at most 100"),
        ("16-10-dropout1.5", "dropout"),
        ("16-10-dropout0.1.2", "dropout"),
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("command", ["list", "train", "evaluate"])
def test_a_wrong_notation_says_what_is_wrong(cli, command, notation, text):
    cli(command, notation).fails_with(text, code=2)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "../../etc/passwd",
        "..",
        "a/b",
        "C:\\net",
        "n" * 5000,
        "ünïcödé-10",
        "\uff11\uff16-10",
        "\x1b[31m-10",
        "a\nb",
    ],
)
@pytest.mark.parametrize("command", ["list", "train"])
def test_hostile_names_are_unknown(cli, command, name):
    outcome = cli(command, name).fails_with("unknown network", code=2)
    assert "\x1b" not in outcome.err
    assert not cli.work.exists()


@pytest.mark.parametrize("name", ["../../nowhere/passwd", "n" * 5000 + ".onnx", "a\nb.onnx", "ü.onnx", "\x1b[31m.onnx"])
def test_hostile_files_are_missing(cli, name):
    outcome = cli("evaluate", name).fails_with()
    assert "\x1b" not in outcome.err


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("bench", "16-10", "--batch", "0"), "'0'"),
        (("bench", "16-10", "--batch", "x"), "'x'"),
        (("bench", "16-10", "--batch", "1,,2"), "1,,2"),
        (("bench", "16-10", "--batch", ""), "''"),
        (("bench", "16-10", "--threads", "0"), "0"),
        (("reproduce", "16-10", "--batch", "-1"), "'-1'"),
        (("train", "16-10", "--epochs", "0"), "0"),
        (("train", "16-10", "--epochs", "1.5"), "1.5"),
        (("train", "16-10", "--seed", "-1"), "-1"),
        (("train", "16-10", "--batch-size", "0"), "0"),
        (("train", "16-10", "--label-smoothing", "nan"), "nan"),
        (("train", "16-10", "--max-rotation", "nan"), "nan is not in the range 0<=x<=45"),
        (("train", "16-10", "--max-rotation", "46"), "46.0 is not in the range 0<=x<=45"),
        (("train", "16-10", "--max-scaling", "nan"), "nan is not in the range 0<=x<=0.5"),
        (("train", "16-10", "--label-smoothing", "1"), "1"),
        (("train", "16-10", "--dropout", "1"), "1"),
        (("train", "16-10", "--dropout", "nan"), "nan"),
        (("train", "16-10", "--recipe", "none"), "none"),
        (("train",), "NAMES"),
        (("list", "--nosuch"), "--nosuch"),
        (("nosuch",), "nosuch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_options_are_wrong_usage(cli, args, text):
    cli(*args).fails_with(text, code=2)
    assert not cli.work.exists()


@pytest.mark.parametrize("rate", ["nan", "0", "-1", "inf"])
def test_an_impossible_learning_rate(cli, rate):
    outcome = cli("train", "16-10", "--epochs", 1, "--learning-rate", rate)
    assert outcome.code == 2
    assert "is not a positive number" in outcome.err


@pytest.mark.parametrize("command", ["train", "evaluate", "bench", "reproduce"])
def test_an_unknown_device(trained, command):
    trained(command, "16-10", "--device", "tpu").fails_with("'tpu'", "cpu, cuda", code=2)


def test_a_traceback_only_with_debug(cli):
    assert "Traceback" not in cli.process("evaluate", "nosuch.onnx").fails_with("nosuch.onnx").err
    for debug in (("--debug", "evaluate", "nosuch.onnx"), ("evaluate", "nosuch.onnx", "--debug")):
        shown = cli.process(*debug)
        assert shown.code == 1
        assert "Traceback" in shown.err
        assert "nosuch.onnx" in shown.err.splitlines()[-1]
    assert "Traceback" in cli.process("evaluate", "nosuch.onnx", env={"MNISTBENCH_DEBUG": "1"}).err


def test_a_bug_of_ours_is_one_line_that_asks_for_a_report(cli, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("mnistbench.catalog.resolve", broken)
    cli("list").fails_with("internal error: ZeroDivisionError", "--debug")


@pytest.mark.parametrize("module", ["torch", "onnx", "safetensors"])
def test_without_the_extra_training_names_the_pip_command(cli, monkeypatch, module):
    def missing(*_args, **_options):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("mnistbench.cli.sources.open_dataset", missing)
    cli("train", "16-10").fails_with("pip install 'mnistbench[train]'", module)
    assert not cli.work.exists()


@pytest.mark.parametrize("command", ["evaluate", "bench"])
@pytest.mark.parametrize("option", ["--input-range", "--input-layout"])
def test_an_unknown_way_of_feeding_a_model(trained, command, option):
    outcome = trained(command, "16-10", option, "bogus")
    assert outcome.code == 2
    assert "'bogus' is not one of" in outcome.err


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_a_folder_is_no_model(trained, command, tmp_path):
    trained(command, tmp_path).fails_with("is a folder; name an ONNX file")


def test_what_was_not_exported_is_named_when_a_group_is_evaluated(trained):
    outcome = trained("evaluate", "table1", "--json")
    assert outcome.code == 0
    assert [row["name"] for row in outcome.json] == ["16-10"]
    assert "passed over: 128-10 has not been exported" in outcome.err


def test_the_next_command_of_a_training_works_as_printed(cli):
    outcome = cli("train", "8-10", "--dropout", 0.25, "--epochs", 1)
    line = next(line for line in outcome.err.splitlines() if line.startswith("Next: mnistbench "))
    assert f"--work-dir {cli.work}" in line
    assert cli(*shlex.split(line.removeprefix("Next: mnistbench "))).code == 0


def test_the_hint_of_a_missing_run_says_the_seed(trained):
    trained("export", "16-10", "--seed", 5).fails_with(
        "no finished run with --seed 5", "mnistbench train 16-10 --seed 5"
    )
