"""What reaches standard output: one JSON document, or tables that fit a pipe; checked in real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

JSON_COMMANDS = [
    ("list",),
    ("data",),
    ("evaluate", "16-10"),
    ("results",),
    ("compare-accuracy", "16-10", "24-P-48-P-96-10"),
    ("bench", "16-10", "--quick", "--batch", "1"),
    ("train", "16-10", "--epochs", "1", "--batch-size", "32"),
]


@pytest.mark.parametrize("command", JSON_COMMANDS, ids=lambda command: command[0])
def test_json_is_one_document_and_nothing_else(trained, command):
    outcome = trained.process(*command, "--json").succeeds()
    assert isinstance(outcome.json, list | dict)
    assert outcome.out.startswith(("[", "{"))


def test_what_libraries_print_on_file_descriptor_1_stays_out_of_the_json(trained):
    noisy = "import os, sys; import mnistbench.cli.sources as s; plain = s.find_models\n"
    noisy += "s.find_models = lambda *a: (os.write(1, b'noise from C++'), plain(*a))[1]\n"
    noisy += "from mnistbench.cli import main; sys.argv = ['mnistbench', 'evaluate', '16-10', '--json']; main()"
    env = {**os.environ, "MNISTBENCH_DATA": str(trained.data), "MNISTBENCH_WORK": str(trained.work)}
    done = subprocess.run([sys.executable, "-c", noisy], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[")
    assert "noise from C++" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("data",),
        ("evaluate", "16-10", "24-P-48-P-96-10", "--confusion"),
        ("compare-accuracy", "16-10", "24-P-48-P-96-10"),
        ("bench", "16-10", "24-P-48-P-96-10", "--quick", "--batch", "1"),
    ],
    ids=lambda command: command[0],
)
def test_tables_fit_80_columns_and_have_no_escape_codes(trained, command):
    # Colour is asked for, and still none may reach a pipe.
    env = {"COLUMNS": "200", "TERM": "xterm-256color"}
    outcome = trained.process(*command, env=env).succeeds()
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "\x1b" not in outcome.out + outcome.err


def test_tables_of_training_and_export_fit_80_columns(trained, tmp_path):
    for command in (("train", "--epochs", 1, "--batch-size", 32), ("export", "--output", tmp_path)):
        outcome = trained(*command, "16-10", "24-P-48-P-96-10").succeeds()
        assert 0 < max(map(len, outcome.out.splitlines())) <= 80
        assert "\x1b" not in outcome.out + outcome.err


def test_tables_reach_a_stream_that_cannot_encode_them(trained):
    outcome = trained.process("list", env={"PYTHONIOENCODING": "ascii"}).succeeds()
    assert "16-10" in outcome.out


def test_json_is_parseable_in_any_encoding_of_the_stream(trained, tmp_path):
    folder = tmp_path / "modèles 数"
    shutil.copytree(trained.work, folder)
    env = {"PYTHONIOENCODING": "ascii", "MNISTBENCH_WORK": str(folder)}
    (row,) = trained.process("evaluate", "16-10", "--json", env=env).succeeds().json
    assert row["file"] == str(folder / "zoo" / "16-10.onnx")


def test_a_reader_that_goes_away_is_no_error_worth_a_word(cli):
    process = cli.start("list", "--json")
    # Far less than a page is read, then the pipe closes.
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in (0, 1)
    assert err == ""


def test_head_gets_its_line(cli):
    with cli.start("list") as process:
        done = subprocess.run(["head", "-2"], stdin=process.stdout, capture_output=True, text=True, check=True)
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert "Table 1" in done.stdout
    assert err == ""


def test_a_closed_standard_input_does_not_matter(cli):
    closing = f"exec {sys.executable!r} -m mnistbench list 16-10 --json <&-"
    done = subprocess.run(["sh", "-c", closing], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert '"16-10"' in done.stdout
