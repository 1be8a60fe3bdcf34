from __future__ import annotations

import dataclasses
import re

import pytest
from bench_runs import MACHINE, NOISY, combined, failed, row, run, shaped, steady

from mnistbench.report.html.environment import environment_table
from mnistbench.report.html.latency_tables import setup_tables, side_by_side_tables
from mnistbench.report.html.rows import gather
from mnistbench.report.html.table import Cell, Head, table

OPENVINO = "OpenVINOExecutionProvider"


def test_a_table_has_a_caption_scopes_and_a_box_that_scrolls():
    drawn = table(
        "A <caption>", [Head("name", right=False), Head("n")], [[Cell("<x>", name=True), Cell("1.00 k", 1000.0)]]
    )
    assert drawn.startswith('<div class="scroll" tabindex="0" role="region" aria-label="A &lt;caption&gt;">')
    assert "<caption>A &lt;caption&gt;</caption>" in drawn
    assert '<th scope="col" class="left">name</th><th scope="col">n</th>' in drawn
    assert '<th scope="row"><bdi>&lt;x&gt;</bdi></th><td data-value="1000">1.00 k</td>' in drawn


def test_every_row_has_a_cell_for_each_head():
    with pytest.raises(ValueError, match="shorter"):
        table("x", [Head("a"), Head("b")], [[Cell("1")]])


def beside(*results) -> list[str]:
    return side_by_side_tables(gather([("x", run(*results))]).rows)


def test_setups_stand_side_by_side_with_their_ratio():
    first, second = beside(steady(), steady(p50=5e-6, provider=OPENVINO), row(batch_size=32), failed())
    assert '<td data-value="1e-05">10.0 µs</td>' in first
    assert '<td data-value="5e-06"><b>5.00 µs</b> <small>2.00×</small></td>' in first
    assert first.startswith("<details open>")
    assert second.startswith("<details>")
    assert '<td class="quiet">–</td>' in second


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (steady(p50=8e-6, spread=NOISY, provider=OPENVINO), " <small>≈</small>"),
        (steady(p50=1.01e-5, provider=OPENVINO), " <small>≈</small>"),
        (steady(p50=2e-5, provider=OPENVINO), " <small>0.50×</small>"),
        (row(p50=2e-5, provider=OPENVINO), ""),
    ],
)
def test_a_ratio_stands_only_where_noise_does_not_explain_it(other, told):
    (drawn,) = beside(steady(), other)
    cell = drawn.partition("</tr></tbody>")[0].replace("<b>", "").replace("</b>", "")
    assert cell.endswith(f"µs{told}</td>")


@pytest.mark.parametrize(
    ("changes", "bold"),
    [({}, 1), ({"p50_high_seconds": 9.95e-6}, 0), ({"p50_high_seconds": None}, 0), ({"p50_high_seconds": 9.8e-6}, 1)],
)
def test_only_a_figure_whose_interval_is_apart_stands_out(changes, bold):
    (drawn,) = beside(row(), row(p50=9e-6, provider=OPENVINO, **changes))
    assert drawn.count("<b>") == bold


SMALL, LARGE = shaped({"x": [None, 8]}), shaped({"x": [None, 16]})
ANOTHER_FILE = shaped({"x": [None, 8]}, file="other.npy")


def test_other_shapes_are_never_side_by_side():
    (drawn,) = beside(steady(options=SMALL), steady(p50=5e-6, provider=OPENVINO, options=LARGE))
    assert "<bdi>16-10 [N, 8]</bdi>" in drawn
    assert "<bdi>16-10 [N, 16]</bdi>" in drawn
    assert drawn.count(">–<") == 2
    assert not {"<b>", "<small>"} & set(re.findall("<[a-z]+>", drawn))


def test_other_inputs_of_one_shape_stand_side_by_side_without_a_claim():
    given = SMALL | {"input": SMALL["input"] | {"file": "one.npy"}}
    (drawn,) = beside(steady(options=given), steady(p50=5e-6, provider=OPENVINO, options=ANOTHER_FILE))
    assert drawn.count("<bdi>16-10</bdi>") == 1
    assert not {"<b>", "<small>"} & set(re.findall("<[a-z]+>", drawn))


def test_a_setup_alone_has_nothing_beside_it():
    assert beside(row()) == []


def test_every_figure_of_a_row():
    page = gather([("my file", run(row(p99_seconds=2e-5, num_outliers=3, undisturbed_seconds=9.5e-6)))])
    (drawn,) = setup_tables(page, page.rows)
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", drawn.partition("<tbody>")[2])
    assert [re.sub("<.*?>", "", cell) for cell in cells] == [
        "1", "16-10", "1", "9.50 µs", "10.0 µs", "9.90–10.1 µs", "15.0 µs †", "20.0 µs †", "–",
        "100 k", "10.0 ms", "2.00 ms", "1,000", "3", "3.00",
    ]  # fmt: skip
    assert "<bdi>my file</bdi>, <bdi>intra_op_num_threads = 2</bdi>" in drawn


CALLS = [1e-5 * (1 + call / 1000) for call in range(700)]


def tail_of(*samples: list[float], **changes: object) -> tuple[list[str], str]:
    """What stands under p90, p99 and p99.9, and the note below the table."""
    page = gather([("x", run(combined(*samples, **changes)))])
    (drawn,) = setup_tables(page, page.rows)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", drawn.partition("<tbody>")[2])
    return cells[5:8], re.sub("<.*?>", "", drawn.rpartition("</div>")[2])


def test_a_percentile_has_its_bounds_below_it():
    cells, note = tail_of(*([second * factor for second in CALLS] for factor in (1, 1.01, 1.02)))
    below = r' <small class="below"><span class="unseen">95% interval </span>(.*)–(.*) µs</small>'
    for cell in cells[:2]:
        figure, low, high = map(float, re.fullmatch(f"(.*) µs{below}", cell).groups())
        assert low < figure < high
    assert cells[2] == "–"
    assert note == "Below a percentile: its 95% interval, by the spread between processes."


@pytest.mark.parametrize(
    ("samples", "marked"), [([CALLS], 2), ([CALLS] * 2, 2), ([CALLS, CALLS, CALLS[:300]], 1), ([CALLS] * 3, 0)]
)
def test_a_percentile_without_bounds_is_marked_and_the_mark_explained(samples, marked):
    cells, note = tail_of(*samples)
    assert sum(cell.endswith(" µs <small>†</small>") for cell in cells) == marked
    assert ("Below a percentile" in note) == (marked < 2)
    assert ("†: without bounds, which need 3 fresh processes with enough calls each." in note) == (marked > 0)


def test_without_percentiles_there_is_nothing_to_explain():
    assert tail_of(CALLS[:20]) == (["–"] * 3, "")


def test_a_row_that_was_cut_short_says_so():
    page = gather([("x", run(row(options=row().options | {"stopped_by": "killed"}), row("64-10")))])
    (drawn,) = setup_tables(page, page.rows)
    assert "<bdi>16-10</bdi> <small>cut short</small>" in drawn
    assert drawn.count("cut short") == 1


def test_options_and_settings_are_told_as_people_say_them():
    options = {
        "allow_spinning": True,
        "provider_options": {},
        "input": {"name": "x", "batch_size": None, "shapes": {"x": [None, 3]}, "noise": 0.5},
    }
    page = gather([("x", dataclasses.replace(run(row(options=options)), settings={"plan": {"min_seconds": 0.5}}))])
    (drawn,) = setup_tables(page, page.rows)
    told = re.sub("<.*?>", "", drawn)
    assert "allow_spinning = yes, provider_options (none), input (name x, shapes (x any × 3), noise 0.5)" in told
    machine = re.sub("<.*?>", "", environment_table(page.runs))
    assert "setting plan" in machine
    assert "min seconds 0.5" in machine
    assert not {"{", "}"} & {*told, *machine}


def test_machines_that_differ_differ_in_bold():
    other = dataclasses.replace(
        MACHINE, cpu="Other <CPU>", gpus=(), packages={"mnistbench": "0.2.0"}, memory_bytes=None
    )
    drawn = environment_table([("one", run(row())), ("two", run(row(), machine=other))])
    assert "<b>Some CPU</b>" in drawn
    assert "<b>Other &lt;CPU&gt;</b>" in drawn
    assert ">GPU, 1.07 GB, driver 570.1, GPU-1<" in drawn.replace("<b>", ">").replace("</b>", "<")
    assert "<b>3.12.1</b>" not in drawn
    assert ">A: one<" in drawn
    assert "<b>" not in environment_table([("one", run(row()))])


@pytest.mark.parametrize("changes", [{"packages": {}}, {"cpu_features": ()}, {"gpus": ({},)}, {"memory_bytes": "x"}])
def test_a_machine_that_does_not_say_much_is_shown_as_it_is(changes):
    assert environment_table([("x", run(row(), machine=dataclasses.replace(MACHINE, **changes)))])
