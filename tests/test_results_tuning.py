from __future__ import annotations

import dataclasses
import json
import math

import pytest
from tunings import BEST, DEFAULT, NOTHING, TUNING

from mnistbench.errors import ArtifactError
from mnistbench.results import TuningCandidate, TuningResult
from mnistbench.runtime.session import SessionSettings

GRAPH = dataclasses.replace(TUNING, mode="graph", reference=DEFAULT)


@pytest.mark.parametrize("result", [BEST, TUNING, GRAPH, NOTHING], ids=["candidate", "tuning", "graph", "failed"])
def test_every_result_comes_back_from_json(result) -> None:
    document = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert type(result).from_dict(document) == result
    # Keys that are not known here come from a newer version.
    assert type(result).from_dict(document | {"news": 1}) == result


def test_the_settings_are_those_of_the_best_and_make_a_session() -> None:
    assert TUNING.settings == {"intra_op_num_threads": 1, "allow_spinning": True, "provider_options": {}}
    assert SessionSettings(**TUNING.settings) == SessionSettings(1)
    assert NOTHING.settings is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"intra_op_num_threads": 0}, "expected 1 or more"),
        ({"intra_op_num_threads": "2"}, "whole number"),
        ({"intra_op_num_threads": True}, "whole number"),
        ({"allow_spinning": 1}, "true or false"),
        ({"provider_options": {"device_id": 3}}, "object of texts"),
        ({"provider_options": ["x"]}, "object of texts"),
        ({"p50_seconds": math.nan}, "finite"),
        ({"p50_low_seconds": -1}, "finite"),
        ({"process_seconds": [0.1, "slow"]}, "expected a number"),
        ({"process_seconds": 3}, "wrong"),
        ({"error": 3}, "expected text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_edited_candidate_is_a_typed_error(changes, message) -> None:
    with pytest.raises(ArtifactError, match=message):
        TuningCandidate.from_dict(BEST.as_dict() | changes)
    with pytest.raises(ArtifactError, match=message):
        TuningResult.from_dict(TUNING.as_dict() | {"candidates": [BEST.as_dict(), BEST.as_dict() | changes]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": None}, "expected text"),
        ({"mode": 1}, "expected text"),
        ({"batch_size": -1}, "expected 0 or more"),
        ({"best": 4}, "less than the 4 candidates"),
        ({"best": -1}, "expected 0 or more"),
        ({"best": 1.0}, "whole number"),
        ({"best": None}, "either a best candidate or an error"),
        ({"error": "failed"}, "either a best candidate or an error"),
        ({"baseline": 9}, "less than the 4 candidates"),
        ({"candidates": []}, "less than the 0 candidates"),
        ({"candidates": 3}, "wrong"),
        ({"gain": math.inf}, "finite"),
        ({"gain_low": "much"}, "expected a number"),
        ({"verdict": "BETTER"}, "expected one of"),
        ({"reason": 3}, "expected text"),
        ({"environment": {"cpu": 3}}, "wrong"),
        ({"reference": 3}, "wrong"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_edited_tuning_is_a_typed_error(changes, message) -> None:
    with pytest.raises(ArtifactError, match=message):
        TuningResult.from_dict(TUNING.as_dict() | changes)
