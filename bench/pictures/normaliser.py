"""What the normaliser costs and saves on MNIST's test images: ``python bench/pictures/normaliser.py --output FILE``.

Each image as it is, inverted, scaled to 50-400 pixels, off-centre, on grey noisy paper, and under uneven light; read
by two bundled networks after our normaliser and, beside it, after a bare resize to 28x28.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

import mnistbench
from mnistbench.data.dataset import load_dataset
from mnistbench.files import write_json
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.stats import wilson_interval
from mnistbench.pictures.decode import open_picture
from mnistbench.pictures.prepare import empty_image, prepare_picture
from mnistbench.runtime.model import Model

Levels = npt.NDArray[np.uint8]
Random = np.random.Generator

NETWORKS = ("largest-dropout", "lenet5")


def enlarged(image: Levels, random: Random, low: int = 50, high: int = 400) -> npt.NDArray[np.float64]:
    """The image at a random size, bicubic; values 0 to 1."""
    size = int(random.integers(low, high + 1))
    large = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(large, dtype=np.float64) / 255


def plain(image: Levels, random: Random) -> Levels:
    """As it is."""
    del random
    return image


def inverted(image: Levels, random: Random) -> Levels:
    """Black on white."""
    del random
    return 255 - image


def scaled(image: Levels, random: Random) -> Levels:
    """50 to 400 pixels a side."""
    return levels(255 * enlarged(image, random))


def shifted(image: Levels, random: Random) -> Levels:
    """Anywhere on a field 1.3 to 2 times as large."""
    ink = enlarged(image, random, 28, 120)
    side = int(len(ink) * random.uniform(1.3, 2))
    field = np.zeros((side, side))
    top, left = random.integers(0, side - len(ink) + 1, 2)
    field[top : top + len(ink), left : left + len(ink)] = ink
    return levels(255 * field)


def noisy_paper(image: Levels, random: Random) -> Levels:
    """A dark pen on grey paper with grain of 12 levels."""
    ink = enlarged(image, random)
    paper, pen = random.uniform(150, 220), random.uniform(20, 70)
    return levels(paper + (pen - paper) * ink + random.normal(0, 12, ink.shape))


def uneven_light(image: Levels, random: Random) -> Levels:
    """A dark pen under light that falls off to a quarter: from one side, or around a lamp."""
    ink = enlarged(image, random)
    y, x = np.mgrid[0 : len(ink), 0 : len(ink)] / len(ink) - 0.5
    angle = random.uniform(0, 2 * np.pi)
    fall = 0.5 + (x * np.cos(angle) + y * np.sin(angle)) / 1.42
    if random.random() < 0.5:
        cx, cy = random.uniform(-0.5, 0.5, 2)
        fall = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.5)
    return levels((60 + 190 * fall) * (1 - 0.8 * ink))


WAYS: dict[str, Callable[[Levels, Random], Levels]] = {
    "plain": plain,
    "inverted": inverted,
    "scaled": scaled,
    "shifted": shifted,
    "noisy paper": noisy_paper,
    "uneven light": uneven_light,
}


def levels(values: npt.NDArray[np.float64]) -> Levels:
    """Rounded to 0 to 255."""
    return values.clip(0, 255).round().astype(np.uint8)


def normalised(picture: Levels) -> Levels:
    """What the networks are given for a picture."""
    groups = prepare_picture(open_picture(picture)).groups
    return groups[0][0][0].image if groups else empty_image()


def bare(picture: Levels) -> Levels:
    """What they would be given without a normaliser."""
    return np.asarray(Image.fromarray(picture).resize((28, 28)))


def row(way: str, model: Model, images: dict[str, Levels], labels: Any) -> dict[str, Any]:
    """Accuracy of one network on one kind of picture, both ways."""
    result: dict[str, Any] = {"pictures": way, "network": model.name, "num_images": len(labels)}
    for name, batch in images.items():
        errors = int((model.predict(batch) != labels).sum())
        low, high = wilson_interval(errors, len(labels))
        result[name] = {"errors": errors, "accuracy": 1 - errors / len(labels), "low": 1 - high, "high": 1 - low}
    return result


def main() -> None:
    """Make, read, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write accuracies and the environment to this JSON file")
    parser.add_argument("--images", type=int, default=10000, help="only so many of the test images")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    dataset = load_dataset()
    test, labels = dataset.test_images[: arguments.images], dataset.test_labels[: arguments.images]
    models = [mnistbench.load(name) for name in NETWORKS]
    rows = []
    print(f"{'pictures':<14} {'network':<40} {'as given':>9} {'normalised':>11} {'bare resize':>12}")
    for way, make in WAYS.items():
        random = np.random.default_rng(arguments.seed)
        pairs = [(normalised(picture), bare(picture)) for picture in (make(image, random) for image in test)]
        images = {"mnist": test, "normalised": np.stack([p[0] for p in pairs]), "bare": np.stack([p[1] for p in pairs])}
        for model in models:
            found = row(way, model, images, labels)
            rows.append(found)
            shown = [f"{found[name]['accuracy']:.2%}" for name in images]
            print(f"{way:<14} {model.name:<40} {shown[0]:>9} {shown[1]:>11} {shown[2]:>12}", flush=True)
    if arguments.output is not None:
        document = {"schema_version": 1, "kind": "normaliser", "environment": collect_environment().as_dict()}
        write_json(arguments.output, document | {"seed": arguments.seed, "rows": rows})


if __name__ == "__main__":
    main()
