"""Asks pip-audit whether a pinned package has a known advisory: ``make audit``.

Ends with 1 when one has, or when pip-audit fails; with 0 when none has, and when
neither the package index nor the database of advisories can be reached, which it says.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TOP = Path(__file__).parent.parent
PINNED = TOP / "constraints.txt"
ENVIRONMENT = TOP / ".cache" / "audit"
"""Of its own: what audits is no part of what is audited."""

SERVICES = ("pypi", "osv")
"""Databases, the first that knows a package counts."""

NO_NETWORK = re.compile(
    r"ConnectionError|Connection refused|ConnectTimeout|Could not find a version|getaddrinfo|MaxRetryError|"
    r"Name or service not known|NameResolutionError|NewConnectionError|No matching distribution|ProxyError|ReadTimeout|"
    r"Temporary failure in name resolution|timed out|SSLError|40[37] Client Error|50[0-9] Server Error",
)


_NOT_DONE = "audit: not done, since no database of advisories can be reached from here; run it where one can"


def make_environment(folder: Path) -> str:
    """Install pip-audit; what pip said when it could not, else nothing."""
    if (folder / "complete").exists():
        return ""
    venv.create(folder, with_pip=True, clear=True)
    done = _run([_python(folder), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "pip-audit"])
    if done.returncode:
        return done.stderr
    (folder / "complete").touch()
    return ""


def ask(folder: Path, pinned: Path, service: str) -> tuple[list[dict[str, Any]] | None, str]:
    """What pip-audit found in a database of advisories, or ``None`` and what it said instead."""
    with tempfile.TemporaryDirectory() as temporary:
        answer = Path(temporary) / "audit.json"
        options = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", f"--output={answer}"]
        options.append(f"--vulnerability-service={service}")
        done = _run([_python(folder), "-m", "pip_audit", "--requirement", str(pinned), *options])
        if not answer.is_file():
            return None, done.stderr
        return json.loads(answer.read_text(encoding="utf-8"))["dependencies"], done.stderr


def first_pin(text: str) -> str:
    """The first line of a constraints file that pins a package."""
    return next(line for line in text.splitlines(keepends=True) if re.match(r"[A-Za-z0-9_.-]+==", line))


def is_known(found: Sequence[dict[str, Any]] | None) -> bool:
    """Whether a database answered and knows a package: an index that mirrors files alone knows none."""
    return found is not None and not all("skip_reason" in package for package in found)


def judge(found: Sequence[dict[str, Any]] | None, said: str) -> tuple[int, list[str]]:
    """The exit status, and what to print."""
    if found is None:
        if NO_NETWORK.search(said):
            return 0, [_NOT_DONE]
        return 1, [f"audit: pip-audit failed: {' '.join(said.split())[-500:] or 'it did not say why'}"]
    bad = [
        f"{package['name']} {package['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'no version'}"
        for package in found
        for one in package.get("vulns", [])
    ]
    skipped = [package for package in found if "skip_reason" in package]
    if len(skipped) == len(found):
        return 0, [f"{_NOT_DONE}: it knows none of {len(found)} packages"]
    lines = [f"audit: {package['name']} was not looked at: {package['skip_reason']}" for package in skipped]
    if bad:
        return 1, [*lines, *bad]
    return 0, [*lines, f"audit: no known advisory for {len(found) - len(skipped)} packages"]


def main() -> int:
    """Install, ask and tell."""
    said = make_environment(ENVIRONMENT)
    found = None
    with tempfile.TemporaryDirectory() as temporary:
        first = Path(temporary) / "first.txt"
        first.write_text(first_pin(PINNED.read_text(encoding="utf-8")), encoding="utf-8")
        for service in () if said else SERVICES:
            # Where nothing answers, each package would wait for that anew.
            found, said = ask(ENVIRONMENT, first, service)
            if is_known(found):
                found, said = ask(ENVIRONMENT, PINNED, service)
                break
    code, lines = judge(found, said)
    print("\n".join(lines))
    return code


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def _python(folder: Path) -> str:
    return str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")


if __name__ == "__main__":
    sys.exit(main())
