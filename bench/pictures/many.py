"""How long ``mnistbench predict`` takes for very many pictures: ``python bench/pictures/many.py --output FILE``.

MNIST's test images as PNG files in one folder, read by the command as anybody starts it, with ``--json``: the start of
Python, the search of the folder and the writing of the answers included. Beside it, in turns, a bare loop in one
process that only opens and decodes the same files with Pillow. The ratio says how many times as long the command takes.

The answers are counted too: a command that is quick and wrong ends this with an error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from turns import alternate

from mnistbench.data.dataset import load_dataset
from mnistbench.files import write_json
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.stats import wilson_interval
from mnistbench.report.units import seconds

PROMISED = 0.985
"""Share of MNIST's test images that is read right, refused ones counted as wrong."""

Rows = list[dict[str, Any]]


def write_pictures(images: npt.NDArray[np.uint8], folder: Path) -> list[Path]:
    """A PNG file an image, named so that the order by name is that of the images."""
    paths = [folder / f"{index:05}.png" for index in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image).save(path)
    return paths


def decode(paths: list[Path]) -> int:
    """The baseline: every file opened and decoded; how many pixels there are."""
    pixels = 0
    for path in paths:
        with Image.open(path) as picture:
            pixels += np.asarray(picture).size
    return pixels


def predict(folder: Path) -> Rows:
    """What the command answers, started anew.

    Raises:
        SystemExit: When it does not end well.
    """
    command = [sys.executable, "-m", "mnistbench", "predict", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise SystemExit(f"mnistbench predict ended with {done.returncode}: {done.stderr.strip()}")
    rows: Rows = json.loads(done.stdout)
    return rows


def count_right(rows: Rows, paths: list[Path], labels: npt.NDArray[np.int64]) -> int:
    """How many are read right.

    Raises:
        SystemExit: When a file has no answer, or so few are right that the promise is refuted (95% interval).
    """
    if [row["file"] for row in rows] != [str(path) for path in paths]:
        raise SystemExit(f"{len(rows):,} answers do not fit {len(paths):,} files")
    right = sum(row["label"] == label for row, label in zip(rows, labels.tolist(), strict=True))
    if wilson_interval(right, len(rows))[1] < PROMISED:
        raise SystemExit(f"only {right:,} of {len(rows):,} are read right; {PROMISED:.1%} are promised")
    return right


def main() -> None:
    """Measure, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write times, counts and the environment to this JSON file")
    parser.add_argument("--images", type=int, default=10000, help="only so many of the test images")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    parser.add_argument("--data-dir", type=Path, help="a folder with the dataset, in place of MNIST from the cache")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.data_dir)
    images, labels = dataset.test_images[: arguments.images], dataset.test_labels[: arguments.images]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_pictures(images, folder)
        answers: list[Rows] = []

        def read_all() -> None:
            answers.append(predict(folder))

        decode(paths)  # neither side is the first to read the files
        times = alternate(lambda: decode(paths), read_all, rounds=arguments.rounds, calls=1)
        counts = [count_right(rows, paths, labels) for rows in answers]
    refused = sum(not row["is_digit"] for row in answers[0])
    baseline, ours = map(median, times)
    ratio = median(other / one for one, other in zip(*times, strict=True))
    print(f"{len(images):,} pictures: {seconds(ours)}, decoding alone {seconds(baseline)}; {ratio:.2f} times as long")
    print(f"right: {counts[0]:,}, refused: {refused:,}")
    if arguments.output is not None:
        document = {"schema_version": 1, "kind": "many_pictures", "environment": collect_environment().as_dict()}
        document |= {"num_images": len(images), "rounds": arguments.rounds, "right": counts[0], "refused": refused}
        document |= {"baseline_seconds": baseline, "ours_seconds": ours, "ratio": ratio}
        write_json(arguments.output, document | {"baseline_rounds_seconds": times[0], "ours_rounds_seconds": times[1]})


if __name__ == "__main__":
    main()
