"""What is known of one model, gathered from its file, its manifest, an evaluation and runs of the benchmark.

Whatever nobody says is ``None`` and stays so. Writes no Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from mnistbench import catalog
from mnistbench.artifacts import ModelEntry
from mnistbench.errors import MnistbenchError
from mnistbench.measure.breakdown.arithmetic import spec_of
from mnistbench.precisions import MIXED, PLAIN, split_precision
from mnistbench.results import BenchRun, Environment, EvaluationResult, LatencyResult
from mnistbench.spec import NetworkSpec

MOST_DRAWINGS = 12
"""Of an ensemble's architectures."""


@dataclass(frozen=True)
class CardFacts:
    """Everything that a card is made of.

    Attributes:
        evaluation: Errors on the test images, with the confusion matrix and the paper's error where it has one.
        metadata: The file's own metadata properties.
        entry: What the manifest beside the file says; ``None`` without one.
        recipe: What the recipe's name means, in a sentence; ``None`` where it is not known here.
        benches: Runs of the benchmark, of which the rows of this very file are shown.
    """

    evaluation: EvaluationResult
    metadata: Mapping[str, str]
    entry: ModelEntry | None = None
    recipe: str | None = None
    benches: Sequence[BenchRun] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.evaluation.name

    @property
    def file(self) -> str:
        """Name of the ONNX file, without its folder."""
        return PurePath(self.evaluation.file).name

    @property
    def is_own(self) -> bool:
        """Whether this project exported it."""
        return self.evaluation.notation is not None

    @property
    def keeps_contract(self) -> bool:
        """Whether ``mnistbench.load`` takes it."""
        how = self.evaluation.input.get("how_found")
        return isinstance(how, Mapping) and how.get("layout") == "contract"

    @property
    def members(self) -> tuple[Mapping[str, Any], ...]:
        """Who an ensemble is made of, as its file says; none for any other model."""
        try:
            listed = json.loads(self.metadata["mnistbench.members"])
        except (KeyError, ValueError, RecursionError):
            return ()
        return tuple(one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()

    @property
    def spec(self) -> NetworkSpec | None:
        """The one network that the file holds, where it says which."""
        return spec_of(self.metadata)

    @property
    def drawn(self) -> tuple[tuple[str, NetworkSpec], ...]:
        """Names and layers of the networks that can be drawn, each architecture once."""
        if self.spec is not None:
            return ((self.name, self.spec),)
        found: dict[object, tuple[str, NetworkSpec]] = {}
        for member in self.members:
            try:
                network = catalog.find(split_precision(str(member.get("name")))[0])
            except MnistbenchError:
                continue
            found.setdefault(network.spec.layers, (network.name, network.spec))
        return tuple(found.values())[:MOST_DRAWINGS]

    @property
    def latencies(self) -> tuple[tuple[Environment, tuple[LatencyResult, ...]], ...]:
        """Machines, and what each measured of this very file."""
        of_file = [
            (
                run.environment,
                tuple(row for row in run.results if row.sha256 == self.evaluation.sha256 and not row.error),
            )
            for run in self.benches
        ]
        return tuple((environment, rows) for environment, rows in of_file if rows)

    @property
    def precision(self) -> str | None:
        """What the file computes in, as its metadata says it or else the manifest.

        A file of ours that says nothing computes in float32: those do not name it. Of an ensemble its members say.
        """
        if (said := self.metadata.get("mnistbench.precision")) is not None:
            return said
        if self.entry is not None:
            return self.entry.precision
        if self.members:
            each = {str(member["precision"]) if "precision" in member else None for member in self.members}
            return None if None in each else each.pop() if len(each) == 1 else MIXED
        return PLAIN if self.is_own else None

    def calibration(self, key: str) -> str | None:
        """``method``, ``num_images`` or ``seed`` of the training images that an 8-bit file's ranges come from."""
        if (value := self.metadata.get(f"mnistbench.calibration_{key}")) is not None:
            return value
        return _text((self.entry.calibration if self.entry is not None else None) or {}, key)

    def said(self, key: str) -> str | None:
        """What the file's metadata says under ``mnistbench.`` and a key, or else the manifest about its training."""
        value = self.metadata.get(f"mnistbench.{key}")
        return self.trained(key) if value is None else value

    def trained(self, key: str) -> str | None:
        """What the manifest alone says about training; the metadata's ``precision`` is the file's, not training's."""
        return _text(self.entry.training if self.entry is not None else {}, key)


def _text(values: Mapping[str, Any], key: str) -> str | None:
    return str(values[key]) if values.get(key) is not None else None
