"""Findings on devices: each is really asked to run models by each provider, and its answers are compared.

What cannot run is one finding with the reason; nothing that runs elsewhere
passes for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnistbench.errors import ProviderError
from mnistbench.measure.doctor.agreement import compare_answers, count_differences
from mnistbench.measure.doctor.answers import Ran
from mnistbench.measure.doctor.images import drawn_digits
from mnistbench.measure.doctor.patient import Patient
from mnistbench.measure.doctor.places import AREA, CPU_PLACE, Place, other_places
from mnistbench.results import Finding, ProbeResult, Severity
from mnistbench.runtime.machine import ONNXRUNTIMES


@dataclass(frozen=True)
class Probed:
    """What came of one place."""

    findings: tuple[Finding, ...]
    rows: tuple[ProbeResult, ...]
    ran: tuple[Ran, ...] = ()
    """One for each model; none where nothing ran."""


def check_devices(patient: Patient, on_step: Callable[[str], None]) -> tuple[list[Finding], list[ProbeResult]]:
    """Run the models on the CPU, then by every other provider on every device that it may run on.

    Args:
        patient: What to run, and on what machine.
        on_step: Told what is tried next.
    """
    on_step(CPU_PLACE.label)
    first = probe(patient, CPU_PLACE, ())
    findings, rows = list(first.findings), list(first.rows)
    for place in other_places(patient):
        if place.refused is not None:
            refused = place.refused
            # What was said of an extra among the software is not said again.
            findings += [refused] if refused.area == AREA else []
            rows.append(ProbeResult(place.device, place.provider, refused.severity, error=refused.text))
            continue
        on_step(place.label)
        probed = probe(patient, place, first.ran)
        findings += probed.findings
        rows += probed.rows
    return findings, rows


def probe(patient: Patient, place: Place, reference: Sequence[Ran]) -> Probed:
    """Run the models in one place.

    Args:
        patient: What to run.
        place: Where.
        reference: The CPU provider's answers; empty for itself, and where it gave none.
    """
    models = patient.models
    paths = [None if path is None else str(path) for path in models.values()]
    try:
        answer = patient.ask({"what": "run", "provider": place.provider, "device": place.device, "models": paths})
    except ProviderError as error:
        return _refused(patient, place, "problem", str(error))
    if "missing" in answer:
        text = str(answer["missing"])
        return _refused(patient, place, severity_of_missing(patient, place, text), text)
    ran = tuple(map(Ran.from_dict, answer["ran"]))
    if place == CPU_PLACE:
        rows = tuple(judge_cpu(name, one) for name, one in zip(models, ran, strict=True))
    else:
        others = reference or [Ran(error="it did not run")] * len(ran)
        rows = tuple(judge(place, *each) for each in zip(models, ran, others, strict=True))
    findings = [Finding(AREA, place.subject, row.severity, f"{row.model}: {row.error}") for row in rows if row.error]
    if all(row.severity in ("ok", "note") and row.node_placement for row in rows):
        where = ", ".join(dict.fromkeys(name for row in rows for name in row.node_placement))
        text = f"every node of {' and of '.join(models)} runs on {where}"
        findings.insert(0, Finding(AREA, place.subject, "ok", text))
    elif any(row.num_images and not row.node_placement for row in rows):
        text = "it runs, but this onnxruntime does not say on which provider each node does; a newer one will"
        findings.append(Finding(AREA, place.subject, "note", text, _upgrade(patient)))
    return Probed(tuple(findings), rows, ran)


def judge(place: Place, model: str, ran: Ran, reference: Ran) -> ProbeResult:
    """The row of one model, its answers beside the CPU provider's."""
    if ran.error is not None:
        # What is known to run these models and does not is broken; of a stranger's provider nobody knows.
        severity: Severity = "problem" if place.known else "note"
        return ProbeResult(place.device, place.provider, severity, model, error=ran.error)
    if reference.error is not None:
        text = "it runs, but the CPU provider gives no answers to compare with"
        return _row(place, model, ran, "note", text)
    agreed = compare_answers(ran, reference)
    return _row(
        place,
        model,
        ran,
        agreed.severity,
        agreed.text or None,
        label_differences=agreed.label_differences,
        max_logit_difference=agreed.max_logit_difference,
    )


def judge_cpu(model: str, ran: Ran) -> ProbeResult:
    """The row of one model by onnxruntime's own provider for the CPU, its answers beside what the images show."""
    if ran.error is not None:
        return ProbeResult(CPU_PLACE.device, CPU_PLACE.provider, "problem", model, error=ran.error)
    _, truth = drawn_digits()
    wrong = count_differences(ran.labels, truth.tolist())
    if ran.scores is None:
        return _row(CPU_PLACE, model, ran, "problem", "some of its answers are not finite numbers")
    text = f"its answers are wrong: it misreads {wrong} of {len(truth)} plain digits" if wrong else None
    return _row(
        CPU_PLACE, model, ran, "problem" if wrong else "ok", text, label_differences=wrong, max_logit_difference=0.0
    )


def severity_of_missing(patient: Patient, place: Place, text: str) -> Severity:
    """Whether what keeps a device from being used is optional, or something that is broken.

    A GPU that its driver lists and CUDA cannot use is broken, unless a package is all that it lacks.
    """
    if place.provider == "cuda" and patient.environment.gpus and not patient.gpus_hidden and not split_remedy(text)[1]:
        return "problem"
    return "missing"


def split_remedy(text: str) -> tuple[str, str]:
    """An error's text without its command, and the command: what stands behind ``run:``."""
    match = re.search(r"; run: (.+?)(?: \(or .+\))?$", text)
    return (text[: match.start()], match[1]) if match else (text, "")


def _upgrade(patient: Patient) -> str:
    """The command for a newer onnxruntime of the same build; none where several are installed: one has to go first."""
    builds = [package for package in ONNXRUNTIMES if package in patient.environment.packages]
    return f"pip install --upgrade {builds[0]}" if len(builds) == 1 else ""


def _refused(patient: Patient, place: Place, severity: Severity, text: str) -> Probed:
    """A place where nothing ran."""
    text, remedy = split_remedy(text)
    if place.device.startswith("cuda") and not patient.environment.gpus:
        # A package helps nobody who has no GPU.
        remedy = ""
    row = ProbeResult(place.device, place.provider, severity, error=text)
    return Probed((Finding(AREA, place.subject, severity, text, remedy),), (row,))


def _row(
    place: Place,
    model: str,
    ran: Ran,
    severity: Severity,
    error: str | None,
    *,
    label_differences: int | None = None,
    max_logit_difference: float | None = None,
) -> ProbeResult:
    return ProbeResult(
        place.device,
        place.provider,
        severity,
        model,
        session_seconds=ran.session_seconds,
        node_placement=dict(ran.node_placement),
        num_images=len(ran.labels),
        label_differences=label_differences,
        max_logit_difference=max_logit_difference,
        error=error,
    )
