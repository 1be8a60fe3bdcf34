"""``mnistbench report``: one page from files, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_results import BENCH, ENVIRONMENT, FAILED, FRESH

from mnistbench.bench_files import write_bench_run
from mnistbench.results import BenchRun


@pytest.fixture
def bench_file(tmp_path) -> Path:
    write_bench_run(tmp_path / "run.json", BENCH)
    return tmp_path / "run.json"


def test_the_page_is_written_and_said_on_standard_error(cli, bench_file, tmp_path):
    target = tmp_path / "new" / "page.html"
    outcome = cli("report", bench_file, "--output", target).succeeds()
    assert outcome.out == ""
    assert outcome.err.startswith(f"wrote {target} (")
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "run.json" in page
    assert str(tmp_path) not in page


def test_the_default_is_report_html_and_replaces_an_older_one(cli, bench_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("report.html").write_text("old")
    cli("report", "run.json").succeeds()
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_what_bench_prints_and_files_of_the_same_name(cli, bench_file, tmp_path):
    other = tmp_path / "other" / "run.json"
    other.parent.mkdir()
    other.write_text(json.dumps([FRESH.as_dict() | {"environment": ENVIRONMENT.as_dict()}]))
    cli("report", bench_file, other, "--output", tmp_path / "x.html").succeeds()
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "from 2 files" in page
    assert str(other) in page


def test_a_file_named_twice_is_shown_once(cli, bench_file, tmp_path):
    cli("report", bench_file, bench_file, "--output", tmp_path / "x.html").succeeds()
    assert "from 1 file" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_no_figure_is_an_error_and_writes_nothing(cli, tmp_path):
    write_bench_run(tmp_path / "run.json", BenchRun("", ENVIRONMENT, {}, (FAILED,)))
    target = tmp_path / "x.html"
    cli("report", tmp_path / "run.json", "--output", target).fails_with("no CUDA libraries", "mnistbench bench")
    assert not target.exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "latency", "schema_version": 1}'])
def test_other_files_are_an_error(cli, tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    cli("report", tmp_path / "x.json", "--output", tmp_path / "x.html").fails_with(
        "x.json is not a run of the benchmark", "mnistbench bench NAMES --output FILE"
    )
    assert not (tmp_path / "x.html").exists()


def test_missing_files_are_an_error(cli, tmp_path):
    cli("report", tmp_path / "none.json").fails_with("none.json is not a run of the benchmark")


def test_results_are_never_overwritten(cli, bench_file):
    before = bench_file.read_bytes()
    outcome = cli("report", bench_file, "--output", bench_file.parent / "." / "run.json")
    assert outcome.code == 2
    assert "is one of the RESULTS" in outcome.err
    assert bench_file.read_bytes() == before


def test_without_files_it_is_wrong_usage(cli):
    assert cli("report").code == 2


def test_a_folder_is_no_page(cli, bench_file, tmp_path):
    outcome = cli("report", bench_file, "--output", tmp_path)
    assert outcome.code == 2
    assert "is a directory" in outcome.err
