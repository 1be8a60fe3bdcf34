"""Pictures in, answers out: puts opening, normalising, the networks and the refusal together."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.artifacts import bundled_zoo
from mnistbench.locate import locate
from mnistbench.pictures.normalise import Image28
from mnistbench.pictures.prepare import Piece, Prepared, empty_image, prepare
from mnistbench.pictures.refuse import JUDGES, digit_scores
from mnistbench.runtime.devices import Device
from mnistbench.runtime.model import Model
from mnistbench.runtime.session import SessionSettings

DEFAULT_MODEL = JUDGES[0]
"""The bundled network with the fewest errors, and the first judge: it is run once for both."""

NO_INK = "no ink was found: the picture is empty, or its contrast too low"
NOT_A_DIGIT = "its shape and the networks' answers are not those of a digit"

UNCUT = 2.0
"""Log odds by which the cut of a group must be the better reading."""

AT_ONCE = 256
"""Images that the networks get in one call; memory grows with it."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Answer:
    """What was read.

    Attributes:
        label: The digit; ``None`` where there is none, or several.
        probabilities: Of the digits 0 to 9, as the model says, also where it was refused; ``None`` without ink and
            for several digits or shapes.
        is_digit: Whether it is one digit.
        reason: Why it is none; empty where it is.
        score: How much it looks like a digit: log odds, from 0 on it is one; ``None`` as ``probabilities``.
        image: uint8 of shape ``(28, 28)``: exactly what the model was given; of several, the first.
        box: Left, top, right and bottom of the ink in pixels of the upright original; ``None`` without ink.
        digits: With ``multi``, an answer for each piece from left to right; else empty.
        text: With ``multi``, the digits in a row, ``?`` for a piece that is none.
        note: What is unusual about the file and was read all the same.
    """

    label: int | None
    probabilities: tuple[float, ...] | None
    is_digit: bool
    reason: str
    score: float | None
    image: Image28
    box: Box | None
    digits: tuple[Answer, ...] = ()
    text: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Everything but the image, for JSON."""
        document: dict[str, Any] = {
            "label": self.label,
            "probabilities": None if self.probabilities is None else [round(p, 6) for p in self.probabilities],
            "is_digit": self.is_digit,
            "reason": self.reason,
            "score": None if self.score is None else round(self.score, 3),
            "box": None if self.box is None else list(self.box),
            "note": self.note,
        }
        if self.text:
            document |= {"text": self.text, "digits": [digit.as_dict() for digit in self.digits]}
        return document


class Reader:
    """A model that reads pictures, and the judges that say what is none.

    Args:
        model: Says the label and the probabilities.
        device: Where the judges run; the CPU when ``None``.
        settings: Their threads.
    """

    def __init__(
        self, model: Model, *, device: str | Device | None = None, settings: SessionSettings | None = None
    ) -> None:
        self.model = model
        zoo = bundled_zoo()
        files = [locate(name, [zoo]) for name in JUDGES]
        own = model.sha256
        self._judges = [
            model
            if file.entry is not None and file.entry.sha256 == own
            else Model.load(file.path, device=device or "cpu", settings=settings, name=file.name)
            for file in files
        ]

    def read(self, pictures: Sequence[Prepared], *, multi: bool = False) -> list[Answer]:
        """Answers for prepared pictures; the networks get :data:`AT_ONCE` images in a call.

        Args:
            pictures: From :func:`mnistbench.pictures.prepare.prepare`, with the same ``multi``.
            multi: Whether several digits in a row are expected.
        """
        pieces = list(_pieces(pictures))
        parts = (pieces[start : start + AT_ONCE] for start in range(0, len(pieces), AT_ONCE))
        read = itertools.chain.from_iterable(map(self._read_pieces, parts))
        answers = []
        for picture in pictures:
            ways = [[tuple(next(read) for _ in way) for way in group] for group in picture.groups]
            chosen = [digit for group in ways for digit in best_way(group)]
            answers.append(_several(chosen, picture) if multi else _single(chosen, picture))
        return answers

    def _read_pieces(self, pieces: Sequence[Piece]) -> list[Answer]:
        images = np.stack([piece.image for piece in pieces])[:, None]
        logits = [judge.predict_logits(images) for judge in self._judges]
        probabilities = self.model.predict_proba(images).astype(np.float64)
        scores = digit_scores(np.stack([piece.shape for piece in pieces]), logits)
        return [
            _answer(piece, row, float(score))
            for piece, row, score in zip(pieces, probabilities, scores, strict=True)
        ]  # fmt: skip


def predict_image(source: Any, model: Model | None = None, *, multi: bool = False) -> Answer:
    """Read one picture; see :func:`mnistbench.predict_image`."""
    reader = _default_reader() if model is None else Reader(model)
    return reader.read([prepare(source, multi=multi)], multi=multi)[0]


@functools.cache
def _default_reader() -> Reader:
    """Loaded once: who reads picture after picture does not load three networks for each."""
    return Reader(Model.load(locate(DEFAULT_MODEL, [bundled_zoo()]).path, name=DEFAULT_MODEL))


def best_way(ways: Sequence[tuple[Answer, ...]]) -> tuple[Answer, ...]:
    """Of the ways to cut a group, the one whose least convincing piece is the most convincing.

    Uncut, it has an advantage of :data:`UNCUT`: halves of many a digit are digits themselves.
    """
    return max(ways, key=lambda way: _least_score(way) + (UNCUT if len(way) == 1 else 0.0))


def _least_score(way: Sequence[Answer]) -> float:
    return min(-np.inf if digit.score is None else digit.score for digit in way)


def _pieces(pictures: Sequence[Prepared]) -> Iterator[Piece]:
    for picture in pictures:
        for group in picture.groups:
            for way in group:
                yield from way


def _answer(piece: Piece, probabilities: npt.NDArray[np.float64], score: float) -> Answer:
    digit = score >= 0
    return Answer(
        label=int(probabilities.argmax()) if digit else None,
        probabilities=tuple(probabilities.tolist()),
        is_digit=digit,
        reason="" if digit else NOT_A_DIGIT,
        score=score,
        image=piece.image,
        box=piece.box,
    )


def _single(chosen: Sequence[Answer], picture: Prepared) -> Answer:
    if not chosen:
        return Answer(None, None, False, NO_INK, None, empty_image(), None, note=picture.note)
    return replace(chosen[0], note=picture.note)


def _several(chosen: Sequence[Answer], picture: Prepared) -> Answer:
    if not chosen:
        return _single(chosen, picture)
    if picture.too_many:
        reason = f"too many shapes for a row of digits: {picture.too_many:,}"
        return Answer(None, None, False, reason, None, chosen[0].image, chosen[0].box, note=picture.note)
    text = "".join("?" if digit.label is None else str(digit.label) for digit in chosen)
    boxes = [digit.box for digit in chosen if digit.box is not None]
    box = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    one = chosen[0] if len(chosen) == 1 else None
    return Answer(
        label=one.label if one else None,
        probabilities=one.probabilities if one else None,
        is_digit=one.is_digit if one else False,
        reason=one.reason if one else reason_of_row(chosen),
        score=one.score if one else None,
        image=chosen[0].image,
        box=box,
        digits=tuple(chosen),
        text=text,
        note=picture.note,
    )


def reason_of_row(chosen: Sequence[Answer]) -> str:
    """Why several pieces are not one digit."""
    read = sum(digit.is_digit for digit in chosen)
    if read == len(chosen):
        return f"{read} digits in a row"
    return f"{read} of {len(chosen)} shapes in a row are digits" if read else f"none of {len(chosen)} shapes is a digit"
