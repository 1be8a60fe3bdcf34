from __future__ import annotations

import pytest

from mnistbench.demo.site import Site
from mnistbench.report.demo_sheets import site_sheet


def network(name: str, basis: str | None, *, paper: float | None = 0.011) -> dict[str, object]:
    return {
        "id": name,
        "num_parameters": 61_706,
        "paper": None if paper is None else {"table": 5, "error": paper},
        "ours": None if basis is None else {"error": 0.0059, "low": 0.005, "high": 0.007, "basis": basis},
        "bytes": 1000,
        "first": True,
    }


@pytest.mark.parametrize(
    ("bases", "told"),
    [
        (["median of 5 seeds", "median of 5 seeds"], "images; median of 5 seeds."),
        (["median of 5 seeds", "of this file"], "images; median of 5 seeds (a); of this file (b)."),
        (["of this file", "of this file", None], "images; of this file."),
        (["one seed", "of this file", "one seed"], "images; one seed (a, c); of this file (b)."),
    ],
)
def test_the_basis_of_our_errors_stands_below(bases, told):
    networks = tuple(network(name, basis) for name, basis in zip("abc", bases, strict=False))
    sheet = site_sheet(Site({"a": b"12"}, networks, 1000), "Page")
    paper, ours, sizes = sheet.note.splitlines()
    assert paper == "paper %: the best on the test images over the epochs, so that they chose the epoch."
    assert ours == f"ours %: after the last epoch, on the same 10,000 {told}"
    assert sizes == "First load 1.00 kB; all 1 files 2.00 B."
    assert [row[3] for row in sheet.rows] == ["–" if basis is None else "0.59" for basis in bases]


def test_without_figures_nothing_is_said_of_them():
    sheet = site_sheet(Site({"a": b"12"}, (network("mine", None, paper=None),), 1000), "Page")
    assert sheet.note == "First load 1.00 kB; all 1 files 2.00 B."
