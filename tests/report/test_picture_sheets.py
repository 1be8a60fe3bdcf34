from __future__ import annotations

import csv
import io
import json

from mnistbench.report.picture_sheets import answers_csv, answers_jsonl, answers_sheet
from mnistbench.report.sheet import markdown

PROBABILITIES = [0.0, 0.75, *[0.03125] * 8]
BOX = [1, 2, 30, 40]
NONE = {
    "label": None,
    "probabilities": None,
    "is_digit": False,
    "reason": "no ink",
    "score": None,
    "box": None,
    "note": "",
}
ONE = {"label": 1, "probabilities": PROBABILITIES, "is_digit": True, "reason": "", "score": 3.5, "box": BOX, "note": ""}
ROWS = [
    {"file": "one.png", **ONE},
    {"file": "none.png", **NONE},
    {"file": "letter.png", **NONE, "probabilities": PROBABILITIES, "box": BOX},
    {"file": "row.png", **NONE, "box": BOX, "text": "1?", "digits": [ONE, NONE]},
    {"file": "letters.png", **NONE, "box": BOX, "text": "??", "digits": [NONE, NONE]},
    {"file": 'odd,"name\udc80', **NONE, "error": "it is damaged"},
]


def test_the_table_says_what_each_is():
    sheet = answers_sheet(ROWS, model="lenet5", shown=10)
    assert [row[1:] for row in sheet.rows] == [
        ("1", "75.0", ""),
        ("–", "–", "not a digit: no ink"),
        ("–", "–", "not a digit"),
        ("1?", "–", ""),
        ("–", "–", "not a digit"),
        ("–", "–", "not opened"),
    ]
    assert "6 pictures: 1 with a digit, 1 with several, 3 without, 1 not opened. Read by lenet5." in sheet.note
    assert "one.png" in markdown(sheet)


def test_a_long_table_is_cut_and_says_so():
    sheet = answers_sheet(ROWS * 3, model="m", shown=4)
    assert len(sheet.rows) == 4
    assert "The first 4 are shown" in sheet.note


def test_csv_can_be_read_again():
    rows = list(csv.DictReader(io.StringIO(answers_csv(ROWS))))
    assert [row["label"] for row in rows] == ["1", "", "", "", "", ""]
    assert [float(rows[0][f"p{digit}"]) for digit in range(10)] == PROBABILITIES
    assert rows[1]["p0"] == ""
    assert rows[3]["text"] == "1?"
    assert rows[5]["file"] == 'odd,"name\\udc80'
    assert rows[5]["error"] == "it is damaged"
    assert answers_csv([]).count("\n") == 1


def test_json_lines_are_the_rows():
    assert [json.loads(line) for line in answers_jsonl(ROWS).splitlines()] == ROWS
    assert answers_jsonl([]) == ""
