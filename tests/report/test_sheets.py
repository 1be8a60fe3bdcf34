from __future__ import annotations

import re

import pytest
from results_of import evaluation, latency, model, training

from mnistbench.catalog import NETWORKS, find
from mnistbench.errors import MnistbenchError
from mnistbench.report.latency_sheets import latency_sheets
from mnistbench.report.sheet import Sheet, markdown
from mnistbench.report.sheets import (
    PaperLine,
    confusion_sheet,
    dropout_text,
    evaluation_sheet,
    export_sheet,
    input_sheet,
    networks_sheets,
    paper_line,
    paper_sheets,
    training_sheet,
)
from mnistbench.reproduce import Row

OWN = find("24-P-48-P-96-10-dropout0.35")
EVERY = (*NETWORKS, OWN)


def paper_lines(**changes: object) -> list[PaperLine]:
    values = {
        "error_rate": 0.8865,
        "error_rate_low": 0.8801,
        "error_rate_high": 0.8926,
        "epoch_seconds": 123.456,
        "latency_seconds": 0.000888,
    }
    return [PaperLine(network, **(values | changes)) for network in EVERY]


def every_sheet() -> dict[str, Sheet]:
    """One of each kind, with all networks and the widest figures."""
    failed = [latency(network, error="no CUDA libraries", provider=None) for network in EVERY]
    papers = [network.paper.error if network.paper else None for network in EVERY]
    sheets = {
        "training": training_sheet([training(network) for network in EVERY], papers),
        "training paper": training_sheet(
            [training(network, recipe="paper", selection="best_on_test") for network in EVERY], papers
        ),
        "export": export_sheet([model(n, file=f"{n.name}-float32.onnx") for n in EVERY]),
        "evaluation": evaluation_sheet([evaluation(network) for network in EVERY]),
        "input": input_sheet([evaluation(network) for network in EVERY]),
        "confusion": confusion_sheet(evaluation(EVERY[0])),
        "latency": latency_sheets([latency(network) for network in EVERY])[-1],
        "latency failed": latency_sheets(failed)[-1],
    }
    sheets |= {sheet.title: sheet for sheet in networks_sheets(EVERY)}
    sheets |= {f"results, {sheet.title}": sheet for sheet in paper_sheets(paper_lines())}
    return sheets


SHEETS = every_sheet()
each = pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS.keys())


@each
def test_every_row_has_a_cell_for_each_column(sheet: Sheet) -> None:
    assert sheet.rows
    assert {len(row) for row in sheet.rows} == {len(sheet.columns)}
    assert all(type(cell) is str and cell == cell.strip(" ") for row in sheet.rows for cell in row)


@each
def test_markdown_tables_are_well_formed(sheet: Sheet) -> None:
    text = markdown(sheet)
    table = [line for line in text.split("\n") if line.startswith("|")]
    assert len(table) == 2 + len(sheet.rows)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(sheet.columns) + 1}
    assert re.fullmatch(r"\|( (---|--:) \|)+", table[1])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def cells(sheet: Sheet, head: str) -> list[str]:
    index = [column.head for column in sheet.columns].index(head)
    return [row[index] for row in sheet.rows]


def test_the_catalogue_stands_in_the_papers_tables() -> None:
    sheets = networks_sheets(EVERY)
    assert [sheet.title.partition(":")[0] for sheet in sheets] == [
        *(f"Table {number}" for number in range(1, 7)),
        "Not in the paper",
    ]
    assert [len(sheet.rows) for sheet in sheets] == [6, 4, 5, 6, 6, 2, 1]
    largest = sheets[5].rows[1]
    assert largest[1:-1] == ("yes (0.3)", "909,866", "19.1 M", "0.46")
    assert largest[-1].split() == ["largest-dropout,", "best"]
    assert networks_sheets([]) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("64-10", "–"),
        ("64-10-dropout", "yes (0.2)"),
        ("best", "yes (0.3)"),
        ("1500-1000-500-10-dropout0.15", "0.15"),
        ("24-10-dropout0.5", "0.5"),
    ],
)
def test_dropout_is_said_as_the_paper_says_it(name: str, text: str) -> None:
    assert dropout_text(find(name)) == text


def test_training_figures_stand_beside_the_papers() -> None:
    network = find("64-10")
    sheet = training_sheet([training(network, error_rate=0.0231, epoch_seconds=0.456)], [0.0239])
    assert cells(sheet, "error %") == ["2.31"]
    assert cells(sheet, "paper %") == ["2.39"]
    assert cells(sheet, "s/epoch") == ["0.46"]
    assert sheet.note == ""


def test_a_choice_on_the_test_set_is_confessed() -> None:
    network = find("64-10")
    assert "best epoch on the test set" in training_sheet([training(network, selection="best_on_test")], [None]).note
    assert "held-out training images" in training_sheet([training(network, evaluated_on="validation")], [None]).note


def test_as_many_papers_errors_as_results() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        training_sheet([], [0.1])


def test_exported_files_show_their_gate() -> None:
    sheet = export_sheet([model(find("64-10"), size_bytes=205_000)])
    assert sheet.rows == (("64-10.onnx", "205 kB", "50,890", "8865/10000", "1.2e-05", "ef" * 6),)


def test_evaluations_name_what_they_are_on() -> None:
    some = [evaluation(find("64-10")), evaluation(OWN, dataset="mine", num_images=500)]
    assert evaluation_sheet(some).note == "On 10,000 test images of mnist, 500 test images of mine."
    foreign = evaluation(OWN, num_parameters=None, macs=None, paper_error=None)
    sheet = evaluation_sheet([foreign])
    assert [cells(sheet, head) for head in ("parameters", "MACs", "paper %")] == [["–"]] * 3
    assert evaluation_sheet([]).note == ""


def test_the_confusion_matrix_shows_errors_only_where_they_are() -> None:
    matrix = tuple(tuple(90 if row == column else int(column == 0) for column in range(10)) for row in range(10))
    sheet = confusion_sheet(evaluation(find("64-10"), confusion=matrix))
    assert sheet.rows[0] == ("0", "90", *"·" * 9, "0")
    assert sheet.rows[3] == ("3", "1", "·", "·", "90", *"·" * 6, "1")
    assert confusion_sheet(evaluation(find("64-10"), confusion=None)).rows == ()


def test_our_figures_stand_beside_the_papers() -> None:
    sheets = paper_sheets(paper_lines(error_rate=0.0051, error_rate_low=0.0039, error_rate_high=0.0067))
    assert [len(sheet.rows) for sheet in sheets] == [6, 4, 5, 6, 6, 2, 1]
    assert sheets[5].rows[1] == (
        "32-32-P-64-64-P-256-128-64-10",
        "0.3",
        "910 k",
        "19.1 M",
        "0.46",
        "0.51",
        "0.39–0.67",
        "123.46",
        "888 µs",
    )


def test_what_was_not_measured_is_a_dash_and_what_failed_is_said() -> None:
    (sheet,) = paper_sheets([PaperLine(find("64-10"), failure="64-10 diverged")])
    assert sheet.rows == (("64-10", "–", "50.9 k", "50.8 k", "2.39", *"––––"),)
    assert sheet.note == "64-10: 64-10 diverged"


@pytest.mark.parametrize("network", [find("64-10"), find("best"), OWN, find("lenet5-dropout")], ids=lambda n: n.name)
def test_a_line_is_read_from_the_document(network) -> None:
    row = Row(network, training(network), model(network), evaluation(network), (latency(network),))
    line = paper_line(row.as_dict())
    assert line == PaperLine(network, 0.8865, 0.8801, 0.8926, 123.456, 0.000888)
    failed = latency(network, error="no CUDA", p50_seconds=None)
    row = Row(network, training(network), model(network), evaluation(network), (failed, latency(network)))
    # The second timing is of another device or batch than the first, which the column is of.
    assert paper_line(row.as_dict()) == PaperLine(network, 0.8865, 0.8801, 0.8926, 123.456, None, failure="no CUDA")
    row = Row(network, training(network), model(network), evaluation(network), (latency(network), failed))
    assert paper_line(row.as_dict()) == PaperLine(network, 0.8865, 0.8801, 0.8926, 123.456, 0.000888, failure="no CUDA")
    assert paper_line(Row(network, error="diverged").as_dict()) == PaperLine(network, failure="diverged")


def test_a_line_of_no_network_is_a_typed_error() -> None:
    document = Row(OWN, error="x").as_dict() | {"notation": "24-Q-10"}
    with pytest.raises(MnistbenchError):
        paper_line(document)
