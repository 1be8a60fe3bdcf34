"""Findings on files and on what goes on around: data, folders, models, variables of the environment, other programs."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from mnistbench.artifacts import MANIFEST, ModelEntry, read_manifest, verify
from mnistbench.data.locate import locate
from mnistbench.errors import ArtifactError, DataError
from mnistbench.measure.conditions import Watch, worries
from mnistbench.precisions import PLAIN
from mnistbench.results import Environment, Finding

FILES, AROUND = "files", "surroundings"

SECONDS_TO_WATCH = 0.5


def check_data(data_dir: Path | None, cache_dir: Path | None = None) -> Finding:
    """Whether the images are there and undamaged; nothing is fetched.

    Args:
        data_dir: The user's folder; ``None`` looks into the cache.
        cache_dir: The cache; ``None`` takes the usual one.
    """
    try:
        location = locate(data_dir, cache_dir=cache_dir)
    except DataError as error:
        return Finding(FILES, "data", "problem", str(error), 'export XDG_CACHE_HOME="$PWD/.cache"')
    if location.verified:
        return Finding(FILES, "data", "ok", f"MNIST, verified, in {location.folder}")
    if location.complete:
        return Finding(FILES, "data", "ok", f"{location.name} (not MNIST), readable, in {location.folder}")
    wanting = ", ".join(f"{file.name} {file.state}" for file in location.files if file.state in ("missing", "damaged"))
    if location.is_cache:
        return Finding(FILES, "data", "missing", f"not in {location.folder} yet: {wanting}", "mnistbench data")
    text = f"{location.folder} cannot be used: {wanting}; put the four files there, or name another with --data-dir"
    return Finding(FILES, "data", "problem", text)


def check_work_dir(work_dir: Path) -> Finding:
    """Whether results can be written; a folder that is not there yet is not made."""
    folder = work_dir.absolute()
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = f"{work_dir} cannot be written ({error.strerror or error}); name another with --work-dir"
        return Finding(FILES, "work folder", "problem", text, "export MNISTBENCH_WORK=~/mnistbench-runs")
    return Finding(FILES, "work folder", "ok", f"{work_dir} can be written")


def check_zoo(folder: Path, *, bundled: bool) -> list[Finding]:
    """Whether every model has the bytes that the manifest vouches for.

    Args:
        folder: The zoo.
        bundled: Whether it is the one that comes with the package; any other need not exist.
    """
    subject = "bundled models" if bundled else "own models"
    remedy = ""
    if bundled:
        installed = (folder.parent / "artifacts.py").is_file()
        again = "pip install --force-reinstall --no-deps .  # in a clone, or the wheel in place of the dot"
        remedy = again if installed else shlex.join(["git", "-C", str(folder.parent), "restore", folder.name])
    if not (folder / MANIFEST).is_file():
        text = f"there is no {folder / MANIFEST}"
        return [Finding(FILES, subject, "problem", text, remedy)] if bundled else []
    try:
        entries = read_manifest(folder)
    except ArtifactError as error:
        return [Finding(FILES, subject, "problem", str(error), remedy)]
    broken = []
    for entry in entries:
        try:
            verify(folder, entry)
        except ArtifactError as error:
            text = str(error).partition("; ")[0]
            broken.append(Finding(FILES, subject, "problem", text, remedy or _export(entry, folder.parent)))
    return broken or [Finding(FILES, subject, "ok", f"{len(entries)}, as their manifest describes them, in {folder}")]


def check_variables(variables: Mapping[str, str], environment: Environment, num_gpus: int) -> list[Finding]:
    """Variables that change what is measured.

    Args:
        variables: The process's environment.
        environment: The machine.
        num_gpus: NVIDIA GPUs that CUDA sees.
    """
    found = []
    given = variables.get("ORT_DISABLE_TELEMETRY", "1")
    if given == "1":
        found.append(Finding(AROUND, "telemetry", "ok", "onnxruntime's is off whenever mnistbench imports it"))
    else:
        text = f"onnxruntime's may be on: ORT_DISABLE_TELEMETRY is {given!r:.40}, not 1"
        found.append(Finding(AROUND, "telemetry", "note", text, "unset ORT_DISABLE_TELEMETRY"))
    hidden = variables.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        text = (
            f"CUDA_VISIBLE_DEVICES={hidden:.60} leaves CUDA {num_gpus} of {len(environment.gpus)} GPUs, numbered anew"
        )
        found.append(Finding(AROUND, "GPUs shown", "note", text, "unset CUDA_VISIBLE_DEVICES"))
    order = variables.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    if num_gpus > 1 and order != "PCI_BUS_ID":
        text = f"CUDA_DEVICE_ORDER is {order:.40}: cuda:N may be another GPU than nvidia-smi's N"
        found.append(Finding(AROUND, "GPU order", "note", text, "export CUDA_DEVICE_ORDER=PCI_BUS_ID"))
    threads = variables.get("OMP_NUM_THREADS")
    if threads is not None:
        text = f"OMP_NUM_THREADS={threads:.20} may limit torch's threads while training (not onnxruntime's)"
        found.append(Finding(AROUND, "threads", "note", text, "unset OMP_NUM_THREADS"))
    return found


def check_load(start: Callable[[], Watch], sleep: Callable[[float], None]) -> list[Finding]:
    """Whether other programs or the host use the processors just now.

    Args:
        start: Looks for the first time.
        sleep: Waits between the two looks, so that this process uses nothing.
    """
    watch = start()
    sleep(SECONDS_TO_WATCH)
    conditions = watch.until_now()
    if "cpu_others_fraction" not in conditions:
        return [Finding(AROUND, "other programs", "note", "this system does not say what they use")]
    found = worries(conditions)
    if not found:
        return [Finding(AROUND, "other programs", "ok", "the processors are idle")]
    return [
        Finding(AROUND, "other programs", "note", f"{what} ({how_much}): figures taken now are doubtful")
        for what, how_much in found.items()
    ]


def _export(entry: ModelEntry, work_dir: Path) -> str:
    precision = [] if entry.precision == PLAIN else ["--precision", entry.precision]
    place = [] if work_dir == Path("runs") else ["--work-dir", str(work_dir)]
    return shlex.join(["mnistbench", "export", entry.name, *precision, *place])
