"""Compares a server's answers with the golden ones; ends with 1 where one differs.

python3 self_test.py URL
"""

from __future__ import annotations

import json
import sys

import client


def main() -> int:
    """Ask for every golden picture; the exit code."""
    given = client.parser("Compare the answers of a server with the golden ones.").parse_args()
    server = client.Server(given.url, given.host)
    expected = json.loads((client.FOLDER / "golden" / "expected.json").read_text(encoding="utf-8"))
    failed = 0
    for case in expected["cases"]:
        try:
            request = client.request_of(client.read_pgm(client.FOLDER / "golden" / case["picture"]))
            label, probabilities = client.ask(server, request)
        except (OSError, ValueError, LookupError) as error:
            print(f"FAILED: {case['picture']}: {error}")
            return 1
        differences = [abs(a - b) for a, b in zip(probabilities, case["probabilities"], strict=True)]
        # Written so that NaN fails.
        good = label == case["label"] and all(difference <= expected["tolerance"] for difference in differences)
        failed += not good
        print(f"{'ok' if good else 'FAILED'}: {case['picture']}: {label}, off by {max(differences):.1e}")
    print(f"{len(expected['cases']) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
