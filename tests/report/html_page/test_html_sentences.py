from __future__ import annotations

import dataclasses
import re

import pytest
from bench_runs import MACHINE, NOISY, QUIET, combined, failed, foreign, process, row, run, shaped, steady

from mnistbench.measure.pairing import conflicts
from mnistbench.report.html.cautions import cautions, failures_table, without_median_table
from mnistbench.report.html.rows import gather
from mnistbench.report.html.summary import summary


def plain(markup: str) -> str:
    return re.sub("<[^>]*>", "", markup)


def told(*runs) -> list[str]:
    return [plain(sentence) for sentence in summary(gather([("x", one) for one in runs]))]


def doubts(*results) -> list[str]:
    return [plain(sentence) for sentence in cautions(gather([("x", run(*results))]))]


OPENVINO = "OpenVINOExecutionProvider"
FAST = steady("64-10", 5e-6, provider=OPENVINO)


def test_the_summary_by_hand():
    slow = steady("64-10", 1e-5, error_rate=0.02)
    assert told(run(row("16-10", 8e-6), slow, FAST, failed())) == [
        "3 results of 2 models on 1 machine, from 1 file; 1 measurement failed.",
        "Fastest at batch 1 on cpu, mode e2e: 64-10 through OpenVINO, 5.00 µs a call.",
        "Most images a second on cpu, mode e2e: 64-10 through OpenVINO at batch 1, 200 k.",
        "OpenVINO against CPU in speed of undisturbed calls: 2.00× at batch 1.",
        "On CPU at batch 1, none is both faster and more accurate than: "
        "16-10 (8.00 µs, 3.00%), 64-10 (10.0 µs, 2.00%).",
        "On OpenVINO at batch 1, none is both faster and more accurate than: 64-10 (5.00 µs, 3.00%).",
    ]


def test_modes_and_machines_never_meet_in_one_ranking():
    other = run(steady("16-10", 1e-6), machine=dataclasses.replace(MACHINE, cpu="Other"))
    sentences = told(run(steady(), row("64-10", 1e-7, mode="graph")), other)
    assert sentences[0] == "3 results of 2 models on 2 machines, from 2 files."
    fastest = [sentence for sentence in sentences if sentence.startswith("Fastest")]
    assert [re.search("on (.*?): [0-9]", sentence)[1] for sentence in fastest] == [
        "A: cpu, mode e2e",
        "B: cpu, mode e2e",
        "A: cpu, mode graph",
    ]
    against = [sentence for sentence in sentences if "against" in sentence]
    assert against == ["B: CPU · e2e against A: CPU · e2e in speed of undisturbed calls: 10.00× at batch 1."]


def test_without_error_rates_there_is_no_front_to_tell():
    assert not any("accurate" in sentence for sentence in told(run(foreign())))


def against(*pairs) -> str:
    """What is said of a second run, given each result of the first and of the second."""
    sentences = told(run(*(one for one, _ in pairs)), run(*(other for _, other in pairs)))
    (sentence,) = [one for one in sentences if "against" in one] or [""]
    return sentence.partition(" against ")[2]


def test_a_second_run_of_the_same_is_no_faster():
    again = steady(p50=0.8e-5, spread=NOISY)
    assert (
        against((steady(spread=NOISY), again))
        == "A: CPU in speed of undisturbed calls: no clear difference at batch 1."
    )
    assert against((steady(), steady(p50=1.01e-5))) == "A: CPU in speed of undisturbed calls: the same at batch 1."
    assert against((steady(), steady(p50=2e-5))) == "A: CPU in speed of undisturbed calls: 0.50× at batch 1."


@pytest.mark.parametrize(
    "changes", [{"processes": ()}, {"spread": QUIET[:2]}, {"processes": (process(min_seconds=None),) * 5, "calls": 0}]
)
def test_what_has_no_noise_floor_is_left_out(changes):
    plain_row = row(p50=5e-6, **changes) if "processes" in changes else steady(p50=5e-6, **changes)
    assert against((steady(), plain_row)) == ""


def test_several_models_are_counted_by_their_verdicts():
    names = ("16-10", "64-10", "128-10", "16-P-10")
    rows = [steady(name) for name in names]

    def changed(*factors):
        pairs = [(one, steady(one.name, 1e-5 * factor)) for one, factor in zip(rows, factors, strict=True)]
        return against(*pairs).partition(": CPU in speed of undisturbed calls, median over the models: ")[2]

    assert changed(0.5, 0.5, 0.25, 1.0) == "2.00× (3 faster of 4) at batch 1."
    assert changed(2.0, 2.0, 4.0, 0.5) == "0.50× (1 faster, 3 slower of 4) at batch 1."
    assert changed(0.5, 0.5, 2.0, 2.0) == "no clear difference (2 faster, 2 slower of 4) at batch 1."
    assert changed(1.0, 1.0, 1.0, 1.0) == "the same (none differs of 4) at batch 1."


SMALL = shaped({"x": [None, 8]})
DIGITS = {"input": {"layout": "N1HW", "value_range": "0..1"}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SMALL, shaped({"x": [None, 16]})),
        (SMALL, shaped({"x": [None, 8]}, file="mine.npy")),
        (DIGITS, {"input": {"layout": "N1HW", "value_range": "0..255"}}),
        ({"provider_options": {"use_tf32": "0"}}, {"provider_options": {"use_tf32": "1"}}),
        ({"new_option": 1}, {"new_option": 2}),
    ],
    ids=["shape", "file", "range", "provider option", "unknown option"],
)
def test_what_compare_refuses_is_not_compared(one, other):
    base = steady(options=row().options | one)
    faster = steady(p50=5e-6, options=row().options | other)
    assert conflicts(base, faster)
    assert against((base, faster)) == ""
    assert against((base, dataclasses.replace(faster, options=base.options))).endswith(": 2.00× at batch 1.")


def test_options_that_the_labels_tell_are_compared():
    one_thread = row().options | {"intra_op_num_threads": 1}
    sentences = told(run(steady()), run(steady(p50=2e-5, options=one_thread)))
    assert "B: CPU · 1 threads against A: CPU · 2 threads in speed of undisturbed calls: 0.50× at batch 1." in sentences
    own = steady(options=SMALL | {"provider_options": {"a": "1"}})
    others = steady(p50=2e-5, provider=OPENVINO, options=SMALL | {"provider_options": {"a": "2"}})
    assert any("OpenVINO" in sentence and "0.50×" in sentence for sentence in told(run(own, others)))
    assert any("OpenVINO" in sentence and "0.50×" in sentence for sentence in told(run(own), run(others)))


def test_setups_without_a_model_in_common_are_not_compared():
    assert not any("against" in sentence for sentence in told(run(row("16-10"), FAST)))


def test_a_clean_run_has_no_cautions():
    clean = row(
        node_placement={"CPUExecutionProvider": 9}, processes=(process(conditions={"cpu_steal_fraction": 0.0}),)
    )
    assert doubts(clean, row("64-10")) == []
    assert failures_table(gather([("x", run(row()))])) == ""


BUSY = process(num_samples=1, conditions={"cpu_others_fraction": 0.2})
HELD = {"gpu": {"before": {}, "after": {"throttle_reasons": ["power_cap"]}}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"warmup_settled": False}, "warm-up did not settle"),
        ({"stop_reason": "time"}, "limit of time"),
        ({"error_rate": None}, "No error rate"),
        ({"p50_low_seconds": None}, "No interval"),
        ({"node_placement": {"CPUExecutionProvider": 3, "CUDAExecutionProvider": 1}}, "ran elsewhere"),
        ({"processes": (process(conditions=HELD),)}, "clock was held down meanwhile"),
        ({"processes": (process(conditions={"cpu_steal_fraction": 0.2}),)}, "The host took the processors away"),
        ({"processes": (process(num_samples=999), BUSY)}, "Other programs used the"),
    ],
)
def test_each_caution_names_its_rows(changes, words):
    (sentence,) = doubts(row(**changes), row("64-10"))
    assert words in sentence
    assert sentence.endswith("1 of 2 results (16-10 on CPU, batch 1).")
    (everywhere,) = doubts(row(**changes))
    assert everywhere.endswith(": all results.")


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"cpu_steal_fraction": "much", "cpu_others_fraction": None},
        {"cpu_steal_fraction": 0.001, "cpu_others_fraction": float("nan")},
        {"gpu": 3},
        {"gpu": {"before": 3, "after": {"throttle_reasons": "power"}}},
        {"gpu": {"after": {"throttle_reasons": ["gpu_idle"], "other_processes": 0}}},
    ],
)
def test_conditions_that_disturb_nothing(conditions):
    assert doubts(row(processes=(process(conditions=conditions),)), row("64-10")) == []


def test_a_caution_about_many_names_some():
    sentences = doubts(*(row(stop_reason="count", batch_size=batch) for batch in range(1, 8)), row("64-10"))
    assert sentences[0].endswith("batch 4; and 3 more).")


def test_the_same_failure_of_many_models_is_one_line():
    others = [dataclasses.replace(failed(), name=name) for name in ("64-10", "128-10")]
    table = failures_table(
        gather([("x", run(row(), failed(), *others, dataclasses.replace(failed(), error="<busy>")))])
    )
    assert table.count("<tr>") == 1 + 2
    assert "16-10, 64-10, 128-10" in plain(table)
    assert "&lt;busy&gt;" in table
    assert "Failed: 4 measurements" in table


def test_the_floor_is_no_network():
    floor = dataclasses.replace(row("16-10", 1e-9, error_rate=None, is_floor=True), name="identity")
    page = told(run(row("16-10"), floor))
    assert any(sentence.startswith("Without any arithmetic on CPU") for sentence in page)
    assert not any("identity" in sentence for sentence in page)
    assert doubts(floor, row("64-10")) == []
    assert [sentence for sentence in told(run(floor)) if "Fastest" in sentence] == []


STOPPED = row().options | {"stopped_by": "<killed> by signal 9"}


def test_rows_that_were_cut_short_name_their_failure():
    (sentence,) = doubts(row(options=STOPPED), row("64-10"))
    assert sentence == (
        "Cut short by a failure, so that figures are of the processes before it: 1 of 2 results "
        "(16-10 on CPU, batch 1: &lt;killed&gt; by signal 9)."
    )
    (every,) = doubts(*(row(options=STOPPED, batch_size=batch) for batch in range(1, 8)))
    assert "7 of 7 results (" in every
    assert every.count("by signal 9") == 4
    assert every.endswith("; and 3 more).")


@pytest.mark.parametrize("stopped", [None, "", 0])
def test_nothing_that_stopped_a_row_is_no_caution(stopped):
    assert doubts(row(options=row().options | {"stopped_by": stopped}), row("64-10")) == []


def test_too_few_calls_for_a_median_are_told_with_what_there_is():
    few = combined([1.4e-5, 1e-5], [2e-5, 3e-5])
    cut = dataclasses.replace(few, options=few.options | {"stopped_by": "<killed>"})
    page = gather([("a", run(row(), few)), ("b", run(cut))])
    assert "2 measurements of too few calls for a median." in plain(summary(page)[0])
    assert failures_table(page) == ""
    drawn = without_median_table(page)
    assert "Too few calls for a median: 2 measurements" in drawn
    cells = [plain(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", drawn.partition("<tbody>")[2])]
    figures = ["1", "4", "20.0 µs", "18.5 µs", "500 ms", "250 ms"]
    assert cells == [
        "16-10", "A: cpu, e2e, CPU", *figures,
        "16-10 cut short: &lt;killed&gt;", "B: cpu, e2e, CPU", *figures,
    ]  # fmt: skip
    assert without_median_table(gather([("a", run(row(), failed()))])) == ""
