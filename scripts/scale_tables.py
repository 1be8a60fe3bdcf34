"""Tables of docs/scale.md, from a committed run of bench/scale.py: what an engine costs a job, and what slots gain."""

from __future__ import annotations

from latency_tables import machine, read

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, markdown


def engines() -> str:
    """Seconds a job and until the first one, by engine."""
    document = read("scale.json")
    heads = ("engine", "jobs", "beside training, a job", "aimed at", "until the first job")
    rows = tuple(
        (
            f"`{row['engine']}`",
            str(row["jobs"]),
            units.seconds(row["seconds_a_job"]),
            units.seconds(row["target_seconds_a_job"]),
            units.seconds(row["start_seconds"]),
        )
        for row in document["overheads"]
    )
    columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
    return markdown(Sheet("", columns, rows, f"On {machine(document['environment'])}."))


def slots() -> str:
    """Total time of the same jobs with more and more simulated slots, beside what perfect sharing would take."""
    document = read("scale.json")
    heads = ("engine", "slots", "jobs", "a job sleeps", "total", "shared perfectly", "times as fast as one slot")
    alone = {row["engine"]: row["total_seconds"] for row in document["totals"] if row["slots"] == 1}
    rows = tuple(
        (
            f"`{row['engine']}`",
            str(row["slots"]),
            str(row["jobs"]),
            units.seconds(row["job_seconds"]),
            units.seconds(row["total_seconds"]),
            units.seconds(row["ideal_seconds"]),
            f"{alone[row['engine']] / row['total_seconds']:.2f}",
        )
        for row in document["totals"]
    )
    columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
    return markdown(Sheet("", columns, rows, "Jobs sleep in place of training, so that slots need no processors."))
