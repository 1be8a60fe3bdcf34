"""``mnistbench doctor`` on the real machine, whatever it has; a GPU is hidden, so that it means the same everywhere."""

from __future__ import annotations

import pytest

from mnistbench.results import Diagnosis

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}


def test_the_cpu_runs_and_a_missing_gpu_is_no_problem(cli):
    outcome = cli.process("doctor", "--json", env=HIDDEN).succeeds()
    diagnosis = Diagnosis.from_dict(outcome.json)
    cpu = [row for row in diagnosis.probes if (row.device, row.provider) == ("cpu", "cpu")]
    assert len(cpu) == 2
    for row in cpu:
        assert (row.severity, row.num_images, row.label_differences, row.max_logit_difference) == ("ok", 8, 0, 0.0)
        assert set(row.node_placement) == {"CPUExecutionProvider"}
    cuda = [row for row in diagnosis.probes if row.provider in ("cuda", "tensorrt")]
    assert {row.severity for row in cuda} == {"missing"}
    assert all(row.node_placement == {} and row.session_seconds is None for row in cuda)
    assert "trying cuda:0" in outcome.err
    assert not cli.work.exists()


def test_tables_fit_80_columns_and_commands_stand_in_one_line(cli):
    outcome = cli("doctor", **HIDDEN, OMP_NUM_THREADS="1").succeeds()
    tables, _, commands = outcome.out.rpartition("\n\n")
    assert max(map(len, tables.splitlines())) <= 80
    assert "\x1b" not in outcome.out
    for text in ("What was found", "What each device ran", "onnxruntime", "patterns (not MNIST)"):
        assert text in tables
    assert "unset OMP_NUM_THREADS" in commands.splitlines()
    assert "unset CUDA_VISIBLE_DEVICES" in commands.splitlines()
    assert "Nothing is broken" in outcome.err


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_broken_is_said_by_the_exit_code(cli, tmp_path, form):
    outcome = cli("doctor", *form, "--data-dir", tmp_path / "nowhere", **HIDDEN)
    assert outcome.code == 1
    assert "nowhere" in outcome.out
    if form:
        assert not Diagnosis.from_dict(outcome.json).is_sound
    else:
        assert "Something is broken: 1 problem" in outcome.err
