"""Results outlive a disk that fills while they are measured: they are printed, and kept once there is room again."""

from __future__ import annotations

import errno
import json
import os

import pytest

from mnistbench import files
from mnistbench.cli.kept import KeptFile

MODEL = "64-64-10"
COMMANDS = {
    "bench": ("--quick", "--processes", 1, "--threads", 1, "--batch", "1,2"),
    "load": ("--scenario", "single-stream,multi-stream", "--duration", 0.01),
    "breakdown": ("--quick", "--processes", 1, "--threads", 1, "--batch", "1,2"),
}


@pytest.fixture
def full_disk(monkeypatch):
    """No file of results becomes visible; the probe whether a folder can be written does not fail."""
    replace = os.replace

    def fail(source, target, **keywords):
        if str(target).endswith("x.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replace(source, target, **keywords)

    monkeypatch.setattr(os, "replace", fail)


@pytest.mark.parametrize("command", COMMANDS)
def test_results_are_printed_where_the_file_cannot_be_written(cli, tmp_path, full_disk, command):
    outcome = cli(
        command, MODEL, *COMMANDS[command], "--json", "--output", tmp_path / "x.json", CUDA_VISIBLE_DEVICES="-1"
    )
    outcome.fails_with("No space left on device", str(tmp_path / "x.json"), out=outcome.out)
    rows = outcome.json["breakdowns"] if command == "breakdown" else outcome.json
    assert [row["error"] for row in rows] == [None, None]
    assert outcome.err.count("measuring goes on") == 1
    assert "written to" not in outcome.err


def test_counted_errors_are_printed_where_the_file_cannot_be_written(cli, tmp_path, full_disk):
    target = tmp_path / "x.json"
    outcome = cli("evaluate", MODEL, "lenet5", "--json", "--output", target)
    outcome.fails_with("No space left on device", str(target), out=outcome.out)
    assert [row["name"] for row in outcome.json] == [MODEL, "6-P-16-P-120-84-10"]
    assert outcome.err.count("measuring goes on") == 1


def test_tuned_settings_are_printed_where_their_file_cannot_be_written(cli, tmp_path, full_disk):
    target = tmp_path / "x.json"
    outcome = cli("bench", MODEL, "--tune", "--quick", "--processes", 2, "--batch", 1, "--output", target)
    outcome.fails_with("No space left on device", str(target), out=outcome.out)
    assert "SessionOptions" in outcome.out
    assert "tuned=" not in outcome.out  # there is no such file
    assert "written to" not in outcome.err


def test_nothing_is_tuned_for_a_folder_that_cannot_be_written(cli, tmp_path):
    (tmp_path / "taken").write_text("x")
    outcome = cli("bench", MODEL, "--tune", "--quick", "--batch", 1, "--output", tmp_path / "taken" / "y.json")
    outcome.fails_with(str(tmp_path / "taken"))
    assert "timing" not in outcome.err


def failing(_path):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_interrupt_says_what_was_kept(tmp_path):
    nowhere, kept = KeptFile(None), KeptFile(tmp_path / "x.json")
    assert {str(nowhere.interrupted()), str(kept.interrupted())} == {"interrupted"}
    for one in (nowhere, kept):
        one.write(lambda path: path.write_text("x"))
        one.finish()
        one.put_off_interrupt()
        with pytest.raises(KeyboardInterrupt):
            one.finish()
    assert "some rows are missing" in str(nowhere.interrupted())
    assert f"is kept in {tmp_path / 'x.json'}" in str(kept.interrupted())


def test_what_is_written_at_last_is_no_failure(tmp_path, capsys):
    kept = KeptFile(tmp_path / "x.json")
    kept.write(failing)
    kept.write(failing)
    with pytest.raises(OSError, match="No space left"):
        kept.finish()
    assert "could not be written: No space left" in str(kept.interrupted())
    kept.written()
    assert "written to" not in capsys.readouterr().err
    kept.write(lambda path: files.write_json(path, [1]))
    kept.finish()
    kept.written()
    assert f"written to {tmp_path / 'x.json'}" in capsys.readouterr().err
    assert "is kept in" in str(kept.interrupted())
    assert json.loads((tmp_path / "x.json").read_text()) == [1]
