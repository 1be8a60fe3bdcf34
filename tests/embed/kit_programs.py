"""What the tests of kits do with one: run its README's commands, and spoil its golden answers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

# A kit must not find this repository or its environment, nor pip and npm the settings of the tests; conftest.py sets
# the path.
OURS = ("PYTHON", "MNISTBENCH_", "VIRTUAL_ENV")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
ENVIRONMENT["ORT_DISABLE_TELEMETRY"] = "1"


def run(*command: object, cwd: Path, code: int = 0, env: dict[str, str] | None = None, errors: bool = False) -> str:
    """Output, or what it says on standard error, of a program that has to end with ``code``."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=ENVIRONMENT | (env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if errors else done.stdout


def run_commands(commands: str, cwd: Path, *, code: int = 0, env: dict[str, str] | None = None) -> str:
    """Output of commands, each of which has to succeed; outside of an environment pip refuses, as on Debian."""
    outside_refused = {"PIP_REQUIRE_VIRTUALENV": "1"}
    return run("bash", "-euc", commands, cwd=cwd, code=code, env=outside_refused | (env or {}))


def readme_commands(kit: Path) -> list[str]:
    """Each block of commands in a kit's README."""
    return re.findall(r"```sh\n(.*?)```", (kit / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def spoil(kit: Path) -> None:
    """Change one probability of one golden answer by more than is tolerated, in both files that have it."""
    path = kit / "golden" / "expected.json"
    expected = json.loads(path.read_text(encoding="utf-8"))
    probabilities = expected["cases"][-1]["probabilities"]
    probabilities[3] += 2.5 * expected["tolerance"]
    path.write_text(json.dumps(expected), encoding="utf-8")
    text = kit / "golden" / "expected.txt"
    if text.exists():
        lines = text.read_text(encoding="utf-8").splitlines()
        words = lines[-1].split()
        words[2 + 3] = repr(probabilities[3])
        text.write_text("\n".join([*lines[:-1], " ".join(words)]) + "\n", encoding="utf-8")
