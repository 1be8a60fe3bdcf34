"""``mnistbench runs``, and ``train`` with several seeds, failures and processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys

import click
import pytest

from mnistbench.cli.options import MOST_SEEDS, seed_numbers
from mnistbench.errors import MnistbenchError
from mnistbench.training import loop

EPOCH = ("--epochs", 1, "--batch-size", 200)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", (0,)),
        ("0..4", (0, 1, 2, 3, 4)),
        ("0,2,5", (0, 2, 5)),
        ("0..2,7", (0, 1, 2, 7)),
        ("7, 1 .. 2", (7, 1, 2)),
        ("3..3,3,2..3", (3, 2)),
        ("4294967295", (2**32 - 1,)),
    ],
)
def test_seeds_are_lists_and_ranges_with_both_ends(text, seeds):
    assert seed_numbers(text) == seeds


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ",",
            "1,",
            "..",
            "0..",
            "..4",
            "4..0",
            "-1",
            "+1",
            "1_0",
            "0x1",
            "1.5",
            "0...2",
            "a",
            "\u0663",
            "4294967296",
        ),
        *("9" * 5000, f"0..{MOST_SEEDS}", "0..4294967295"),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_list_of_seeds_is_wrong_usage(text):
    with pytest.raises(click.BadParameter):
        seed_numbers(text)


def test_so_many_seeds_are_not_too_many():
    whole = f"0..{MOST_SEEDS - 1}"
    assert len(seed_numbers(whole)) == MOST_SEEDS
    assert len(seed_numbers(f"{whole},{whole},5")) == MOST_SEEDS
    with pytest.raises(click.BadParameter, match="more than 1000 seeds"):
        seed_numbers(f"{whole},{MOST_SEEDS}")


def test_a_wrong_seed_or_two_options_for_it_end_before_anything_begins(cli):
    cli("train", "8-10", "--seeds", "4..0").fails_with("'4..0'", code=2)
    cli("train", "8-10", "--seeds", "0..1", "--seed", 0).fails_with("--seed and --seeds", code=2)
    assert not cli.work.exists()


def test_every_network_is_trained_with_a_seed_before_the_next_seed(cli):
    outcome = cli("train", "8-10", "12-10", "--seeds", "3,1", *EPOCH, "--json").succeeds()
    order = [("8-10", 3), ("12-10", 3), ("8-10", 1), ("12-10", 1)]
    assert [(row["name"], row["seed"]) for row in outcome.json] == order
    begun = [line for line in outcome.err.splitlines() if line.endswith(": training")]
    assert begun == [f"{n} of 4: {name} seed {seed}: training" for n, (name, seed) in enumerate(order, start=1)]


def test_after_several_seeds_the_next_command_names_one(cli):
    outcome = cli("train", "8-10", "--seeds", "3,1", *EPOCH).succeeds()
    assert "mnistbench export 8-10 --seed 3" in outcome.err


def test_one_seed_is_the_same_by_either_option(cli):
    (one,) = cli("train", "8-10", "--seeds", "2", *EPOCH, "--json").succeeds().json
    again = cli("train", "8-10", "--seed", 2, *EPOCH, "--json").succeeds()
    assert again.json == [one]
    assert "kept" in again.err


def test_the_table_of_several_seeds_fits_80_columns(cli):
    outcome = cli("train", "24-P-48-P-96-10-dropout0.25", "--seeds", "0,4294967295", *EPOCH).succeeds()
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "4294967295" in outcome.out
    assert outcome.err.count("mnistbench export 24-P-48-P-96-10-dropout0.25") == 1


@pytest.fixture
def poisoned(monkeypatch):
    """The network 16-10 diverges in its second epoch."""
    plain = loop.Trainer.epoch_steps

    def epoch_steps(self, epoch, *rest):
        if self.job.network.name == "16-10" and epoch == 2:
            raise loop.DivergedError("the loss is nan")
        return plain(self, epoch, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "epoch_steps", epoch_steps)
        yield patch


def test_failures_are_reported_at_the_end_and_tried_again(cli, poisoned):
    command = ("train", "16-10", "8-10", "--seeds", "0..1", "--epochs", 2)
    outcome = cli(*command)
    assert outcome.code == 3
    last = outcome.err.splitlines()[-2:]
    assert [line.split(": ")[:2] for line in last] == [["failed", "16-10 seed 0"], ["failed", "16-10 seed 1"]]
    assert outcome.err.count("diverged in epoch 2") == 2
    states = {(row["name"], row["seed"]): row["state"] for row in cli("runs", "--json").json}
    assert states == {("16-10", s): "diverged" for s in (0, 1)} | {("8-10", s): "finished" for s in (0, 1)}

    poisoned.undo()
    outcome = cli(*command, "--json").succeeds()
    assert outcome.err.count("goes on after epoch 1") == 2
    assert outcome.err.count("kept: was finished before") == 2
    assert len(outcome.json) == 4
    assert {row["state"] for row in cli("runs", "--json").json} == {"finished"}


def test_a_damaged_checkpoint_of_one_network_does_not_stop_the_others(cli, poisoned):
    command = ("train", "16-10", "8-10", "--epochs", 2, "--json")
    assert cli(*command).code == 3
    poisoned.undo()
    (state,) = cli.work.glob("training/16-10/*/state.json")
    state.write_text("{")
    outcome = cli(*command)
    assert outcome.code == 3
    assert [(row["name"], "error" in row) for row in outcome.json] == [("8-10", False), ("16-10", True)]
    assert outcome.json[1]["seed"] == 0
    assert cli("runs", "--state", "damaged", "--json").json[0]["name"] == "16-10"


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_file_in_the_way_of_one_network_does_not_stop_the_others(cli, parallel):
    (cli.work / "training").mkdir(parents=True)
    (cli.work / "training" / "8-10").write_text("x", encoding="utf-8")
    outcome = cli("train", "8-10", "16-10", *EPOCH, "-j", parallel, "--json")
    assert outcome.code == 3
    assert [(row["name"], "error" in row) for row in outcome.json] == [("16-10", False), ("8-10", True)]
    assert outcome.err.splitlines()[-1].startswith("failed: 8-10: 8-10 stopped: cannot use ")
    assert "Exception ignored" not in outcome.err
    cli("train", "8-10", *EPOCH).fails_with("8-10 stopped: cannot use ")


def test_a_torch_error_of_one_run_has_a_traceback_with_debug(cli, monkeypatch):
    def broken(*_args):
        raise RuntimeError("mat1 and mat2 do not fit")

    monkeypatch.setattr(loop.Trainer, "epoch_steps", broken)
    cli("train", "8-10", *EPOCH).fails_with("8-10 stopped by RuntimeError: mat1", "--debug")
    with pytest.raises(MnistbenchError) as caught:
        cli("train", "8-10", *EPOCH, "--debug")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_before_any_run_an_interrupt_says_so(cli, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistbench.training.parallel.PoolExecutor.train", interrupt)
    outcome = cli("train", "8-10", "16-10", *EPOCH, "-j", 2)
    assert outcome.code == 130
    assert outcome.err.splitlines()[-1].startswith("interrupted: no run had begun; go on with: mnistbench train")


def test_runs_with_other_settings_than_their_recipe_are_told_apart(cli):
    cli("train", "8-10", "--batch-size", 200).succeeds()
    for smoothing in ("0.3", "0.4", "-0.0"):
        cli("train", "8-10", *EPOCH, "--label-smoothing", smoothing, "--learning-rate", 0.05, "--seeds", "0..1")
    rows = cli("runs", "--json").succeeds().json
    assert {row["label_smoothing"] for row in rows} == {0.0, 0.3, 0.4}
    assert '"label_smoothing": -0.0' not in cli("runs", "--json").out
    assert {row["batch_size"] for row in rows} == {200}
    assert {row["learning_rate"] for row in rows} == {0.02, 0.05}
    table = " ".join(cli("runs").succeeds().out.split())
    for smoothing, end in ((0.3, ", label smoothing 0.3"), (0.4, ", label smoothing 0.4")):
        jobs = [row["job"][:8] for row in rows if row["label_smoothing"] == smoothing]
        assert f"8-10 {', '.join(jobs)}: epochs 1, learning rate 0.05, batch size 200{end}" in table
    (plain,) = [row["job"][:8] for row in rows if row["epochs"] == 20]
    assert f"8-10 {plain}: batch size 200" in table


def test_runs_as_their_recipe_says_have_no_note(cli):
    cli("train", "8-10", "--recipe", "speedrun").succeeds()
    assert "batch size" not in cli("runs").succeeds().out


@pytest.mark.parametrize(
    "changes", [{"epochs": 2**63}, {"seed": 2**63}, {"history": [{"seconds": 1e17, "num_errors": 1, "num_images": 2}]}]
)
def test_absurd_figures_are_damage_and_leave_the_table_readable(cli, changes):
    cli("train", "8-10", *EPOCH).succeeds()
    (file,) = cli.work.glob("training/8-10/*/result.json")
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    outcome = cli("runs").succeeds()
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert " damaged " in outcome.out
    assert f"{next(iter(changes))!r}" in outcome.out or "seconds" in outcome.out


def test_the_widest_figures_that_are_no_damage_fit_80_columns(cli):
    cli("train", "24-P-48-P-96-10-dropout0.25", *EPOCH, "--seed", 2**32 - 1).succeeds()
    (file,) = cli.work.glob("training/*/*/result.json")
    entry = {"seconds": 999_999_999.0, "num_errors": 10_000, "num_images": 10_000}
    document = json.loads(file.read_text(encoding="utf-8"))
    wide = document | {"history": [entry], "error_rate": 1.0, "epoch_seconds": 999_999_999.0}
    file.write_text(json.dumps(wide), encoding="utf-8")
    outcome = cli("runs").succeeds()
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "4294967295" in outcome.out
    assert "999999999" in outcome.out


def test_runs_lists_what_is_there_and_filters(cli, poisoned):
    cli("train", "16-10", "8-10", "--seeds", "0..1", "--epochs", 2)
    cli("train", "8-10", "--recipe", "paper", *EPOCH, "--validation").fails_with("10000")
    cli("train", "8-10", "--recipe", "paper", *EPOCH).succeeds()

    def listed(*options):
        rows = cli("runs", *options, "--json").succeeds().json
        return [(row["name"], row["recipe"], row["seed"]) for row in rows]

    eights = [("8-10", "default", 0), ("8-10", "default", 1), ("8-10", "paper", 0)]
    sixteens = [("16-10", "default", 0), ("16-10", "default", 1)]
    assert listed() == sixteens + eights  # one of the paper's comes first
    assert listed("8-10") == eights
    assert listed("--recipe", "paper") == eights[2:]
    assert listed("--state", "diverged") == sixteens
    assert listed("--state", "running") == []
    table = cli("runs").succeeds()
    assert max(map(len, table.out.splitlines())) <= 80
    assert "diverged in epoch 2" in " ".join(table.out.split())
    hint = cli("runs", "--state", "running").succeeds().err
    assert "None of the 5 runs" in hint
    assert f"mnistbench runs --work-dir {cli.work}" in hint
    cli("runs", "lenet6").fails_with("did you mean", code=2)


def test_without_runs_the_next_command_is_named(cli):
    outcome = cli("runs").succeeds()
    assert outcome.out == ""
    assert f"mnistbench train quick --work-dir {cli.work}" in outcome.err
    assert cli("runs", "--json").json == []


def test_hostile_folders_are_listed_and_not_obeyed(cli):
    for name in ("\x1b[31mred", "n" * 200, "a b", "数字", "[bold]x"):
        folder = cli.work / "training" / name / "job"
        folder.mkdir(parents=True)
        note = {"state": "failed", "error": "\x1b]0;title\x07 " + "x" * 500}
        (folder / "failure.json").write_text(json.dumps(note))
    outcome = cli("runs").succeeds()
    assert "\x1b" not in outcome.out
    assert "\x07" not in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "[bold]x" in "".join(outcome.out.split())
    assert {row["state"] for row in cli("runs", "--json").json} == {"failed"}


def test_runs_needs_no_torch(cli):
    cli("train", "8-10", *EPOCH).succeeds()
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'onnx', 'onnxruntime', 'safetensors', 'numpy')))\n"
        "from mnistbench.cli import root\n"
        "root.main(['runs', '--work-dir', sys.argv[1]], prog_name='mnistbench')"
    )
    done = subprocess.run([sys.executable, "-c", script, str(cli.work)], capture_output=True, text=True, check=True)
    assert "finished" in done.stdout


def test_processes_side_by_side_give_the_same_as_one(cli, tmp_path):
    command = ("train", "8-10", "12-10", "--seeds", "0..1", "--epochs", 2, "--json")
    whole = cli(*command, "--work-dir", tmp_path / "whole").succeeds()
    outcome = cli(*command, "--parallel", 2).succeeds()
    assert [row["weights_sha256"] for row in outcome.json] == [row["weights_sha256"] for row in whole.json]
    assert {row["num_threads"] for row in outcome.json} == {1}
    assert "4 of 4: " in outcome.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_stops_every_process_and_says_one_line(cli, tmp_path):
    command = ("train", "4-P-8-P-10", "--seeds", "0..2", "--epochs", 40, "--batch-size", 32, "-j", 2, "--json")
    # A group of its own, as a terminal makes it: everyone in it gets the signal.
    process = cli.start(*command, start_new_session=True)
    begun = set()
    for line in itertools.chain(process.stderr):
        begun |= {line[0]} if ": epoch" in line else set()
        if begun == {"1", "2"}:
            break
    os.killpg(process.pid, signal.SIGINT)
    # The pipe closes when the last process has gone.
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    last = err.rstrip("\n").splitlines()[-1]
    assert last.startswith("interrupted: 2 runs were being trained")
    assert "mnistbench train 4-P-8-P-10" in last
    assert not list(cli.work.rglob("*.tmp"))
    states = cli("runs", "--json").json
    assert [row["state"] for row in states] == ["unfinished"] * 2
    assert all(row["epochs_done"] > 0 for row in states)
