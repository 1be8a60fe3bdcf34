from __future__ import annotations

import json
import shutil

import onnx
import pytest

NAMES = ("16-10", "24-P-48-P-96-10")


def test_cards_are_written_and_listed(trained, tmp_path):
    folder = tmp_path / "cards"
    outcome = trained("card", *NAMES, "--output", folder, "--json").succeeds()
    assert [row["name"] for row in outcome.json] == list(NAMES)
    listed = [path for row in outcome.json for path in (row["card"], *row["pictures"])]
    assert sorted(listed) == sorted(str(path) for path in folder.iterdir())
    text = (folder / "16-10.md").read_text(encoding="utf-8")
    assert "# Model card: 16-10" in text
    assert "| dataset | patterns |" in text
    assert "| recipe | default: AdamW" in text
    assert "| batch size | 32 |" in text
    assert str(tmp_path) not in text
    assert "evaluating 16-10: 200 of 200 images" in outcome.err


def test_the_same_models_give_the_same_bytes(trained, tmp_path):
    for folder in "ab":
        outcome = trained("card", "16-10", "--output", tmp_path / folder).succeeds()
        assert outcome.out == ""
        assert f"wrote {tmp_path / folder / '16-10.md'}" in outcome.err
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["16-10-architecture.svg", "16-10-confusion.svg", "16-10.md"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_cards_go_into_the_work_folder(cli, trained, tmp_path):
    cli("card", trained.work / "zoo" / "16-10.onnx").succeeds()
    assert (cli.work / "cards" / "16-10.md").is_file()


def test_a_model_of_the_same_name_gets_a_card_of_its_own(trained, tmp_path):
    other = tmp_path / "other" / "16-10.onnx"
    other.parent.mkdir()
    shutil.copy(trained.work / "zoo" / "24-P-48-P-96-10.onnx", other)
    rows = trained("card", "16-10", other, "--output", tmp_path / "cards", "--json").succeeds().json
    assert len({row["card"] for row in rows}) == 2
    assert [row["card"].endswith(".md") for row in rows] == [True, True]
    assert len({picture for row in rows for picture in row["pictures"]}) == 4


def test_an_ensemble_has_a_card(trained, tmp_path):
    trained("ensemble", *NAMES, "--output", tmp_path / "pair.onnx").succeeds()
    (row,) = trained("card", tmp_path / "pair.onnx", "--output", tmp_path / "cards", "--json").succeeds().json
    assert len(row["pictures"]) == 3
    text = (tmp_path / "cards" / "pair.md").read_text(encoding="utf-8")
    assert "| 24-P-48-P-96-10 | fp32 | default | 0 |" in text


def test_a_file_of_somebody_else(trained, tmp_path):
    model = onnx.load(str(trained.work / "zoo" / "16-10.onnx"))
    del model.metadata_props[:]
    model.graph.input[0].name = "x"
    model.graph.node[0].input[0] = "x"
    onnx.save(model, tmp_path / "their <b>.onnx")
    outcome = trained("card", tmp_path / "their <b>.onnx", "--output", tmp_path / "cards").succeeds()
    assert "wrote" in outcome.err
    text = (tmp_path / "cards" / "their-b.md").read_text(encoding="utf-8")
    assert "# Model card: their &lt;b&gt;" in text
    assert "Its input `x` takes uint8 in the layout N1HW" in text


def test_latency_comes_from_a_run_of_the_benchmark(trained, tmp_path):
    bench = tmp_path / "bench.json"
    trained("bench", "16-10", "--quick", "--processes", 1, "--batch", "1", "--output", bench).succeeds()
    trained("card", *NAMES, "--bench", bench, "--output", tmp_path / "cards").succeeds()
    assert "| cpu | CPU | e2e | 1 |" in (tmp_path / "cards" / "16-10.md").read_text(encoding="utf-8")
    other = (tmp_path / "cards" / "24-P-48-P-96-10.md").read_text(encoding="utf-8")
    assert "have no row of this very file" in other


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_a_run_that_cannot_be_read(trained, tmp_path, content):
    bench = tmp_path / "bench.json"
    if content is not None:
        bench.write_text(content)
    trained("card", "16-10", "--bench", bench, "--output", tmp_path / "cards").fails_with(
        "bench.json", "mnistbench bench"
    )
    assert not (tmp_path / "cards").exists()


def test_one_of_several_is_broken(trained, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    outcome = trained("card", broken, "16-10", "--output", tmp_path / "cards", "--json")
    assert outcome.code == 3
    assert {row["name"]: "error" in row for row in outcome.json} == {"broken": True, "16-10": False}
    trained("card", broken, "--output", tmp_path / "cards").fails_with("broken.onnx")


def test_all_of_several_are_broken(trained, tmp_path):
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for file in files:
        file.write_bytes(b"nothing")
    outcome = trained("card", *files, "--output", tmp_path / "cards", "--json")
    assert outcome.code == 1
    assert all(row["error"] for row in json.loads(outcome.out))


def test_an_unknown_name_is_wrong_usage(trained):
    trained("card", "nonsense").fails_with("unknown network", code=2)


def test_a_folder_that_is_a_file(trained, tmp_path):
    (tmp_path / "cards").write_text("in the way")
    outcome = trained("card", "16-10", "--output", tmp_path / "cards")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
