from __future__ import annotations

import dataclasses

import pytest
from records import record, seeds, whole_paper
from results_of import evaluation

from mnistbench.catalog import NETWORKS, find
from mnistbench.measure.claims import check_claims
from mnistbench.measure.summary import summarize
from mnistbench.report.accuracy_sheets import (
    claims_sheet,
    claims_sheets,
    results_notes,
    results_sheet,
    results_sheets,
)
from mnistbench.report.comparison_sheets import comparison_sheet
from mnistbench.report.sheet import Sheet, markdown
from mnistbench.report.terminal import make_console, print_sheet
from mnistbench.results import ComparisonResult

SOME = [*seeds("16-10", [400, 410, 430]), *seeds("16-10", [480, 500, 510], "paper"), record("64-10", 200)]


def comparison(**changes) -> ComparisonResult:
    a, b = (dataclasses.replace(evaluation(find(name)), name=name) for name in ("16-10", "64-10"))
    values = {"both_right": 9000, "only_a_wrong": 600, "only_b_wrong": 100, "both_wrong": 300}
    return ComparisonResult(a, b, **(values | {"answers_differ": 850, "p_value": 1e-9, "better": "b"} | changes))


def every_sheet() -> list[Sheet]:
    runs = [
        *whole_paper(),
        *seeds("24-P-48-P-96-10-dropout0.35", [100, 120, 110]),
        *seeds("16-10", [500, 501], "other"),
    ]
    return [*results_sheets(summarize(runs)), *claims_sheets(check_claims(runs)), comparison_sheet(comparison())]


@pytest.mark.parametrize("sheet", every_sheet(), ids=lambda sheet: sheet.title)
def test_sheets_fit_a_pipe_and_keep_their_figures(sheet, capsys):
    print_sheet(sheet, make_console())
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for row in sheet.rows:
        assert len(row) == len(sheet.columns)
        if sheet.columns[-1].head == "≤ paper":
            assert all(cell in shown for cell in row[1:])


def test_a_row_says_paper_ours_and_verdict():
    (first,) = results_sheets(summarize(SOME, [find("16-10")]))
    assert first.rows == (("16-10", "–", "5.01", "5.00 (4.80–5.10)", "4.10 (4.00–4.30)", "3.91–4.36", "yes"),)


def test_what_is_missing_is_a_dash_and_one_seed_has_no_range():
    rows = [row for sheet in results_sheets(summarize(SOME)) for row in sheet.rows]
    assert len(rows) == 29
    assert rows[2][3:] == ("–", "2.00", "1.74–2.29", "few")
    assert rows[3] == ("64-10", "0.2", "2.57", "–", "–", "–", "–")


def test_one_table_for_a_document_has_all_networks():
    text = markdown(results_sheet(summarize(SOME)))
    assert len(text.splitlines()) == 2 + len(NETWORKS)
    assert "| 1 | 16-10 | – | 5.01 |" in text


def test_the_notes_count_every_network_once():
    notes = "\n".join(results_notes(summarize([*SOME, *seeds("128-10", [300] * 3)])))
    assert "1 of 29 at or below the paper's error; 1 above it; 1 with too few seeds; 26 not measured yet." in notes
    assert "where one more seed would be expected (95%) for 1 of 29; 28 not measured yet." in notes
    assert "different settings" not in notes


def test_the_notes_of_whole_results_miss_nothing():
    notes = "\n".join(results_notes(summarize(whole_paper())))
    assert "29 of 29 at or below the paper's error." in notes
    assert "not measured" not in notes


def test_the_notes_say_nothing_of_recipes_that_were_not_asked_for():
    both = results_notes(summarize(SOME))
    assert results_notes(summarize(SOME), ["paper"]) == [
        note for note in both if not note.startswith("Default recipe,")
    ]
    assert results_notes(summarize(SOME), ["default"]) == [
        note for note in both if not note.startswith("Paper recipe,")
    ]
    assert len(both) == 3


def test_seeds_with_other_settings_are_named():
    runs = [*SOME, record("16-10", 400, seed=9, batch_size=64)]
    assert "Seeds trained with different settings: 16-10 (default)." in results_notes(summarize(runs))


def test_other_recipes_have_a_sheet_of_their_own():
    sheet = results_sheets(summarize([*SOME, *seeds("64-10", [100, 120], "speedrun")]))[-1]
    assert sheet.title == "Recipe speedrun"
    assert sheet.rows == (("64-10", "2", "3", "1.10 (1.00–1.20)", "0.96–1.25"),)


def test_claims_say_by_how_much():
    runs = [*seeds("32-P-32-10", [130, 131, 135]), *seeds("1500-1000-500-10", [165, 170, 175])]
    rows = {row[:2]: row[2:] for row in claims_sheet(check_claims(runs)).rows}
    assert len(rows) == 11
    assert rows["Convolutions beat plain networks with far fewer units", "default"] == (
        "confirmed",
        "32-P-32-10 1.31, 1500-1000-500-10 1.70: -0.38 (-0.48 to -0.28)",
    )


def test_what_was_not_measured_is_said_in_words():
    for sheet in (claims_sheet(check_claims([])), *claims_sheets(check_claims([]))):
        assert {row[-1] for row in sheet.rows} == {"not measured"}
    runs = [*seeds("32-P-32-10", [130, 131, 135]), *seeds("64-10", [200]), *seeds("64-10-dropout", [190])]
    rows = {row[:2]: row[-1] for row in claims_sheet(check_claims(runs)).rows}
    assert rows["Convolutions beat plain networks with far fewer units", "default"] == (
        "32-P-32-10 1.31, 1500-1000-500-10 not measured"
    )
    assert rows["Dropout barely matters, or hurts, in the 2-layer networks", "default"] == (
        "of 3: too little data in 3; 64-10-dropout -0.10 (too few seeds)"
    )


def test_a_document_has_the_extremes_of_many_comparisons_and_the_terminal_all():
    claims = [claim for claim in check_claims(whole_paper()) if claim.key == "dropout-deep"]
    (whole,) = claims_sheets(claims)
    for short, long, claim in zip(claims_sheet(claims).rows, whole.rows, claims, strict=True):
        in_order = sorted(claim.comparisons, key=lambda pair: pair.difference)
        assert all(pair.network in long[-1] for pair in claim.comparisons)
        head, lowest, highest = short[-1].split("; ")
        assert head == long[-1].split("; ")[0]
        assert (lowest.split()[0], highest.split()[0]) == (in_order[0].network, in_order[-1].network)


def test_what_keeps_the_largest_from_being_best_is_named():
    runs = [run for n in NETWORKS for run in seeds(n.name, [40, 41, 42] if n.name == "16-10" else [100, 101, 102])]
    (sheet,) = [one for one in claims_sheets(check_claims(runs)) if one.title.startswith("The largest")]
    figures = sheet.rows[0][-1]
    assert "against 28: higher in 1, no clear difference in 27; 16-10 +0.60 (+0.58 to +0.62); " in figures


def test_unlike_augmentation_is_told_below_the_claim_and_in_the_documents_row():
    runs = [*seeds("32-P-32-10", [130, 131, 135], max_shift=1), *seeds("1500-1000-500-10", [165, 170, 175])]
    text = "compares training too: shift 1 px against no augmentation"
    assert claims_sheets(check_claims(runs))[0].note.endswith(f"Recipe default {text}.")
    assert claims_sheet(check_claims(runs)).rows[0][-1].endswith(f"; {text}")


def test_the_rule_has_its_source():
    assert "Welch 1947" in claims_sheet(check_claims([])).note


def test_a_network_of_ones_own_goes_by_its_name_and_needs_a_recipe_of_the_tables():
    own = "8-P-32-P-128-10-k5.3p0.0"
    sheets = results_sheets(summarize([*SOME, *seeds(own, [90, 91])]))
    assert (sheets[-1].title, sheets[-1].rows[0][0]) == ("Not in the paper", own)
    sheets = results_sheets(summarize([*SOME, *seeds(own, [90, 91], "speedrun")]))
    assert [sheet.title for sheet in sheets[-2:]] == ["Table 6: four convolutions", "Recipe speedrun"]
    assert own not in markdown(results_sheet(summarize([*SOME, *seeds(own, [90], "speedrun")])))


def test_the_overfitting_claim_shows_its_epochs_beside_the_papers():
    runs = seeds("1000-500-10", [170] * 3, "paper", epoch_errors=[200] * 10 + [210] * 5)
    figures = claims_sheet(check_claims(runs)).rows[-1][-1]
    assert figures == "2.00 at epoch 5; 2.00 at epoch 10 (paper 1.78); 2.10 at epoch 15 (paper 2.07)" + (
        "; difference -0.10 (-0.10 to -0.10)"
    )


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, ["B is better", "p < 0.0001", "850 of 10,000"]),
        ({"better": "a", "p_value": 0.02}, ["A is better", "p = 0.02)"]),
        ({"better": None, "p_value": 1.0}, ["no difference shown at 5%", "p = 1)"]),
    ],
)
def test_the_verdict_on_two_models_is_in_words(changes, texts):
    sheet = comparison_sheet(comparison(**changes))
    assert sheet.rows == (("A right", "9,000", "100"), ("A wrong", "600", "300"))
    assert all(text in sheet.note for text in texts)
