"""Answers to pictures as a table, as CSV and as JSON lines. Rows are the documents that ``--json`` prints."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.report.units import MISSING, count, percent

Row = Mapping[str, Any]


def answers_sheet(rows: Sequence[Row], *, model: str, shown: int) -> Sheet:
    """The table: what each picture was read as.

    Args:
        rows: One for each picture; those with an ``error`` could not be opened.
        model: Name of the model that read them.
        shown: How many rows at most; the note counts the rest.
    """
    columns = (Column("file", right=False, foldable=True), Column("digit"), Column("%"), Column("remark", right=False))
    digits = sum(bool(row["is_digit"]) for row in rows)
    failed = sum("error" in row for row in rows)
    several = sum(map(_is_row_of_digits, rows))
    parts = [f"{count(len(rows))} picture{'' if len(rows) == 1 else 's'}: {count(digits)} with a digit"]
    parts += [f"{count(several)} with several"] if several else []
    none = len(rows) - digits - failed - several
    parts += [f"{count(none)} without"] if none else []
    parts += [f"{count(failed)} not opened"] if failed else []
    note = f"{', '.join(parts)}. Read by {one_line(model)}."
    if len(rows) > shown:
        note += f" The first {count(shown)} are shown; --csv FILE, --jsonl FILE and --json have all."
    return Sheet("", columns, tuple(map(_cells, rows[:shown])), note)


def answers_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV with a head: file, label, text, is_digit, reason, score, note, error and p0 to p9."""
    names = ("file", "label", "text", "is_digit", "reason", "score", "note", "error")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*names, *(f"p{digit}" for digit in range(10))])
    for row in rows:
        probabilities = row["probabilities"] or [""] * 10
        cells = ["" if row.get(name) is None else row[name] for name in names]
        cells[names.index("is_digit")] = "true" if row["is_digit"] else "false"
        writer.writerow([*(_encodable(cell) for cell in cells), *probabilities])
    return stream.getvalue()


def answers_jsonl(rows: Sequence[Row]) -> str:
    """The rows as JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=True, allow_nan=False) + "\n" for row in rows)


def _cells(row: Row) -> tuple[str, ...]:
    if "error" in row:
        return row["file"], MISSING, MISSING, "not opened"
    if _is_row_of_digits(row):
        return row["file"], row["text"], MISSING, row["note"]
    if not row["is_digit"]:
        return row["file"], MISSING, MISSING, f"not a digit{': no ink' if row['box'] is None else ''}"
    return row["file"], str(row["label"]), percent(row["probabilities"][row["label"]], 1), row["note"]


def _is_row_of_digits(row: Row) -> bool:
    return len(row.get("digits", ())) > 1 and any(digit["is_digit"] for digit in row["digits"])


def _encodable(cell: Any) -> Any:
    """A file's name may hold bytes that are no text; they are written as they are shown."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
