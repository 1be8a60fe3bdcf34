"""``mnistbench predict``: the digits on pictures of anybody's making."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.explanations import Explanations
from mnistbench.cli.foreign import limits_of, untrusted_option
from mnistbench.cli.options import PathType, debug_option, json_option, threads_option, work_dir_option
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results

if TYPE_CHECKING:
    from mnistbench.pictures.read import Reader

SHOWN = 200
"""Rows of the table on the screen; of more pictures the files have all."""


@click.command(
    epilog="Example: mnistbench predict photo.jpg scans/ --explain why/",
    short_help="Read the digits on pictures of any kind.",
)
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...", type=PathType())
@click.option(
    "--model", help="Network or ONNX file of mnistbench that reads. Default: the bundled one that errs least."
)
@click.option("--multi", is_flag=True, help="Find several digits in a row and read them in order.")
@click.option(
    "--explain",
    type=PathType(),
    help="Write picture, input and probabilities as PNG: a folder, or a .png for one picture.",
)
@click.option("--csv", "csv_file", type=PathType(dir_okay=False), help="Write a row a picture here.")
@click.option("--jsonl", "jsonl_file", type=PathType(dir_okay=False), help="Write a JSON object a line here.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option(
    "--provider", help="cpu, cuda, tensorrt, openvino, or any other that is installed. Default: the device's."
)
@threads_option
@untrusted_option
@work_dir_option
@json_option
@debug_option
def predict(
    images: tuple[Path, ...],
    model: str | None,
    multi: bool,
    explain: Path | None,
    csv_file: Path | None,
    jsonl_file: Path | None,
    device: str,
    provider: str | None,
    threads: int | None,
    untrusted: bool,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Read the digit on each picture, or say that there is none.

    IMAGES are files and folders: PNG, JPEG, WebP, BMP, PGM, GIF or TIFF of any
    size, photographs and drawings, dark on light or light on dark. A folder is
    searched with all below it. A picture without a digit is answered "not a
    digit"; one that cannot be opened gets a line, and the rest is still read.
    """
    with stdout_for_results(as_json):
        from mnistbench.errors import PictureError
        from mnistbench.files import atomic_write
        from mnistbench.measure.environment import cpus_usable
        from mnistbench.pictures.files import find_pictures
        from mnistbench.report.picture_sheets import answers_csv, answers_jsonl, answers_sheet

        reader = _load_reader(model, work_dir, device, provider, threads, untrusted=untrusted)
        others: list[Path] = []
        empty: list[Path] = []
        paths = find_pictures(dict.fromkeys(images), others.append, empty.append)
        if others:
            say(f"passed over: {len(others):,} files that are no pictures, such as {others[0].name}")
        if not paths:
            raise PictureError(f"there are no pictures in {', '.join(map(str, images))}; name files or other folders")
        for folder in empty:
            say(f"note: there are no pictures in {folder}")
        explanations = Explanations(explain, len(paths))
        rows = _read_all(reader, paths, explanations, multi=multi, processes=threads or cpus_usable())
        if csv_file is not None:
            atomic_write(csv_file, answers_csv(rows).encode())
        if jsonl_file is not None:
            atomic_write(jsonl_file, answers_jsonl(rows).encode())
    num_failed = sum("error" in row for row in rows)
    if as_json:
        print_json(rows)
    elif num_failed < len(rows):
        print_sheets([answers_sheet(rows, model=reader.model.name, shown=SHOWN)])
    if num_failed == len(rows):
        return 1
    return 3 if num_failed or explanations.num_failed else 0


def _load_reader(
    model: str | None, work_dir: Path, device: str, provider: str | None, threads: int | None, *, untrusted: bool
) -> Reader:
    """The model with its judges.

    Raises:
        MnistbenchError: When one cannot be loaded, or the name stands for several.
    """
    from mnistbench.artifacts import bundled_zoo
    from mnistbench.cli.compare import only_model
    from mnistbench.cli.evaluate import check_device
    from mnistbench.locate import locate
    from mnistbench.pictures.read import DEFAULT_MODEL, Reader
    from mnistbench.runtime.model import Model
    from mnistbench.runtime.session import SessionSettings

    place = check_device(device, provider)
    settings = SessionSettings() if threads is None else SessionSettings(threads)
    found = locate(DEFAULT_MODEL, [bundled_zoo()]) if model is None else only_model(model, work_dir)
    limits = limits_of(untrusted)
    return Reader(
        Model.load(found.path, device=place, settings=settings, name=found.name, untrusted=limits),
        device=place,
        settings=settings,
    )


def _read_all(
    reader: Reader, paths: list[Path], explanations: Explanations, *, multi: bool, processes: int
) -> list[dict[str, Any]]:
    """A row for each picture; says at once which cannot be opened."""
    from mnistbench.cli.picture_progress import PictureProgress
    from mnistbench.pictures.files import prepare_all
    from mnistbench.pictures.prepare import Prepared

    rows: list[dict[str, Any]] = []
    with PictureProgress(len(paths)) as progress:
        for part in prepare_all(paths, multi=multi, processes=processes):
            opened = [outcome for _, outcome in part if isinstance(outcome, Prepared)]
            answers = iter(reader.read(opened, multi=multi))
            for path, outcome in part:
                row: dict[str, Any] = {"file": str(path)}
                if not isinstance(outcome, Prepared):
                    say(f"failed: {outcome}")
                    rows.append(row | _FAILED | {"error": str(outcome)})
                    continue
                answer = next(answers)
                if answer.note:
                    say(f"note: {path}: {answer.note}")
                rows.append(row | answer.as_dict() | {"width": outcome.width, "height": outcome.height})
                explanations.write(path, answer, len(rows))
            progress.advance(len(part))
    return rows


_FAILED: dict[str, Any] = {"label": None, "probabilities": None, "is_digit": False, "reason": "it cannot be opened"}
