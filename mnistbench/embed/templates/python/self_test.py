"""Compares this machine's answers with the golden ones; ends with 1 where one differs.

python3 self_test.py
"""

from __future__ import annotations

import hashlib
import json
import sys

import digits
import numpy as np


def main() -> int:
    """Run every golden picture; the exit code."""
    expected = json.loads((digits.FOLDER / "golden" / "expected.json").read_text(encoding="utf-8"))
    if hashlib.sha256((digits.FOLDER / "@@MODEL@@").read_bytes()).hexdigest() != expected["model_sha256"]:
        print("FAILED: @@MODEL@@ is not the file that the golden answers are from")
        return 1
    session = digits.load()
    failed = 0
    for case in expected["cases"]:
        image = digits.read_pgm(digits.FOLDER / "golden" / case["picture"])
        (label,), (probabilities,) = digits.classify(session, image)
        difference = float(np.abs(probabilities - case["probabilities"]).max())
        # Written so that NaN fails.
        good = label == case["label"] and difference <= expected["tolerance"]
        failed += not good
        print(f"{'ok' if good else 'FAILED'}: {case['picture']}: {label}, off by {difference:.1e}")
    print(f"{len(expected['cases']) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
