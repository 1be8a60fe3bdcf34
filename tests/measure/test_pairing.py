from __future__ import annotations

import dataclasses

import pytest
from latencies import ENVIRONMENT, OPTIONS, failed, row

from mnistbench.measure.pairing import (
    OF_THE_MODEL,
    by_name_and_batch,
    by_name_and_mode,
    by_name_and_place,
    conflicts,
    different_options,
    environment_notes,
    other_gpu,
    pair_rows,
)


def test_the_first_key_that_two_rows_share_alone_decides() -> None:
    mine = [row(mode="e2e"), row(mode="bound"), row("64-10"), row("8-10")]
    theirs = [row("64-10", device="cuda:0"), row(mode="bound"), row("9-10"), row(mode="e2e")]
    partners, left = pair_rows(mine, theirs, (by_name_and_place, by_name_and_batch))
    assert partners == [theirs[3], theirs[1], theirs[0], None]
    assert left == [theirs[2]]


def test_rows_that_cannot_be_told_apart_have_no_partner() -> None:
    partners, left = pair_rows([row(), row()], [row(), row(), row()], (by_name_and_place, by_name_and_batch))
    assert (partners, len(left)) == ([None, None], 3)
    assert pair_rows([], [], (by_name_and_place,)) == ([], [])


def test_a_failed_row_is_found_without_a_provider() -> None:
    partners, left = pair_rows([row(), row(mode="bound")], [failed(mode="bound"), failed()], (by_name_and_mode,))
    assert ([partner.mode for partner in partners], left) == (["e2e", "bound"], [])


def options(**changes) -> dict:
    return {"options": OPTIONS | changes}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"mode": "bound"}, ["mode e2e and bound"]),
        ({"device": "cuda:0"}, ["device cpu and cuda:0"]),
        ({"provider": "OtherProvider"}, ["provider CPUExecutionProvider and OtherProvider"]),
        ({"provider": None}, []),
        (options(intra_op_num_threads=1), ["intra_op_num_threads 2 and 1"]),
        (options(allow_spinning=False), ["allow_spinning True and False"]),
        (options(provider_options={"device_id": "1", "use_tf32": "0"}), []),
        (options(provider_options={"device_id": "0", "use_tf32": "1"}), ["provider_options.use_tf32 '0' and '1'"]),
        (options(input={"name": "x", "layout": "NHW", "batch_size": None}), ["input.layout 'N1HW' and 'NHW'"]),
        (options(input=None), None),
        (options(seed=1, distinct_inputs=3), []),
        (options(only_here=1), []),
        ({"options": {}}, []),
        ({"sha256": "cd"}, []),
    ],
    ids=str,
)
def test_what_was_measured_differently(changes, found) -> None:
    named = conflicts(row(), row(**changes))
    assert named == found if found is not None else named[0].startswith("input ")
    assert len(conflicts(row(**changes), row())) == len(named)


def test_the_inputs_of_different_models_may_differ() -> None:
    other = row(options=OPTIONS | {"input": {"layout": "NHW"}})
    assert conflicts(row(), other, OF_THE_MODEL) == []


GPU = {"index": 0, "name": "GPU", "uuid": "GPU-1"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"packages": {"onnxruntime": "1.23.0", "numpy": "1.26"}}, None),
        ({"cpu": "Other"}, "measured on different machines: processor Some CPU and Other"),
        ({"cpus_usable": 64}, "measured on different machines: processors used 2 and 64"),
        ({"gpus": (GPU,)}, "measured on different machines: GPUs none and GPU"),
        ({"gpus": ({},)}, "measured on different machines: GPUs none and None"),
        ({"packages": {"onnxruntime": "1.24.0"}}, "onnxruntime 1.23.0 and 1.24.0"),
        ({"packages": {}}, "onnxruntime 1.23.0 and absent"),
    ],
    ids=str,
)
def test_another_machine_is_said(changes, words) -> None:
    notes = environment_notes(ENVIRONMENT, dataclasses.replace(ENVIRONMENT, **changes))
    assert notes == (() if words is None else (words,))


def test_options_differ_whatever_the_place() -> None:
    other = row(mode="bound", device="cuda:0", options=OPTIONS | {"intra_op_num_threads": 1, "seed": 3})
    assert different_options(row(), other) == ["intra_op_num_threads 2 and 1"]
    assert different_options(row(), other, frozenset({"seed", "intra_op_num_threads"})) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        (("GPU-1", "Fast"), ("GPU-1", "Fast"), None),
        (("GPU-1", "Fast"), ("GPU-2", "Slow"), "measured on different GPUs: Fast (GPU-1) and Slow (GPU-2)"),
        (("GPU-1", "Fast"), ("GPU-2", "Fast"), "measured on different GPUs: Fast (GPU-1) and Fast (GPU-2)"),
        (
            ("GPU-1", None),
            ("MIG-2", "Slow"),
            "measured on different GPUs: a GPU without a name (GPU-1) and Slow (MIG-2)",
        ),
        (("GPU-1", "Fast"), (None, None), None),
        ((None, None), ("GPU-1", "Fast"), None),
        ((None, None), (None, None), None),
    ],
)
def test_another_gpu_is_said_where_both_are_known(mine, theirs, words) -> None:
    rows = (row(device="cuda:0", gpu_uuid=uuid, gpu_name=name) for uuid, name in (mine, theirs))
    assert other_gpu(*rows) == ([] if words is None else [words])
