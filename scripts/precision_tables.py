"""The table of docs/latency.md: the bundled models in every precision, from a committed run."""

from __future__ import annotations

from pathlib import Path

from latency_tables import RESULTS, machine, read

from mnistbench.report.precision_sheets import precision_sheets
from mnistbench.report.sheet import Sheet, markdown
from mnistbench.results import PrecisionRun


def precisions(folder: Path = RESULTS) -> str:
    """Errors, size and latency of each bundled model in each precision, beside those in fp32."""
    run = PrecisionRun.from_dict(read(str(folder / "precisions.json")))
    (sheet,) = precision_sheets(run.results)
    builds = [f"{name} {version}" for name, version in run.environment.packages.items() if name in _RUNTIMES]
    place = (
        f"{run.settings['processes']} fresh processes or more. On {machine(run.environment.as_dict())}, {builds[0]}."
    )
    return markdown(Sheet("", sheet.columns, sheet.rows, " ".join([*sheet.note.splitlines(), place])))


_RUNTIMES = ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime")
