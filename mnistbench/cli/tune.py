"""``mnistbench bench --tune``: the settings with which ONNX files run fastest, ready to be used."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.cli.kept import KeptFile
from mnistbench.cli.output import print_json, print_sheets, say
from mnistbench.report.sheet import one_line

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile
    from mnistbench.measure.latency.bench import Bench
    from mnistbench.measure.latency.sweep import Task
    from mnistbench.results import Environment, TuningResult

_ALONE = {"threads": "--threads", "spin": "--spin/--no-spin", "floor": "--floor", "most_processes": "--most-processes"}


def check_tune(modes: Sequence[str]) -> None:
    """Refuse options that make no sense together with ``--tune``.

    Raises:
        click.UsageError: When one was given.
    """
    context = click.get_current_context()
    for parameter, option in _ALONE.items():
        if context.get_parameter_source(parameter) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--tune tries threads and spinning itself; leave {option} out")
    if len(modes) > 1:
        raise click.UsageError("--tune ranks the settings of one mode; name a single --mode, and tune each by itself")


def tune_models(
    wanted: Bench, files: Sequence[ModelFile], environment: Environment, *, work_dir: Path, output_file: Path | None
) -> list[tuple[TuningResult, KeptFile]]:
    """Tune models, and save what is found as soon as it is.

    Returns:
        Each result and the file that it is kept in; one with an error is in none.

    Raises:
        click.UsageError: When several results were to go into one file.
        OSError: When the folder of the files cannot be written.
        KeyboardInterrupt: With a text that says what is kept.
        MnistbenchError: As :func:`mnistbench.measure.latency.tuning.run_tuning`.
    """
    from mnistbench.cli.bench_progress import BenchProgress
    from mnistbench.files import check_writable, write_json
    from mnistbench.measure.latency.tuning import run_tuning
    from mnistbench.report.tuning_sheets import settings_text

    count = len(files) * len(wanted.devices) * len(wanted.batch_sizes)
    if output_file is not None and count > 1:
        raise click.UsageError(
            f"--output is one file, and --tune finds settings for {count} cases here; "
            "name one model, device and --batch, or leave --output out"
        )
    folder = work_dir / "tuned"
    target_folder = folder if output_file is None else output_file.parent
    # Not made before something is found: what cannot be tuned leaves no empty folder.
    check_writable(next(there for there in (target_folder, *target_folder.parents) if there.exists()))
    found: list[tuple[TuningResult, KeptFile]] = []

    def keep(result: TuningResult) -> None:
        kept = KeptFile(None if result.error is not None else output_file or folder / file_name(result))
        kept.write(lambda path: write_json(path, result.as_dict()))
        found.append((result, kept))

    with BenchProgress() as progress:

        def show(task: Task, done: int, total: int) -> None:
            row, label = task.row, task.subject.device.label
            settings = settings_text(task.request.settings)
            progress.show(f"{settings}: {row.name} on {label}, {row.mode}, batch {row.batch_size}", done, total)

        try:
            named = [(file.path, file.name) for file in files]
            run_tuning(wanted, named, environment, keep=keep, on_note=say, on_progress=show)
        except KeyboardInterrupt:
            there = [str(kept.path) for _, kept in found if kept.is_written]
            raise KeyboardInterrupt("interrupted" + (f": kept {', '.join(there)}" if there else "")) from None
    return found


def show_tunings(found: Sequence[tuple[TuningResult, KeptFile]], *, as_json: bool) -> int:
    """Print one JSON document, or tables, gains and code; the exit code.

    Raises:
        MnistbenchError: When nothing could be tuned.
        OSError: When it is printed, but not in its file.
    """
    from mnistbench.errors import MnistbenchError

    failed = [result for result, _ in found if result.error is not None]
    for _, kept in found:
        kept.written()
    if as_json:
        print_json([result.as_dict() for result, _ in found])
    else:
        for result, kept in found:
            _print(result, kept)
    for _, kept in found:
        kept.finish()
    if failed and len(failed) == len(found):
        raise MnistbenchError("; ".join(dict.fromkeys(result.error or "" for result in failed)))
    return 3 if failed else 0


def file_name(result: TuningResult) -> str:
    """``16-10-cpu-cpu-b1.json``; the mode stands there where it is not ``e2e``."""
    mode = [] if result.mode == "e2e" else [result.mode]
    device = result.device.replace(":", "")
    name = re.sub(r"[^\w.-]+", "_", result.name)
    return "-".join([name, device, result.provider, *mode, f"b{result.batch_size}"]) + ".json"


def _print(result: TuningResult, kept: KeptFile) -> None:
    """The table, code that needs onnxruntime only, and the line for those who load models with this package."""
    from mnistbench.measure.latency.modes import MODES, mode_options
    from mnistbench.measure.tuned import MODE
    from mnistbench.report.tuning_sheets import tuning_sheet
    from mnistbench.report.units import batch
    from mnistbench.runtime.devices import resolve_device
    from mnistbench.runtime.onnx_file import read_onnx_file
    from mnistbench.runtime.session import SessionSettings
    from mnistbench.runtime.snippet import session_snippet

    if result.settings is None:
        where = f"{one_line(result.name)} on {result.device} {result.provider}, {batch(result.batch_size)}"
        say(f"{where}: {result.error}")
        return
    print_sheets([tuning_sheet(result)])
    device, path = resolve_device(result.device, result.provider), Path(result.file)
    (mode,) = (known for known in MODES if known == result.mode)
    click.echo(f"\n{session_snippet(path, device, SessionSettings(**result.settings), mode_options(mode))}")
    if kept.is_written and mode == MODE and "mnistbench.notation" in read_onnx_file(path).metadata:
        click.echo("# or, with mnistbench:")
        click.echo(f"model = mnistbench.load({json.dumps(str(path))}, tuned={json.dumps(str(kept.path))})")
