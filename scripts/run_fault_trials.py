"""Trials of faults, with their figures as JSON: ``python scripts/run_fault_trials.py KIND [--output FILE]``.

The full figures are recorded under bench/results/faults/ and shown in
docs/reliability.md; tests run the same trials with smaller ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnistbench.files import write_json
from mnistbench.measure.environment import collect_environment

FOLDER = Path(__file__).parent.parent / "bench" / "results" / "faults"


def nth_calls(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The N-th call fails, for every N."""
    from fault_trials.nth_call import try_all

    rows = []
    for row in try_all(folder, step=given.step, only=given.only):
        rows.append(row)
        mode = "from then on" if row["persistent"] else "once"
        print(f"{row['operation']:32} {row['fault']:12} {mode:13} {row['tries']:5} {len(row['problems'])} problems")
        for problem in row["problems"][: given.show]:
            print(f"    {problem}")
    tries = sum(row["tries"] for row in rows)
    return {"tries": tries, "settings": {"step": given.step}, "rows": rows}


def mutants(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Damaged and hostile files of every format."""
    from fault_trials.mutants import MEBIBYTES, SECONDS, run_mutants
    from fault_trials.targets import FULL_COUNTS

    rows = []
    for group, full in FULL_COUNTS.items():
        if given.only in (None, group):
            tally = run_mutants(group, given.count or full, folder / group, seed=given.seed)
            rows.append(
                {
                    "group": group,
                    "tries": sum(tally.outcomes.values()),
                    "outcomes": dict(tally.outcomes),
                    "by_target": {name: dict(counts) for name, counts in sorted(tally.by_target.items())},
                    "most_seconds": tally.most_seconds,
                    "most_grown_bytes": tally.most_grown_bytes,
                    "limit_seconds": SECONDS,
                    "limit_mebibytes": MEBIBYTES.get(group, 512),
                    "problems": tally.problems,
                }
            )
            print(f"{group:12} {dict(tally.outcomes)} {tally.most_seconds:.2f} s {tally.most_grown_bytes >> 20} MiB")
            for problem in tally.problems[: given.show]:
                print(f"    {problem}")
    return {"tries": sum(row["tries"] for row in rows), "settings": {"count": given.count}, "rows": rows}


def processes(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Four and sixteen processes in one folder, with locks and without."""
    from fault_trials.many_processes import try_many

    rows = []
    for row in try_many(folder, (4, 16)):
        rows.append(row)
        print(f"{row['operation']:22} {row['processes']:3} locks {row['locks']:15} {len(row['problems'])} problems")
        for problem in row["problems"][: given.show]:
            print(f"    {problem}")
    return {"tries": sum(row["tries"] for row in rows), "settings": {}, "rows": rows}


def mirrors(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Bad mirrors on a local server."""
    from fault_trials.mirrors import try_mirrors

    rows = []
    for row in try_mirrors(folder):
        rows.append(row)
        print(f"{row['mirror']:22} {len(row['problems'])} problems")
        for problem in row["problems"][: given.show]:
            print(f"    {problem}")
    return {"tries": sum(row["tries"] for row in rows), "settings": {}, "rows": rows}


def kills(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Kills while training, exporting, filling a cache and benchmarking; fifty of each."""
    from fault_trials.kills import try_kills

    rows = []
    for row in try_kills(folder, given.count or 50, given.seed, only=given.only):
        rows.append(row)
        print(f"{row['operation']:22} {row['kills']:4} kills, {len(row['problems'])} problems")
        for problem in row["problems"][: given.show]:
            print(f"    {problem}")
    return {"tries": sum(row["kills"] for row in rows), "settings": {}, "rows": rows}


KINDS = {"nth-calls": nth_calls, "mutants": mutants, "processes": processes, "mirrors": mirrors, "kills": kills}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one kind of trial, and write its record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--step", type=int, default=1, help="nth-calls: try only each so many-th call")
    parser.add_argument("--count", type=int, help="mutants, or kills, of each kind  [default: the full figures]")
    parser.add_argument("--only", help="only this operation or format")
    parser.add_argument("--show", type=int, default=5, help="problems to print of each row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="default: fault-KIND.json below bench/results/faults/")
    given = parser.parse_args(arguments)
    is_full = given.step == 1 and given.count is None and given.only is None
    if given.output is None and not is_full:
        parser.error("a short run is none to publish; give --output")
    begin = time.monotonic()
    # In memory where that can be: what is tried is the order of calls, and a disk would take minutes to sync.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as temporary:
        record = KINDS[given.kind](given, Path(temporary) / "trial")
    problems = sum(len(row["problems"]) for row in record["rows"])
    document = {"kind": f"fault-{given.kind}", "environment": collect_environment().as_dict()}
    document |= {"seconds": round(time.monotonic() - begin, 1), "full": is_full, "seed": given.seed, **record}
    document["problems"] = problems
    write_json(given.output or FOLDER / f"fault-{given.kind}.json", document)
    print(f"{record['tries']} tries, {problems} problems, {document['seconds']} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
