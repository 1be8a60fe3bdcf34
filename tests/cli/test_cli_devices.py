"""The device asked for is the device used; where it cannot be, that is said and no figure carries its name."""

from __future__ import annotations

import pytest

# Hides a GPU from CUDA where the machine has one, so that these tests mean the same everywhere.
HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_bench_on_a_gpu_that_is_not_there(trained, device):
    outcome = trained.process("bench", "16-10", "--batch", "1,8", "--device", device, "--json", env=HIDDEN)
    outcome.fails_with("cuda:", "cannot be used", "NVIDIA", out=outcome.out)
    assert [row["batch_size"] for row in outcome.json] == [1, 8]
    for row in outcome.json:
        assert row["device"].startswith("cuda:")
        assert "NVIDIA" in row["error"]
        assert row["provider"] is None
        figures = ("p50_seconds", "p90_seconds", "p99_seconds", "mean_seconds", "min_seconds", "throughput")
        assert {row[figure] for figure in figures} == {None}


def test_the_table_of_a_gpu_that_is_not_there_is_the_reason_alone(trained):
    outcome = trained.process("bench", "16-10", "--batch", "1", "--device", "cuda", env=HIDDEN)
    outcome.fails_with("NVIDIA", out=outcome.out)
    assert outcome.out == ""


def test_evaluate_on_a_gpu_that_is_not_there(trained):
    trained.process("evaluate", "16-10", "--device", "cuda", "--json", env=HIDDEN).fails_with("cuda:0", "NVIDIA")


def test_train_on_a_gpu_that_is_not_there(trained, tmp_path):
    command = ("train", "16-10", "--device", "cuda", "--json", "--work-dir", tmp_path / "work")
    trained.process(*command, env=HIDDEN).fails_with("cuda", "--device cpu")
    assert not (tmp_path / "work").exists()


def test_all_means_the_cpu_where_there_is_no_gpu(trained):
    command = ("bench", "16-10", "--quick", "--batch", "1", "--device", "all", "--json")
    (row,) = trained.process(*command, env=HIDDEN).succeeds().json
    assert (row["device"], row["provider"]) == ("cpu", "CPUExecutionProvider")


def test_a_batch_that_no_memory_holds_is_a_row_with_an_error(trained):
    outcome = trained("bench", "16-10", "--quick", "--batch", "1,99999999999", "--json")
    assert outcome.code == 3
    first, second = outcome.json
    assert first["error"] is None
    assert "99,999,999,999" in second["error"]
