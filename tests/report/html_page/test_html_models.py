from __future__ import annotations

import pytest
from bench_runs import foreign, row, run, shaped

from mnistbench.report.html.models import find_models
from mnistbench.report.html.rows import gather, one_per_architecture

SMALL, LARGE = shaped({"x": [None, 3, 8, 8]}), shaped({"x": [None, 3, 16, 16]})


def names(*results) -> list[str]:
    return [model.name for model in find_models(results)]


def test_a_file_that_was_given_two_shapes_is_two_models():
    rows = [foreign(options=SMALL), foreign(options=LARGE), foreign(options=SMALL, provider="Other")]
    models = find_models(rows)
    assert [model.number for model in models] == [1, 2, 1]
    assert names(*rows) == ["theirs [N, 3, 8, 8]", "theirs [N, 3, 16, 16]", "theirs [N, 3, 8, 8]"]
    assert len({model.architecture for model in models}) == 2
    page = gather([("a", run(rows[0])), ("b", run(rows[1]))])
    assert [model.name for model in page.models] == names(*rows[:2])


def test_a_network_of_the_paper_in_two_shapes_is_drawn_twice():
    page = gather([("a", run(row(options=SMALL), row(options=LARGE), row("64-10", options=LARGE)))])
    assert [one.model.name for one in one_per_architecture(page.rows)] == [
        "16-10 [N, 3, 8, 8]",
        "16-10 [N, 3, 16, 16]",
        "64-10",
    ]
    assert {model.table for model in page.models} == {1}


def test_one_shape_needs_no_words_and_its_variants_stay_one():
    assert names(foreign(options=SMALL), foreign(options=SMALL)) == ["theirs", "theirs"]
    page = gather([("a", run(row("64-10", options=SMALL), row("64-10-dropout", options=SMALL)))])
    assert len(one_per_architecture(page.rows)) == 1


def test_the_hash_stands_before_the_shape():
    rows = [row(sha256="aa" * 32, options=SMALL), row(sha256="aa" * 32, options=LARGE), row(sha256="bb" * 32)]
    assert names(*rows) == ["16-10 (aaaaaaaa) [N, 3, 8, 8]", "16-10 (aaaaaaaa) [N, 3, 16, 16]", "16-10 (bbbbbbbb)"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([SMALL, {}], ["theirs", "theirs"]),
        ([{}, SMALL], ["theirs", "theirs"]),
        ([{}, {}], ["theirs", "theirs"]),
        ([SMALL, {}, LARGE], ["theirs [N, 3, 8, 8]", "theirs [shape not noted]", "theirs [N, 3, 16, 16]"]),
    ],
)
def test_a_result_that_does_not_say_its_shape_has_the_only_one_that_others_say(options, shown):
    assert names(*(foreign(options=one) for one in options)) == shown


def test_no_results_have_no_models():
    assert find_models([]) == []
