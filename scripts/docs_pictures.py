"""Pictures of the documents: drawn from committed results, each with the hash of what it was drawn from in it.

The hash, and not the pixels, tells whether a picture is fresh: another version of
matplotlib or of a font draws other pixels from the same numbers.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mnistbench.catalog import NETWORKS
from mnistbench.measure.summary import DEFAULT_RECIPE, summarize
from mnistbench.published import read_published
from mnistbench.report.plots import accuracy_against_parameters, learning_curves

_KEY = "Source"


@dataclass(frozen=True)
class Picture:
    """A PNG file of the documents."""

    path: Path
    source: str
    """Hash of what it shows."""
    draw: Callable[[], bytes]

    def is_fresh(self) -> bool:
        """Whether the file was drawn from what is there now."""
        if not self.path.is_file():
            return False
        with Image.open(self.path, formats=["PNG"]) as image:
            return image.info.get(_KEY) == self.source

    def write(self) -> None:
        """Draw it, with few colours: a quarter of the size, and no eye sees it."""
        with Image.open(io.BytesIO(self.draw()), formats=["PNG"]) as image:
            info = PngInfo()
            info.add_text(_KEY, self.source)
            small = image.convert("RGB").quantize(colors=256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            small.save(self.path, pnginfo=info, optimize=True)


def pictures(docs: Path) -> list[Picture]:
    """Every picture in a folder of documents that is drawn from results.

    Networks' errors are drawn with the recipe ``default``: once that is whole,
    further runs of others do not change the file.
    """
    runs = read_published().runs
    ours = tuple(run for run in runs if run.recipe == DEFAULT_RECIPE)
    return [
        Picture(
            docs / "accuracy.png",
            _hash([asdict(run) for run in ours], [asdict(network.paper) for network in NETWORKS if network.paper]),
            lambda: accuracy_against_parameters(summarize(ours, NETWORKS)),
        ),
        Picture(docs / "curves.png", _hash([asdict(run) for run in ours]), lambda: learning_curves(ours)),
    ]


def _hash(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
