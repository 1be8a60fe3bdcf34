from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.catalog import NETWORKS
from mnistbench.report.sheet import Column, Sheet, fold_notation, markdown
from mnistbench.report.terminal import COMFORTABLE_NOTATION

SHEET = Sheet("Title", (Column("name", right=False), Column("n")), (("a-\nb", "1"), ("c|d", "2")), "A note.")


def test_markdown_by_hand() -> None:
    assert markdown(SHEET) == ("### Title\n\n| name | n |\n| --- | --: |\n| a-b | 1 |\n| c\\|d | 2 |\n\nA note.\n")
    assert markdown(SHEET, level=2).startswith("## Title\n")


def test_markdown_without_title_rows_and_note_is_a_table_still() -> None:
    assert markdown(Sheet("", (Column("n"),), ())) == "| n |\n| --: |\n"


CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_every_row_of_a_markdown_table_has_all_its_cells(rows: list[tuple[str, str]]) -> None:
    lines = markdown(Sheet("", SHEET.columns, tuple(rows))).split("\n")
    assert lines.pop() == ""
    assert len(lines) == 2 + len(rows)
    for line in lines:
        # A bar that is not escaped begins or ends a cell.
        assert len(re.findall(r"(?<!\\)\|", line)) == 3, line


@given(
    st.lists(st.sampled_from(["P", "10", "64", "1500", "dropout0.25.onnx"]), min_size=1, max_size=40),
    st.integers(1, 40),
)
def test_folding_loses_nothing_and_keeps_the_width(tokens: list[str], width: int) -> None:
    text = "-".join(tokens)
    lines = fold_notation(text, width).split("\n")
    assert "".join(lines) == text
    for line in lines:
        assert line
        # Only a single token may be wider.
        assert len(line) <= width or "-" not in line[:-1]
    for line in lines[:-1]:
        assert line.endswith("-")


@pytest.mark.parametrize(
    ("notation", "lines"),
    [
        ("16-10", ["16-10"]),
        ("1500-1000-500-10", ["1500-1000-500-10"]),
        ("6-P-16-P-120-84-10", ["6-P-16-P-120-84-", "10"]),
        ("32-32-P-64-64-P-256-128-64-10", ["32-32-P-64-64-P-", "256-128-64-10"]),
    ],
)
def test_notations_break_after_a_hyphen(notation: str, lines: list[str]) -> None:
    assert fold_notation(notation, COMFORTABLE_NOTATION).split("\n") == lines


def test_the_papers_notations_take_two_lines_at_most() -> None:
    for network in NETWORKS:
        lines = fold_notation(network.spec.notation, COMFORTABLE_NOTATION).split("\n")
        assert len(lines) <= 2
        assert all(len(line) <= COMFORTABLE_NOTATION for line in lines)
