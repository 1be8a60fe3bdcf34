from __future__ import annotations

import dataclasses

import pytest
from bench_runs import combined, failed, foreign, row, run

from mnistbench.report.html.rows import by_table, gather, one_per_architecture
from mnistbench.report.html.setups import run_letter


def test_models_are_numbered_in_the_papers_order_with_others_behind():
    page = gather([("a", run(foreign(), row("64-10"), row("16-10"), row("24-P-48-10")))])
    assert [(model.number, model.name) for model in page.models] == [
        (1, "16-10"),
        (2, "64-10"),
        (3, "theirs"),
        (4, "24-P-48-10"),
    ]
    assert [model.table for model in page.models] == [1, 1, None, None]
    assert list(by_table(page.rows)) == ["Table 1: two layers", "Not in the paper"]


def test_two_files_of_one_name_are_two_models():
    page = gather([("a", run(row(sha256="aa" * 32))), ("b", run(row(sha256="bb" * 32)))])
    assert [model.name for model in page.models] == ["16-10 (aaaaaaaa)", "16-10 (bbbbbbbb)"]


def test_a_precision_is_a_model_of_its_own_beside_its_network():
    names = ["64-10", "16-10-dropout@int8", "16-10", "16-10@int8", "24-P-48-10@web"]
    rows = [dataclasses.replace(row(name.partition("@")[0]), name=name) for name in names]
    page = gather([("a", run(*rows))])
    order = ["16-10", "16-10@int8", "16-10-dropout@int8", "64-10", "24-P-48-10@web"]
    assert sorted(model.name for model in page.models) == sorted(order)
    tables = {model.name: model.table for model in page.models}
    assert tables == dict.fromkeys(order[:4], 1) | {"24-P-48-10@web": None}
    # What computes the same is shown once, and another precision does not.
    shown = {one.model.name for one in one_per_architecture(page.rows)}
    assert len(shown & {"16-10@int8", "16-10-dropout@int8"}) == 1
    assert "16-10" in shown


def test_a_file_from_elsewhere_is_not_the_papers_network_of_that_name():
    page = gather([("a", run(dataclasses.replace(foreign(), name="16-10")))])
    assert page.models[0].table is None


OTHER_THREADS = row(options={"intra_op_num_threads": 1, "allow_spinning": True})


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ([run(row())], ["CPU"]),
        ([run(row(), row(provider="OpenVINOExecutionProvider"))], ["CPU", "OpenVINO"]),
        ([run(row(device="cuda:0", provider="CUDAExecutionProvider"), row())], ["cuda:0 · CUDA", "cpu · CPU"]),
        ([run(row(mode="graph"), row(mode="e2e"))], ["CPU · e2e", "CPU · graph"]),
        ([run(row()), run(row())], ["A: CPU", "B: CPU"]),
        ([run(row(), OTHER_THREADS)], ["CPU · 2 threads", "CPU · 1 threads"]),
        ([run(row(), row(options={}))], ["CPU", "CPU · options not noted"]),
        ([run(row(), row(options={"allow_spinning": False}))], ["CPU · spinning", "CPU · not spinning"]),
        ([run(foreign())], ["unknown"]),
        ([run(row()), run(OTHER_THREADS)], ["A: CPU · 2 threads", "B: CPU · 1 threads"]),
        ([run(row()), run(row(options={}))], ["A: CPU", "B: CPU"]),
        (
            [run(row(options={"provider_options": {"a": 1}})), run(row(options={"provider_options": {}}))],
            ["A: CPU", "B: CPU"],
        ),
    ],
)
def test_a_label_says_what_tells_a_setup_from_the_others(runs, labels):
    page = gather([("x", one) for one in runs])
    assert [setup.label for setup in page.setups] == labels
    assert [setup.index for setup in page.setups] == list(range(len(labels)))


def test_options_that_all_rows_share():
    page = gather([("a", run(row(), row(batch_size=32, options=row().options | {"seed": 1})))])
    assert page.setups[0].options == {"intra_op_num_threads": 2, "allow_spinning": True}


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (failed(), "no CUDA libraries"),
        (row(p50_seconds=None), "no figures in the file"),
        (row(p50_seconds=0.0), "no figures in the file"),
        (row(batch_size=0), "no figures in the file"),
    ],
)
def test_what_has_no_figures_is_a_failure(result, reason):
    page = gather([("a", run(result))])
    assert not page.rows
    assert [failure.reason for failure in page.failures] == [reason]


@pytest.mark.parametrize("error", [None, "killed"])
def test_too_few_calls_for_a_median_are_no_failure(error):
    few = combined([1e-5] * 2, undisturbed_seconds=1e-5)
    few = dataclasses.replace(few, error=error)
    page = gather([("a", run(row(), few))])
    assert len(page.rows) == 1
    assert [one.result for one in page.without_median] == ([] if error else [few])
    assert [failure.reason for failure in page.failures] == ([error] if error else [])


@pytest.mark.parametrize("changes", [{"batch_size": 0}, {"undisturbed_seconds": 0.0, "mean_seconds": 0.0}])
def test_what_has_no_other_figure_either_is_a_failure(changes):
    page = gather([("a", run(combined([1e-5] * 2, **changes)))])
    assert (len(page.failures), page.without_median) == (1, ())


def test_rows_are_sorted_by_setup_model_and_batch():
    page = gather([("a", run(row("64-10"), row(batch_size=32), row()))])
    assert [(one.model.name, one.result.batch_size) for one in page.rows] == [("16-10", 1), ("16-10", 32), ("64-10", 1)]


def test_of_variants_with_dropout_one_is_drawn():
    page = gather([("a", run(row("64-10-dropout"), row("64-10"), row("16-10-dropout"), foreign()))])
    drawn = [one.model.name for one in one_per_architecture(page.rows)]
    assert drawn == ["16-10-dropout", "64-10", "theirs"]


def test_letters_of_runs():
    assert [run_letter(number) for number in (0, 1, 25, 26, 52)] == ["A", "B", "Z", "AA", "BA"]
