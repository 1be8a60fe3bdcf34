"""Tables of what is read on real pictures, from committed results."""

from __future__ import annotations

from typing import Any

from latency_tables import machine, read

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, markdown


def pictures() -> str:
    """Digits read and other pictures refused on the made set, by kind; which letters are where."""
    document = read("pictures.json")
    groups = document["groups"]
    rows = [_row("digits, all", groups["all"]["digits"])]
    rows += [_row(name, found) for name, found in groups["digits by kind and setting"].items()]
    rows.append(_row("no digits, all", groups["all"]["others"]))
    rows += [_row(name, found) for name, found in groups["others by kind"].items()]
    rows += [_row("letters near digits", found) for found in groups["letters near digits"].values()]
    heads = ("pictures", "number", "right %", "95% interval")
    columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
    note = (
        f"Right: the digit read, or the picture refused. Read by `{document['model']}`; made with seed "
        f"{document['seed']} and {len(document['fonts'])} fonts by `bench/pictures/make_set.py`."
    )
    note += _letters(document["letters"], groups["letters near digits by letter"])
    return markdown(Sheet("", columns, tuple(rows), note))


def _letters(letters: dict[str, str], found: dict[str, Any]) -> str:
    """A paragraph: what the letters are, of those near digits the shares too, and which are left out."""
    near = ", ".join(f"{letter} {row['right']} of {row['pictures']}" for letter, row in found.items())
    return (
        f"\n\n`letters` are {_listed(letters['far'])}. `letters near digits`, which are not counted in `no digits, "
        f"all`, were refused: {near}. Left out are the twins of digits, which are digits in most fonts or hands: "
        f"{_listed(letters['twins'])}."
    )


def _listed(letters: str) -> str:
    return ", ".join(letters)


def _row(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    return (
        name,
        units.count(found["pictures"]),
        units.percent(found["share"], 1),
        units.interval(found["low"], found["high"]),
    )


def normaliser() -> str:
    """Test images as other people's pictures: right by our normaliser, and by a bare resize."""
    document = read("normaliser.json")
    names = list(dict.fromkeys(row["network"] for row in document["rows"]))
    kinds = list(dict.fromkeys(row["pictures"] for row in document["rows"]))
    found = {(row["pictures"], row["network"]): row for row in document["rows"]}
    heads = ("test images", *(f"`{name}`, {way} %" for name in names for way in ("ours", "bare resize")))
    rows = tuple(
        (kind, *(units.percent(found[kind, name][way]["accuracy"]) for name in names for way in ("normalised", "bare")))
        for kind in kinds
    )
    columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
    given = ", ".join(f"`{name}` {units.percent(found[kinds[0], name]['mnist']['accuracy'])}%" for name in names)
    images = document["rows"][0]["num_images"]
    note = f"Right of {images:,}; as MNIST gives them: {given}. On {machine(document['environment'])}."
    return markdown(Sheet("", columns, rows, note))


def many_pictures() -> str:
    """A folder of very many pictures: the whole command beside a bare loop that only decodes the files."""
    document = read("many-pictures.json")
    heads = ("pictures", "`mnistbench predict`", "decoding alone", "ratio", "right %", "refused")
    rows = (
        (
            units.count(document["num_images"]),
            units.seconds(document["ours_seconds"]),
            units.seconds(document["baseline_seconds"]),
            f"{document['ratio']:.1f}",
            units.percent(document["right"] / document["num_images"]),
            units.count(document["refused"]),
        ),
    )
    columns = tuple(Column(head) for head in heads)
    note = (
        f"Medians of {document['rounds']} turns of each, by `bench/pictures/many.py`. "
        f"On {machine(document['environment'])}."
    )
    return markdown(Sheet("", columns, rows, note))
