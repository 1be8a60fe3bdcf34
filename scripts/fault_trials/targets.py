"""What damaged files are given to: for each format sound files, and the code that reads them as commands do.

A target returns ``refused`` or ``answered``; whatever else it raises is a fault
that was found. Runs in a process with limits, see :mod:`fault_trials.mutant_child`.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from fault_trials.commands import run_command
from fault_trials.mutators import mutate_bytes, mutate_gzip, mutate_json
from mnistbench.data import load_dataset, locate
from mnistbench.errors import MnistbenchError

Mutate = Callable[[bytes, Random], bytes]

REFUSED, ANSWERED = "refused", "answered"


class FaultError(Exception):
    """Something that must not happen, in words."""


@dataclass(frozen=True)
class Target:
    """One kind of file.

    Attributes:
        name: Of the kind.
        sound: The file as it should be.
        mutate: Damages it.
        read: Gets the damaged bytes.
    """

    name: str
    sound: bytes
    mutate: Mutate
    read: Callable[[bytes], str]


def make_targets(group: str, folder: Path) -> list[Target]:
    """The targets of a group, with all that they need in an empty folder."""
    return GROUPS[group](folder)


def _by_command(*arguments: object) -> str:
    """Refused or answered by a command, which has to end well either way."""
    outcome = run_command(*arguments)
    for problem in outcome.problems(is_json="--json" in arguments):
        raise FaultError(f"mnistbench {arguments[0]}: {problem}")
    return ANSWERED if outcome.code in (0, 3, 4) else REFUSED


def _caught(read: Callable[[], object]) -> str:
    try:
        read()
    except MnistbenchError as error:
        if not str(error) or len(str(error)) > 10_000:
            raise FaultError(f"a message of {len(str(error))} letters") from None
        return REFUSED
    return ANSWERED


def idx_targets(folder: Path) -> list[Target]:
    """The four files of a dataset, plain and compressed."""
    from kill_train_all import write_dataset

    sound = write_dataset(folder / "digits", 0, {"train": 30, "t10k": 20})

    def reader(name: str) -> Callable[[bytes], str]:
        own = shutil.copytree(sound, folder / f"with-{name}", dirs_exist_ok=True)

        def read(content: bytes) -> str:
            (own / name).write_bytes(content)
            locate(own)
            return _caught(lambda: _check_dataset(load_dataset(own)))

        return read

    return [
        Target(f"{name}{suffix}", (sound / name).read_bytes(), mutate, reader(name))
        for name in sorted(path.name for path in sound.iterdir())
        for suffix, mutate in (("", mutate_bytes), (".gz", mutate_gzip))
    ]


def _check_dataset(dataset: Any) -> None:
    for part in ("train", "test"):
        images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
        if (
            images.shape != (len(labels), 28, 28)
            or images.dtype != np.uint8
            or not 0 <= labels.min() <= labels.max() <= 9
        ):
            raise FaultError(f"{part} images {images.shape} {images.dtype}, labels {labels.min()} to {labels.max()}")


def json_targets(folder: Path) -> list[Target]:
    """Manifests, results, states, benchmark runs, tunings and saved results, read by the commands that do."""
    from fault_trials.sound_json import sound_documents

    sound = sound_documents(folder / "sound")
    targets = []
    for name, (content, commands) in sound.items():
        own = shutil.copytree(folder / "sound", folder / "trials" / name)
        for number, (place, command) in enumerate(commands):
            targets.append(Target(f"{name} {number}", content, mutate_json, _json_reader(own, place, command)))
    return targets


def _json_reader(own: Path, place: str, command: Callable[[Path], Any]) -> Callable[[bytes], str]:
    def read(content: bytes) -> str:
        (own / place).write_bytes(content)
        arguments = command(own)
        return _by_command(*arguments) if isinstance(arguments, tuple) else _caught(arguments)

    return read


def safetensors_targets(folder: Path) -> list[Target]:
    """Weights and checkpoints, as they are and with the hash that vouches for them changed too."""
    from fault_trials.sound_runs import stopped_and_finished
    from mnistbench.training.checkpoint import read_checkpoint
    from mnistbench.training.export import export_run
    from mnistbench.training.job import read_finished
    from mnistbench.training.run import run_job

    sound = stopped_and_finished(folder / "sound")

    def fresh(name: str, original: Path, tensors: str, content: bytes) -> tuple[Path, Path]:
        work = folder / name
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(original, work)
        run = sound.job.folder(work)
        (run / tensors).write_bytes(content)
        return work, run

    def vouch(file: Path, content: bytes, *keys: str) -> None:
        document = inner = json.loads(file.read_text())
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = hashlib.sha256(content).hexdigest()
        file.write_text(json.dumps(document))

    def resumed(content: bytes, *, vouched: bool) -> str:
        work, run = fresh("resumed", sound.stopped_work, sound.checkpoint.name, content)
        if not vouched:
            return _caught(lambda: read_checkpoint(run, sound.job))
        vouch(run / "state.json", content, "files", "tensors", "sha256")
        return _caught(lambda: run_job(sound.job, sound.dataset, sound.device, work))

    def exported(content: bytes, *, vouched: bool) -> str:
        work, run = fresh("exported", sound.finished_work, "weights.safetensors", content)
        if vouched:
            vouch(run / "result.json", content, "weights_sha256")
        finished = read_finished(run)
        assert finished is not None
        return _caught(lambda: export_run(finished, sound.job.network, sound.dataset, work / "zoo"))

    targets = []
    for vouched in (True, False):
        how = "with its hash" if vouched else "alone"
        targets += [
            Target(
                f"checkpoint {how}",
                sound.checkpoint.read_bytes(),
                mutate_bytes,
                lambda content, v=vouched: resumed(content, vouched=v),
            ),
            Target(
                f"weights {how}", sound.weights, mutate_bytes, lambda content, v=vouched: exported(content, vouched=v)
            ),
        ]
    return targets


def onnx_targets(folder: Path) -> list[Target]:
    """Small models of this project and others, as foreign files; and as bundled ones, which only their hash admits."""
    from fault_trials.sound_models import sound_models
    from mnistbench.artifacts import bundled_zoo
    from mnistbench.locate import locate as locate_model
    from mnistbench.measure.latency.subject import inspect_model
    from mnistbench.runtime.classifier import load_classifier

    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    calibration = (np.tile(images, (10, 1, 1)), np.arange(20) % 10)
    file = folder / "foreign.onnx"

    def foreign(content: bytes) -> str:
        file.write_bytes(content)
        return _caught(lambda: load_classifier(file, calibration=calibration, assume_range=True).predict(images))

    def timed(content: bytes) -> str:
        file.write_bytes(content)
        return _caught(lambda: inspect_model(file))

    zoo = folder / "zoo"
    shutil.copytree(bundled_zoo(), zoo)
    name = "64-64-10"
    original = (zoo / f"{name}.onnx").read_bytes()

    def bundled(content: bytes) -> str:
        (zoo / f"{name}.onnx").write_bytes(content)
        outcome = _caught(lambda: locate_model(name, [zoo]))
        if (outcome == ANSWERED) != (content == original):
            raise FaultError(f"a bundled file {'unlike' if outcome == ANSWERED else 'as'} the original was {outcome}")
        return outcome

    targets = [Target("bundled", original, mutate_bytes, bundled)]
    for what, content in sound_models().items():
        targets += [
            Target(what, content, mutate_bytes, foreign),
            Target(f"{what}, timed", content, mutate_bytes, timed),
        ]
    return targets


def picture_targets(folder: Path) -> list[Target]:
    """A digit in each format and several modes."""
    from mnistbench.pictures.decode import open_picture
    from mnistbench.pictures.read import predict_image

    folder.mkdir(parents=True, exist_ok=True)
    seven = np.full((64, 48), 235, np.uint8)
    seven[10:16, 8:40] = 30
    for row in range(16, 56):
        left = 34 - (row - 16) // 2
        seven[row, left : left + 6] = 30
    grey = Image.fromarray(seven)
    file = folder / "picture"

    def read(content: bytes) -> str:
        file.write_bytes(content)

        def answer() -> None:
            found = predict_image(file, multi=len(content) % 2 == 0)
            if not (found.image.shape == (28, 28) and found.image.dtype == np.uint8):
                raise FaultError(f"an image of {found.image.shape} {found.image.dtype}")
            shown = open_picture(file, colours=True)
            if not np.isfinite(shown.grey).all():
                raise FaultError("grey levels that are no numbers")

        return _caught(answer)

    kinds = [
        ("PNG", "L", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("PNG", "I;16", {}),
        ("JPEG", "L", {}),
        ("JPEG", "CMYK", {}),
        ("JPEG", "RGB", {"progressive": True}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("PPM", "L", {}),
        ("GIF", "P", {}),
        ("TIFF", "L", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "F", {}),
    ]
    targets = []
    for kind, mode, options in kinds:
        stream = io.BytesIO()
        picture = Image.fromarray(seven.astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
        picture.save(stream, kind, **options)
        targets.append(Target(f"{kind} {mode}", stream.getvalue(), mutate_bytes, read))
    return targets


GROUPS: dict[str, Callable[[Path], list[Target]]] = {
    "idx": idx_targets,
    "json": json_targets,
    "safetensors": safetensors_targets,
    "onnx": onnx_targets,
    "pictures": picture_targets,
}

FULL_COUNTS = {"idx": 50_000, "json": 50_000, "safetensors": 50_000, "onnx": 50_000, "pictures": 20_000}
"""Mutants of each group in the run whose figures are published."""
