from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from bench_runs import combined, foreign, row, run
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.measure.stats import MIN_SAMPLES
from mnistbench.report.html.accuracy_latency import accuracy_latency_charts, front
from mnistbench.report.html.latency_batch import latency_batch_charts
from mnistbench.report.html.percentiles import IN_TABLES, STORED, percentile_charts, quantiles, samples_note
from mnistbench.report.html.rows import Row, gather
from mnistbench.report.html.svg import COLOURS, MARKS, mark

NAMES = ("16-10", "64-10", "128-10", "16-16-10", "64-16-10")


def rows(*results) -> tuple[Row, ...]:
    return gather([("a", run(*results))]).rows


def points(*pairs) -> tuple[Row, ...]:
    return rows(*(row(name, p50, error_rate=error) for name, (p50, error) in zip(NAMES, pairs, strict=False)))


@pytest.mark.parametrize(
    ("pairs", "names"),
    [
        ([(1e-5, 0.03)], ["16-10"]),
        ([(1e-5, 0.03), (2e-5, 0.02)], ["16-10", "64-10"]),
        ([(2e-5, 0.02), (1e-5, 0.03), (3e-5, 0.02), (1e-5, 0.04)], ["64-10", "16-10"]),
        ([(1e-5, 0.03), (2e-5, 0.03)], ["16-10"]),
        ([(1e-5, 0.03), (1e-5, 0.02)], ["64-10"]),
        ([(1e-5, 0.03), (1e-5, 0.03)], ["16-10", "64-10"]),
        ([(1e-5, 0.0), (2e-5, 0.0)], ["16-10"]),
        ([(1e-5, None), (2e-5, 0.02)], ["64-10"]),
        ([], []),
    ],
)
def test_the_front_by_hand(pairs, names):
    assert [one.model.name for one in front(points(*pairs))] == names


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), max_size=5))
def test_the_front_is_what_no_other_beats(pairs):
    every = points(*((p50 * 1e-6, error / 100) for p50, error in pairs))

    def beats(a: Row, b: Row) -> bool:
        one, other = (a.p50_seconds, a.result.error_rate), (b.p50_seconds, b.result.error_rate)
        return one != other and one[0] <= other[0] and one[1] <= other[1]

    expected = {one.model.name for one in every if not any(beats(other, one) for other in every)}
    assert {one.model.name for one in front(every)} == expected


def test_the_accuracy_chart_has_a_mark_a_row_and_numbers_the_front():
    (figure,) = accuracy_latency_charts(points((1e-5, 0.03), (2e-5, 0.02), (3e-5, 0.025)), "x")
    assert len(re.findall('class="mark[ "]', figure)) == 3
    assert figure.count('class="mark beaten') == 1
    assert re.findall(r'class="number">(\d)<', figure) == ["1", "2"]
    assert "2 64-10, CPU: 20.0 µs, 2.00% wrong" in figure


def test_a_model_without_an_error_rate_has_no_place_against_accuracy():
    assert accuracy_latency_charts(rows(foreign()), "x") == []
    assert accuracy_latency_charts(rows(row(error_rate=0.0)), "x")


def test_each_table_of_the_paper_has_a_panel_of_times_per_image():
    panels = latency_batch_charts(rows(row(), row(p50=3.2e-5, batch_size=32), row("32-P-32-10"), foreign()), "x")
    titles = [re.search("<h4>(.*?)</h4>", panel)[1] for panel in panels]
    assert titles == ["Table 1: two layers", "Table 4: one convolution", "Not in the paper"]
    assert "batch 32: 32.0 µs a call, 1.00 µs an image" in panels[0]


def test_one_batch_size_has_no_line():
    assert latency_batch_charts(rows(row(), row("64-10")), "x") == []


@pytest.mark.parametrize(("calls", "highest"), [(11, 0.5), (64, 0.9), (130, 0.95), (662, 0.99), (6636, 0.999)])
def test_a_curve_ends_where_the_sample_supports_no_more(calls, highest):
    shares = {share for share, _ in quantiles(combined(np.linspace(1e-5, 2e-5, calls)))}
    assert max(shares & set(STORED)) == highest
    assert max(shares) < min((share for share in IN_TABLES if share > highest), default=1.0)
    assert calls in MIN_SAMPLES.values()


UNEVEN = ([3e-5] * 900, [3e-5] * 900, [4e-5] * 90, [5e-5] * 90)
"""The slow processes made fewer calls, as they do: of all samples together the slowest tenth would be fast."""


@pytest.mark.parametrize("seed", range(4))
def test_a_curve_passes_through_the_figures_of_the_tables_and_ends_with_them(seed):
    generator = np.random.default_rng(seed)
    drawn = [generator.gamma(9, 1e-6 * (1 + process), 100 * (4 - process) ** 3) for process in range(seed + 1)]
    for result in (combined(*drawn), combined(*UNEVEN)):
        found = dict(quantiles(result))
        figures = {share: getattr(result, key) for share, key in STORED.items()}
        assert {share: found.get(share) for share in STORED} == figures
        assert list(found.values()) == sorted(found.values())
        assert max(found) < min((share for share in IN_TABLES if figures[share] is None), default=1.0)


def test_processes_with_more_calls_do_not_lengthen_a_curve():
    result = combined(*UNEVEN)
    assert (result.p90_seconds, result.p99_seconds) == (5e-5, None)
    assert max(share for share, _ in quantiles(result)) < 0.99
    # Without its processes, as an older file has it, nothing tells the samples apart; the figures still decide.
    older = dict(quantiles(dataclasses.replace(result, processes=())))
    assert older[0.9] == 5e-5
    assert max(older) < 0.99


def test_a_file_may_lack_a_figure_that_its_samples_support():
    result = dataclasses.replace(combined(np.linspace(1e-5, 2e-5, 9000)), p999_seconds=None, p95_seconds=None)
    shares = [share for share, _ in quantiles(result)]
    assert 0.99 < max(shares) < 0.999
    assert 0.95 in shares


def test_figures_that_the_samples_do_not_support_are_in_the_tables_and_so_in_the_curve():
    assert dict(quantiles(row(calls=3))) == pytest.approx({0.5: 1e-5, 0.9: 1.5e-5})


def test_quantiles_are_measured_values_and_at_most_a_hundred():
    result = combined(1e-5 * np.linspace(0.5, 2, 30_000) ** 2)
    found = quantiles(result)
    assert 80 < len(found) <= 100
    assert {seconds for _, seconds in found} <= set(result.samples_seconds)
    assert found == sorted(found)
    for share, seconds in found:
        assert np.mean(np.asarray(result.samples_seconds) <= seconds) >= share - 1e-6


def test_without_samples_the_stored_percentiles_are_drawn():
    result = row(calls=0, p99_seconds=4e-5)
    assert quantiles(result) == [(0.5, 1e-5), (0.9, pytest.approx(1.5e-5)), (0.99, 4e-5)]
    (figure,) = percentile_charts(rows(result), "x")
    assert "16-10, CPU, batch 1: p99 40.0 µs" in figure


def test_times_of_nothing_have_no_point():
    assert quantiles(combined([0.0] * 100)) == []
    assert all(seconds > 0 for _, seconds in quantiles(row(samples_seconds=(0.0,) * 100)))


def test_a_file_without_samples_is_named():
    lacking = row("64-10", calls=0)
    page = gather([("whole.json", run(row())), ("<cut>.json", run(row(), lacking, row("128-10", calls=0)))])
    note = re.sub("</?bdi>", "", samples_note(page, page.rows))
    assert note == (
        "Curves that only join their marks are of results without samples: &lt;cut&gt;.json (2 of 3 results). A file "
        "keeps those of 2,000,000 calls at most; what &#x27;mnistbench bench --json&#x27; prints has none."
    )
    whole = gather([("whole.json", run(row(), row("64-10")))])
    assert samples_note(whole, whole.rows) == ""


@pytest.mark.parametrize("draw", [accuracy_latency_charts, latency_batch_charts, percentile_charts])
@pytest.mark.parametrize("p50", [5e-324, 1e-9, 1e300])
def test_extreme_times_are_drawn(draw, p50):
    figures = draw(rows(row("64-10"), row(p50_seconds=p50, batch_size=1), row(p50_seconds=p50, batch_size=10**6)), "x")
    assert figures
    assert not re.search(r"\b(nan|inf)\b", "".join(figures))


def test_many_networks_share_the_room_for_numbers():
    results = [row(f"{width}-10", width * 1e-6) for width in range(200, 260)]
    (figure,) = percentile_charts(rows(*results), "x")
    assert 10 < figure.count('class="number"') < 60


def test_no_two_of_49_series_look_the_same():
    # Centre, size and scale are equal; what is left are colour and shape.
    assert len({mark(0, 0, index) for index in range(COLOURS * len(MARKS))}) == COLOURS * len(MARKS)
