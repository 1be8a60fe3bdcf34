from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest
from test_results import BENCH, ENVIRONMENT, FAILED, FRESH

from mnistbench.bench_files import read_bench_run, read_gpus_run, write_bench_run, write_gpus_run
from mnistbench.errors import ArtifactError
from mnistbench.results import BenchRun, GpuFacts, GpuRun, GpusRun


@pytest.mark.parametrize("run", [BENCH, dataclasses.replace(BENCH, results=())])
def test_a_run_comes_back(tmp_path: Path, run) -> None:
    write_bench_run(tmp_path / "deep" / "run.json", run)
    assert read_bench_run(tmp_path / "deep" / "run.json") == run


def test_a_compressed_run_comes_back_and_is_always_the_same_file(tmp_path: Path) -> None:
    for name in ("run.json", "run.json.gz", "again.json.gz"):
        write_bench_run(tmp_path / name, BENCH)
    assert read_bench_run(tmp_path / "run.json.gz") == BENCH
    plain, packed, again = (tmp_path / name for name in ("run.json", "run.json.gz", "again.json.gz"))
    assert packed.read_bytes() == again.read_bytes()
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        gzip.compress(b"{}" * 99, mtime=0)[:-9],
        gzip.compress(b"{}", mtime=0)[:9],
        b"\x1f\x8b\x08" + b"\xff" * 40,
    ],
    ids=["nothing", "no gzip", "cut", "cut in the header", "no content"],
)
def test_a_damaged_compressed_run_is_a_typed_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json.gz").write_bytes(content)
    with pytest.raises(ArtifactError, match="not a run of the benchmark"):
        read_bench_run(tmp_path / "run.json.gz")


def test_a_compressed_file_that_grows_without_end_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mnistbench.bench_files.LARGEST_FILE", 1000)
    (tmp_path / "run.json.gz").write_bytes(gzip.compress(b" " * 10_000_000))
    with pytest.raises(ArtifactError, match="larger than 1000 bytes"):
        read_bench_run(tmp_path / "run.json.gz")


def test_a_row_stands_on_a_line(tmp_path: Path) -> None:
    write_bench_run(tmp_path / "run.json", BENCH)
    lines = (tmp_path / "run.json").read_text().splitlines()
    assert sum('"name": "16-10"' in line for line in lines) == 2


def test_what_the_command_prints_is_a_run_too(tmp_path: Path) -> None:
    rows = [row.as_dict() | {"environment": ENVIRONMENT.as_dict()} for row in (FRESH, FAILED)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    run = read_bench_run(tmp_path / "rows.json")
    assert (run.results, run.environment) == ((FRESH, FAILED), ENVIRONMENT)


OTHER = dataclasses.replace(ENVIRONMENT, cpu="Another CPU").as_dict()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a run"),
        ("{", "not a run"),
        ("[]", "array of latency results"),
        ("[3]", "array of latency results"),
        ('{"kind": "latency", "schema_version": 1}', 'expected a JSON object with "kind": "bench"'),
        (json.dumps([FRESH.as_dict()]), "not a environment result"),
        (
            json.dumps([FRESH.as_dict() | {"environment": one} for one in (ENVIRONMENT.as_dict(), OTHER)]),
            "different machines",
        ),
        (json.dumps(BENCH.as_dict() | {"schema_version": 9}), "schema version 9 is not known"),
    ],
)
def test_other_files_are_a_typed_error(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ArtifactError, match=message) as caught:
        read_bench_run(tmp_path / "x.json")
    assert "mnistbench bench NAMES --output FILE" in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ArtifactError, match="is not a run of the benchmark: "):
            read_bench_run(path)


def test_no_more_samples_are_written_than_can_be_read_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mnistbench.bench_files.MOST_SAMPLES", 5)
    rows = tuple(dataclasses.replace(FRESH, samples_seconds=(0.1,) * 3) for _ in range(3))
    write_bench_run(tmp_path / "run.json", dataclasses.replace(BENCH, results=rows))
    read = read_bench_run(tmp_path / "run.json")
    assert [len(row.samples_seconds) for row in read.results] == [3, 0, 0]
    assert {row.p50_seconds for row in read.results} == {FRESH.p50_seconds}


def test_as_many_rows_as_possible_keep_their_samples(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mnistbench.bench_files.MOST_SAMPLES", 9)
    write_bench_run(tmp_path / "run.json", of_samples(9, 2, 5, 1, 3))
    assert [len(row.samples_seconds) for row in read_bench_run(tmp_path / "run.json").results] == [0, 2, 0, 1, 3]


def of_kinds(*runs: BenchRun | None) -> GpusRun:
    gpu = GpuFacts("", "GPU-1", "Fast", "", 700.0, "590", "13.0", "1.31")
    return GpusRun("2026-11-22T12:00:00+00:00", tuple(GpuRun((gpu,), run, None if run else "busy") for run in runs))


def of_samples(*counts: int) -> BenchRun:
    rows = (dataclasses.replace(FRESH, processes=(), samples_seconds=(0.1,) * count) for count in counts)
    return dataclasses.replace(BENCH, results=tuple(rows))


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        (((3, 3), (3, 3)), ((3, 3), (3, 3))),  # as many as there may be
        (((3, 3, 3), (3, 3, 3)), ((3, 3, 0), (3, 3, 0))),
        (((3, 3, 3), (1,)), ((3, 3, 3), (1,))),  # one takes what the other leaves
        (((12, 1), (1,), (1, 1)), ((0, 1), (1,), (1, 1))),
        (((5, 5), (1,), (5, 5)), ((5, 0), (1,), (5, 0))),
        (((13,),), ((0,),)),
        (((), (13, 1)), ((), (0, 1))),
        ((), ()),
    ],
)
def test_the_gpus_share_the_samples_that_can_be_read_again(tmp_path: Path, monkeypatch, counts, kept) -> None:
    monkeypatch.setattr("mnistbench.bench_files.MOST_SAMPLES", 12)
    write_gpus_run(tmp_path / "every.json", of_kinds(None, *(of_samples(*each) for each in counts)))
    read = read_gpus_run(tmp_path / "every.json")
    assert read == of_kinds(None, *(of_samples(*each) for each in kept))


def test_a_row_of_a_gpu_stands_on_a_line_of_json_as_it_is_indented(tmp_path: Path) -> None:
    run = of_kinds(None, BENCH, dataclasses.replace(BENCH, results=()))
    write_gpus_run(tmp_path / "run.json", run)
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(run.as_dict()))
    assert [line[:10] for line in text.splitlines() if '"name": "16-10"' in line] == ["          "] * 2
    # Nothing else is different.
    empty = of_kinds(None, dataclasses.replace(BENCH, results=()))
    write_gpus_run(tmp_path / "empty.json", empty)
    indented = json.dumps(empty.as_dict(), indent=2, ensure_ascii=False)
    assert (tmp_path / "empty.json").read_text(encoding="utf-8") == indented + "\n"


def test_a_sample_too_large_for_a_float_is_a_typed_error(tmp_path: Path) -> None:
    row = FRESH.as_dict() | {"samples_seconds": [0.5, 10**400]}
    document = BENCH.as_dict() | {"results": [row]}
    (tmp_path / "run.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="not a run of the benchmark"):
        read_bench_run(tmp_path / "run.json")
