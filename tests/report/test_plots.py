from __future__ import annotations

import io
import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from records import record, seeds, whole_paper

from mnistbench.catalog import NETWORKS, find
from mnistbench.measure.summary import summarize
from mnistbench.report import plots
from mnistbench.report.plots import COLOURS, LABELLED, accuracy_against_parameters, learning_curves

pytest.importorskip("matplotlib")


def picture(png: bytes) -> np.ndarray:
    """uint8 of shape ``(height, width, 3)``."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def has_colour(png: bytes, colour: str) -> bool:
    wanted = [int(colour[position : position + 2], 16) for position in (1, 3, 5)]
    return bool((picture(png) == wanted).all(axis=2).any())


def accuracy(runs) -> bytes:
    return accuracy_against_parameters(summarize(runs))


@pytest.mark.parametrize("draw", [accuracy, learning_curves], ids=["accuracy", "curves"])
def test_pictures_are_white_and_1200_wide_and_show_every_table(draw):
    png = draw(whole_paper(2))
    pixels = picture(png)
    assert pixels.shape[1] == 1200
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    assert all(has_colour(png, colour) for colour in COLOURS[:6])


@pytest.mark.parametrize("draw", [accuracy, learning_curves], ids=["accuracy", "curves"])
def test_the_same_runs_give_the_same_bytes(draw):
    runs = seeds("16-10", [400, 410, 430])
    assert draw(runs) == draw(runs[::-1])
    assert b"Software" not in draw(runs)


def test_the_papers_own_errors_are_drawn_where_nothing_was_measured():
    assert has_colour(accuracy([]), COLOURS[0])


@pytest.mark.parametrize(
    "runs",
    [
        [record("16-10", 400)],
        seeds("16-10", [0, 0, 0], epoch_errors=[0]),
        seeds("24-P-48-P-96-10", [100, 110]),
        seeds("16-10", [400, 410], "speedrun"),
        [record("16-10", 400), record("16-10", 400, seed=1, epoch_errors=[900, 800, 700, 600, 500, 400])],
        [],
    ],
    ids=["one", "no errors", "own", "another recipe", "lengths differ", "none"],
)
@pytest.mark.parametrize("draw", [accuracy, learning_curves], ids=["accuracy", "curves"])
def test_unusual_runs_are_drawn_without_a_warning(draw, runs):
    assert picture(draw(runs)).shape[1] == 1200


def test_more_recipes_do_not_change_the_curves():
    runs = seeds("16-10", [400, 410])
    assert learning_curves(runs) == learning_curves([*runs, *seeds("16-10", [500], "speedrun")])


@pytest.fixture
def axes_of(monkeypatch):
    """Draws, and gives the one panel instead of its picture."""
    figures = []
    monkeypatch.setattr(plots, "_png", figures.append)

    def draw(function, runs):
        function(runs)
        (axes,) = figures.pop().axes
        return axes

    return draw


@pytest.mark.parametrize("count", [12, 13, 30])
def test_many_networks_of_ones_own_leave_room_for_the_curves(axes_of, count):
    names = [f"{units}-10" for units in range(201, 201 + count)]
    axes = axes_of(learning_curves, [record(name, 400 + position) for position, name in enumerate(names)])
    more = [f"and {count - 12} more"] if count > 12 else []
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [*names[:12], *more]
    assert len(axes.lines) == count
    low, high = axes.get_ylim()
    # Curves between 4% and 12.87% keep two fifths of the panel.
    share = (math.log(12) - math.log(4)) / (math.log(high) - math.log(low))
    assert low < 4
    assert 0.3 < share < 0.5


def test_no_errors_at_all_are_drawn_as_half_an_error(axes_of):
    axes = axes_of(accuracy, seeds("16-10", [0, 0, 4]))
    ((_, bars),) = [(c, c.lines[2][0]) for c in axes.containers]
    ((_, low), (_, high)) = bars.get_segments()[0]
    assert (low, high) == pytest.approx((0.005, 0.04))
    assert axes.get_ylim()[0] < 0.005


def test_the_labelled_networks_exist():
    assert {find(name).name for name in LABELLED} == set(LABELLED) <= {network.name for network in NETWORKS}


def test_drawing_keeps_the_users_settings_and_needs_no_pyplot():
    script = (
        "import sys, matplotlib; matplotlib.rcParams['font.size'] = 33\n"
        "from mnistbench.measure.summary import summarize; from mnistbench.report import plots\n"
        "plots.accuracy_against_parameters(summarize([]))\n"
        "assert matplotlib.rcParams['font.size'] == 33; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
