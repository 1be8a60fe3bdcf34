"""Floors of the dependencies lie above their known advisories, and the audit says what it means."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import audit
import pytest
from packaging.version import Version

TOP = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]

SAFE = {
    # Heap overflows in its JPEG, TIFF and multi-frame decoders (GHSA-5x8w-8jj5-q52h, GHSA-462x-pgg6-55fp,
    # CVE-2026-96639), in crop and paste (CVE-2026-59199).
    "pillow": "13.0.0",
    # External data through links and over attributes (CVE-2026-27489, CVE-2026-34445, CVE-2026-34447) before 1.21,
    # crashes of its version converter (CVE-2026-44512) before 1.22.
    "onnx": "1.22.0",
    # Memory corruption by checkpoints (CVE-2026-24747) before 2.10, and PYSEC-2026-139 in 2.10 itself.
    "torch": "2.11.0",
}
"""First versions without the advisories that are known of a package."""


def floors() -> dict[str, Version]:
    extras = [text for name, texts in PROJECT["optional-dependencies"].items() if name != "dev" for text in texts]
    found = {}
    for text in PROJECT["dependencies"] + extras:
        match = re.match(r"([A-Za-z0-9_.-]+)>=([0-9.]+)", text)
        if match:
            found[match[1]] = Version(match[2])
    return found


@pytest.mark.parametrize("name", SAFE)
def test_no_version_with_a_known_advisory_can_be_installed(name: str) -> None:
    assert floors()[name] >= Version(SAFE[name])


def test_every_dependency_has_a_floor_and_the_pins_lie_above_it() -> None:
    pins = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([0-9.]+)", (TOP / "constraints.txt").read_text(), re.MULTILINE))
    lowest = floors()
    assert len(lowest) >= 12
    assert {name for name in lowest if name in pins} >= {"click", "numpy", "onnx", "onnxruntime", "pillow", "torch"}
    assert [name for name, floor in lowest.items() if name in pins and Version(pins[name]) < floor] == []


PACKAGES = [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "2", "vulns": []}]
BAD = [{"name": "c", "version": "3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["4"]}]}]


@pytest.mark.parametrize(
    ("found", "said", "code", "told"),
    [
        (PACKAGES, "", 0, "no known advisory for 2 packages"),
        (PACKAGES + BAD, "", 1, "c 3: PYSEC-1, mended in 4"),
        ([*PACKAGES, {"name": "d", "skip_reason": "not found"}], "", 0, "d was not looked at: not found"),
        ([{"name": "d", "skip_reason": "not found"}], "", 0, "knows none of 1 packages"),
        (None, "ERROR: No matching distribution found for pip-audit", 0, "no database of advisories can be reached"),
        (None, "requests.exceptions.ConnectionError: refused", 0, "no database of advisories can be reached"),
        (None, "urllib3 NameResolutionError", 0, "no database of advisories can be reached"),
        (None, "usage: pip_audit: unknown option", 1, "pip-audit failed: usage"),
        (None, "", 1, "it did not say why"),
    ],
)
def test_only_a_missing_network_excuses_the_audit(found, said: str, code: int, told: str) -> None:
    status, lines = audit.judge(found, said)
    assert status == code
    assert any(told in line for line in lines)


UNKNOWN = [{"name": "a", "skip_reason": "not found"}]


@pytest.mark.parametrize(
    ("answers", "asked", "code", "told"),
    [
        ({}, ["pypi first.txt", "osv first.txt"], 0, "no database of advisories can be reached"),
        ({"pypi first.txt": UNKNOWN}, ["pypi first.txt", "osv first.txt"], 0, "no database of advisories"),
        (
            {"pypi first.txt": UNKNOWN, "osv first.txt": PACKAGES, "osv constraints.txt": PACKAGES + BAD},
            ["pypi first.txt", "osv first.txt", "osv constraints.txt"],
            1,
            "c 3: PYSEC-1",
        ),
        (
            {"pypi first.txt": PACKAGES, "pypi constraints.txt": PACKAGES},
            ["pypi first.txt", "pypi constraints.txt"],
            0,
            "no known advisory for 2 packages",
        ),
    ],
)
def test_a_database_that_does_not_answer_is_asked_for_one_package_only(
    answers, asked: list[str], code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def ask(_folder: Path, pinned: Path, service: str):
        seen.append(f"{service} {pinned.name}")
        assert pinned.name == "constraints.txt" or re.fullmatch(r"\S+==\S+\n", pinned.read_text())
        found = answers.get(seen[-1])
        return found, "" if found is not None else "ConnectionError"

    monkeypatch.setattr(audit, "make_environment", lambda _folder: "")
    monkeypatch.setattr(audit, "ask", ask)
    assert audit.main() == code
    assert seen == asked
    assert told in capsys.readouterr().out
