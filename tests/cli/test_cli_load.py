"""``mnistbench load`` on a bundled model, as short as can be; no figure is judged."""

from __future__ import annotations

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
from latency_models import write_model, write_other

from mnistbench.cli.load import exit_code
from mnistbench.results import LoadResult, LoadRun

MODEL = "64-64-10"
SHORT = ("--duration", 0.01, "--threads", 1)
HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}


def test_a_row_for_each_scenario_and_gap(cli, tmp_path):
    file = tmp_path / "load.json"
    command = ("load", MODEL, "--scenario", "paced,single-stream", "--scenario", "multi-stream", "--gaps", "0,1")
    outcome = cli(*command, *SHORT, "--samples-per-query", 4, "--json", "--output", file).succeeds()
    rows = [LoadResult.from_dict(row) for row in outcome.json]
    assert [(row.scenario, row.gap_seconds) for row in rows] == [
        ("single-stream", None),
        ("multi-stream", None),
        ("paced", 0.0),
        ("paced", 0.001),
    ]
    assert [row.samples_per_query for row in rows] == [1, 4, 1, 1]
    for row, document in zip(rows, outcome.json, strict=True):
        assert (row.name, row.provider, row.error) == (MODEL, "CPUExecutionProvider", None)
        assert row.num_queries > 0
        assert row.samples_seconds == ()
        assert document["environment"]["kind"] == "environment"
    run = LoadRun.from_dict(json.loads(file.read_text(encoding="utf-8")))
    assert [len(row.samples_seconds) for row in run.results] == [row.num_queries for row in rows]
    assert [dataclasses.replace(row, samples_seconds=()) for row in run.results] == rows
    assert json.loads(json.dumps(run.environment.as_dict())) == outcome.json[0]["environment"]
    assert (run.settings["seconds"], run.settings["seed"]) == (0.01, 20)
    assert run.settings["scenarios"][1] == {"name": "multi-stream", "samples_per_query": 4, "workers": 1}
    assert [one.get("gap_seconds") for one in run.settings["scenarios"]] == [None, None, 0.0, 0.001]


def test_a_fixed_rate_with_several_workers(cli):
    command = ("load", MODEL, "--scenario", "server", "--rate", 3000, "--p99", 50, "--workers", 2, "--seed", 5)
    outcome = cli(*command, *SHORT, "--json")
    (row,) = outcome.json
    assert (row["rate"], row["rate_searched"], row["latency_bound_seconds"]) == (3000, False, 0.05)
    assert (row["workers"], row["seed"], row["steps"]) == (2, 5, [])
    # Ten times the duration holds 300 of the 662 queries that p99 needs.
    assert (row["valid"], row["within_bound"]) == (False, None)
    assert "p99 needs 662 queries, there were 300" in row["invalid_reasons"][0]
    assert outcome.code == 3


def test_a_rate_that_misses_the_bound_has_an_exit_code(cli):
    # A million queries a second, each of which takes a microsecond or more, queue for longer than that.
    command = ("load", MODEL, "--scenario", "server", "--rate", 1_000_000, "--p99", 0.1)
    outcome = cli(*command, *SHORT)
    assert outcome.code == 4, outcome
    assert "overloaded" in outcome.out


SERVER = LoadResult("m", "m.onnx", "", "cpu", "server", rate=9.0, within_bound=True, valid=True)
FAILED = dataclasses.replace(SERVER, within_bound=None, valid=False, error="no memory")
SLOW = dataclasses.replace(SERVER, within_bound=False)
OVERLOADED = dataclasses.replace(SLOW, valid=False, stop_reason="overload")
LATE = dataclasses.replace(SLOW, valid=False)
FEW = dataclasses.replace(SERVER, within_bound=None, valid=False)
NONE_WITHIN = dataclasses.replace(SLOW, rate=None, rate_searched=True, valid=False)
UNSETTLED = dataclasses.replace(SERVER, rate_searched=True, valid=False)
SHORT_STREAM = dataclasses.replace(FEW, scenario="single-stream", rate=None)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([SERVER], 0),
        ([SERVER, NONE_WITHIN, UNSETTLED, SHORT_STREAM], 0),
        ([SERVER, SLOW], 4),
        ([OVERLOADED], 4),
        ([FAILED, SLOW, FEW], 4),
        ([SERVER, FEW], 3),
        ([LATE], 3),
        ([SERVER, FAILED], 3),
    ],
)
def test_what_the_exit_code_says_of_the_rows(results, code):
    assert exit_code(results) == code


def test_a_rate_is_searched_where_none_is_given(cli):
    (row,) = cli("load", MODEL, "--scenario", "server", "--p99", 0.001, *SHORT, "--json").succeeds().json
    # No call takes less than a microsecond: the search ends before it begins.
    assert (row["rate"], row["rate_searched"], row["within_bound"]) == (None, True, False)
    assert "longer than the bound" in row["invalid_reasons"][0]


def test_tables_fit_80_columns_and_say_how_long_they_ran(cli):
    names = "single-stream,multi-stream,offline,server,paced"
    command = ("load", MODEL, "--scenario", names, "--rate", 100, "--gaps", "0.5", "--batch", 4)
    outcome = cli(*command, *SHORT)
    assert outcome.code == 3, outcome  # so short a time has too few queries for p99
    out = outcome.out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    for text in ("Streams and offline", "Server", "Paced", "MLPerf asks for 600 s"):
        assert text in out


def test_one_broken_file_does_not_stop_the_others(cli, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    outcome = cli("load", broken, MODEL, "--scenario", "paced", "--gaps", "0,1", *SHORT, "--json")
    assert outcome.code == 3
    assert [(row["name"], row["error"] is None) for row in outcome.json] == [
        ("broken", False),
        (MODEL, True),
        (MODEL, True),
    ]
    table = cli("load", broken, MODEL, "--scenario", "paced", "--gaps", "0", *SHORT)
    assert table.code == 3
    assert "failed" in table.out
    cli("load", broken).fails_with("broken.onnx")


def test_on_a_gpu_that_is_not_there_every_row_says_why(cli):
    command = ("load", MODEL, "--scenario", "server,offline", "--device", "cuda", "--json")
    outcome = cli.process(*command, env=HIDDEN)
    outcome.fails_with("cuda:0", "NVIDIA", out=outcome.out)
    assert [row["scenario"] for row in outcome.json] == ["offline", "server"]
    assert {row["provider"] for row in outcome.json} == {None}


def test_a_batch_that_no_memory_holds_is_a_row_with_an_error(cli, monkeypatch):
    def refuse(*_args, **_keywords):
        raise MemoryError

    monkeypatch.setattr("mnistbench.measure.load.measure.make_workload", refuse)
    outcome = cli("load", MODEL, "--scenario", "offline", *SHORT, "--json")
    outcome.fails_with("not enough memory", "batch 256", out=outcome.out)


def test_a_model_of_another_kind_is_given_tensors(cli, tmp_path):
    file = write_other(tmp_path / "other.onnx")
    asked = ("load", file, "--scenario", "single-stream,offline", "--batch", 4, *SHORT, "--json")
    outcome = cli(*asked, "--shape", "Nx3x8x8").succeeds()
    assert [(row["error"], row["samples_per_query"]) for row in outcome.json] == [(None, 1), (None, 4)]
    cli(*asked).fails_with("--shape")
    np.save(tmp_path / "x.npy", np.ones((4, 3, 8, 8), np.float32))
    outcome = cli(*asked, "--input-file", tmp_path / "x.npy").succeeds()
    assert [(row["error"], row["samples_per_query"]) for row in outcome.json] == [(None, 4), (None, 4)]
    named = write_other(tmp_path / "named.onnx", shape=("n", 3))
    outcome = cli("load", named, "--scenario", "single-stream", *SHORT, "--json").succeeds()
    assert "named does not read digits; loaded with random inputs: x float32 [N, 3]" in outcome.err


DIGITS = ("--input-range", "0..255")


@pytest.mark.parametrize(
    ("write", "given"), [(partial(write_model, batch=4), DIGITS), (partial(write_other, shape=(4, 3, 8, 8)), ())]
)
@pytest.mark.parametrize("untrusted", [(), ("--untrusted",)], ids=["trusted", "untrusted"])
def test_a_fixed_batch_is_what_every_query_has(cli, tmp_path, write, given, untrusted):
    file = write(tmp_path / "four.onnx")
    asked = ("load", file, *given, "--rate", 100, *SHORT, *untrusted)
    outcome = cli(*asked, "--scenario", "single-stream,multi-stream,offline,server,paced", "--gaps", 0, "--json")
    assert [(row["error"], row["samples_per_query"]) for row in outcome.json] == [(None, 4)] * 5
    assert outcome.err.count("four takes batches of 4 only: each query is one of these, in every scenario") == 1
    table = cli(*asked, "--scenario", "server")
    assert "four, cpu, server: 4 images a query, the model's fixed batch" in table.out
    offline = cli(*asked, "--scenario", "offline", "--batch", 4).succeeds()
    assert "takes batches" not in offline.err


def test_an_interrupted_command_keeps_the_rows_it_has(cli, tmp_path, monkeypatch):
    import mnistbench.measure.load.measure as module

    file, runs = tmp_path / "load.json", []
    run = module.run_closed_loop

    def interrupted(*args, **keywords):
        runs.append(args)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return run(*args, **keywords)

    monkeypatch.setattr(module, "run_closed_loop", interrupted)
    outcome = cli("load", MODEL, "--scenario", "single-stream,multi-stream", *SHORT, "--output", file)
    assert outcome.code == 130
    assert "interrupted" in outcome.err
    assert "Traceback" not in outcome.err
    run = LoadRun.from_dict(json.loads(file.read_text(encoding="utf-8")))
    assert [row.scenario for row in run.results] == ["single-stream"]
    assert f"what was measured is kept in {file}" in outcome.err


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_command_shows_the_rows_it_has(cli, monkeypatch, as_json):
    import mnistbench.measure.load.measure as module

    run, runs = module.run_closed_loop, iter([False, True])

    def interrupted(*args, **keywords):
        if next(runs):
            raise KeyboardInterrupt
        return run(*args, **keywords)

    monkeypatch.setattr(module, "run_closed_loop", interrupted)
    options = ("--json",) if as_json else ()
    outcome = cli("load", MODEL, "--scenario", "single-stream,multi-stream", *SHORT, *options)
    assert outcome.code == 130
    assert outcome.err.endswith("interrupted: some rows are missing\n")
    if as_json:
        assert [row["scenario"] for row in outcome.json] == ["single-stream"]
    else:
        assert "single-stream" in outcome.out
        assert "multi-stream" not in outcome.out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--scenario", "burst"), "'burst' is not one of single-stream, multi-stream, offline, server, paced"),
        (("--scenario", ""), "'' is not one of"),
        (("--rate", "0"), "0"),
        (("--rate", "nan"), "nan"),
        (("--rate", "inf"), "inf"),
        (("--p99", "-1"), "-1"),
        (("--p99", "nan"), "nan"),
        (("--duration", "0"), "0"),
        (("--duration", "nan"), "nan"),
        (("--workers", "0"), "0"),
        (("--samples-per-query", "0"), "0"),
        (("--batch", "0"), "0"),
        (("--seed", "-1"), "-1"),
        (("--gaps", "1,x"), "'1,x' is not a list of milliseconds"),
        (("--gaps", "nan"), "'nan'"),
        (("--gaps", ""), "''"),
        (("--gaps", "-1"), "'-1'"),
        (("--gaps", "inf"), "'inf'"),
        (("--input-range", "bogus"), "'bogus' is not one of"),
        (("--device", "tpu"), "'tpu'"),
    ],
    ids=" ".join,
)
def test_wrong_options_are_wrong_usage(cli, options, text):
    cli("load", MODEL, *options).fails_with(text, code=2)


def test_a_rate_too_low_for_the_time(cli):
    cli("load", MODEL, "--scenario", "server", "--rate", 1, "--duration", 0.01).fails_with("give a longer --duration")


def test_an_unknown_name(cli):
    cli("load", "lenet6").fails_with("'lenet6'", "did you mean", code=2)
