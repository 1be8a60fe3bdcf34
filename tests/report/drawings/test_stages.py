from __future__ import annotations

import pytest

from mnistbench.catalog import NETWORKS, find
from mnistbench.report.drawings.stages import map_side, stages_of


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_there_is_a_stage_for_each_shape_and_one_for_the_flat_image(network):
    stages, steps = stages_of(network.spec)
    assert len(stages) == len(network.spec.layers) + 2
    assert len(steps) == len(stages) - 1
    assert stages[0].lines == ("image", "28×28")
    assert stages[-1].lines == ("10", "classes")
    assert [stage.lines[1] for stage in stages].count("values") == 1


@pytest.mark.parametrize(("channels", "copies"), [(1, 1), (2, 2), (6, 4), (16, 5), (32, 6), (64, 7), (65536, 10)])
def test_a_stack_grows_by_one_with_every_doubling(channels, copies):
    stages, _ = stages_of(find(f"{channels}-P-10").spec)
    assert stages[1].copies == copies


def test_columns_grow_slowly_and_show_few_units_one_by_one():
    stages, _ = stages_of(find("1-10-1500-65536-10").spec)
    heights = [stage.height for stage in stages[2:]]
    assert heights == [20, *sorted(heights[1:4]), heights[1]]
    assert max(heights) < 300
    assert [stage.cells for stage in stages[2:4]] == [1, 10]


def test_one_is_not_several():
    stages, _ = stages_of(find("1-P-P-P-P-1-10").spec)
    assert [stage.lines[0] for stage in stages[1:6]] == ["1 map"] * 5
    assert [stage.phrase for stage in stages[6:]] == ["1 value", "1 unit", "10 classes"]


def test_windows_lie_within_their_maps():
    for text in ("8-P-10-k28p27", "lenet5", "1-P-P-P-P-1-10", "8-P-32-P-128-10-k5.3p0.0"):
        stages, steps = stages_of(find(text).spec)
        for stage, step in zip(stages, steps, strict=False):
            assert step.patch <= (stage.side or 0)


@pytest.mark.parametrize(("pixels", "side"), [(1, 5), (28, 67.2), (1000, 90)])
def test_maps_are_neither_too_small_nor_too_large(pixels, side):
    assert map_side(pixels) == pytest.approx(side)
