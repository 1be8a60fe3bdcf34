from __future__ import annotations

import pytest

from mnistbench.errors import ArtifactError
from mnistbench.results import SEVERITIES, Diagnosis, Environment, Finding, ProbeResult

ENVIRONMENT = Environment("3.11", "Linux", "CPU", (), 2, None, (), {})
FINDING = Finding("files", "data", "ok", "MNIST")
PROBE = ProbeResult("cpu", "cpu", "ok", "net", 0.1, {"CPUExecutionProvider": 9}, 8, 0, 0.0)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_only_a_problem_makes_it_unsound(severity):
    finding, probe = Finding("files", "data", severity, ""), ProbeResult("cpu", "cpu", severity)
    for findings, probes in (((FINDING, finding), ()), ((FINDING,), (PROBE, probe))):
        assert Diagnosis(ENVIRONMENT, findings, probes).is_sound == (severity != "problem")
    assert Diagnosis(ENVIRONMENT, (), ()).is_sound


def test_it_survives_its_document_and_keys_of_the_future():
    diagnosis = Diagnosis(ENVIRONMENT, (FINDING,), (PROBE,))
    document = diagnosis.as_dict()
    assert (document["kind"], document["schema_version"]) == ("diagnosis", 1)
    document["findings"] = [dict(document["findings"][0], new=1)]
    assert Diagnosis.from_dict({**document, "new": 1}) == diagnosis


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("findings", {"severity": "fatal"}),
        ("findings", {"severity": None}),
        ("findings", {"text": 7}),
        ("findings", {"remedy": None}),
        ("probes", {"severity": "bad"}),
        ("probes", {"device": None}),
        ("probes", {"num_images": -1}),
        ("probes", {"label_differences": 1.5}),
        ("probes", {"max_logit_difference": float("nan")}),
        ("probes", {"session_seconds": float("inf")}),
        ("probes", {"node_placement": []}),
        ("probes", {"node_placement": {"CPU": "9"}}),
    ],
)
def test_what_was_edited_by_hand_is_refused(part, change):
    document = Diagnosis(ENVIRONMENT, (FINDING,), (PROBE,)).as_dict()
    document[part] = [{**document[part][0], **change}]
    with pytest.raises(ArtifactError, match="a diagnosis result lacks a field or has a wrong one"):
        Diagnosis.from_dict(document)
