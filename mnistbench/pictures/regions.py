"""Which inked pixels hang together: connected regions of a mask, in plain numpy.

Knows nothing of digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistbench.pictures.resample import Grey

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Pixels that touch each other, corners included.

    Attributes:
        number: Its number in the labels, from 1.
        top: First row; ``bottom`` is the one after the last.
        left: First column; ``right`` is the one after the last.
        bottom: See ``top``.
        right: See ``left``.
        mass: Sum of the ink's values over 255: full pixels.
        peak: Largest value, 0 to 255.
    """

    number: int
    top: int
    left: int
    bottom: int
    right: int
    mass: float
    peak: float

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left


def find_regions(ink: Grey, threshold: float) -> tuple[Region, ...]:
    """Regions of the pixels with at least ``threshold``, in the order of their first pixels."""
    return _measured(ink, *_numbered(ink, threshold))


def label_regions(ink: Grey, threshold: float) -> tuple[npt.NDArray[np.int64], tuple[Region, ...]]:
    """As :func:`find_regions`, and which region each pixel belongs to.

    Returns:
        Labels of shape ``(h, w)``: 0 outside, else the region's number; and the regions.
    """
    rows, starts, ends, numbers = _numbered(ink, threshold)
    # Each run adds its number where it starts and takes it away where it ends; the running sum is the label.
    steps = np.zeros(ink.size + 1, dtype=np.int64)
    np.add.at(steps, rows * ink.shape[1] + starts, numbers)
    np.add.at(steps, rows * ink.shape[1] + ends, -np.array(numbers, dtype=np.int64))
    return steps[:-1].cumsum().reshape(ink.shape), _measured(ink, rows, starts, ends, numbers)


def _numbered(
    ink: Grey, threshold: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp], list[int]]:
    """Rows, starts and ends of the runs, and the number of each one's region."""
    rows, starts, ends = _runs(ink >= threshold)
    parents = _joined(rows.tolist(), starts.tolist(), ends.tolist())
    numbers: list[int] = []
    count = 0
    for run in range(len(parents)):
        # A root is the first run of its region, and so comes before the others.
        root = _root(parents, run)
        count += root == run
        numbers.append(count if root == run else numbers[root])
    return rows, starts, ends, numbers


def _measured(
    ink: Grey,
    rows: npt.NDArray[np.intp],
    starts: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
    numbers: list[int],
) -> tuple[Region, ...]:
    if not numbers:
        return ()
    # From each start to its end, and (not used) from there to the next start; one more pixel ends the last.
    flat = np.append(ink.ravel(), 0.0)
    bounds = np.stack([rows * ink.shape[1] + starts, rows * ink.shape[1] + ends], axis=1).ravel()
    masses = (np.add.reduceat(flat, bounds)[::2] / 255.0).tolist()
    peaks = np.maximum.reduceat(flat, bounds)[::2].tolist()
    tops: dict[int, int] = {}
    bottoms: dict[int, int] = {}
    lefts: dict[int, int] = {}
    rights: dict[int, int] = {}
    mass_of: dict[int, float] = {}
    peak_of: dict[int, float] = {}
    for row, start, end, number, mass, peak in zip(
        rows.tolist(), starts.tolist(), ends.tolist(), numbers, masses, peaks, strict=True
    ):
        bottoms[number] = row + 1
        if number not in tops:
            tops[number], lefts[number], rights[number], mass_of[number], peak_of[number] = row, start, end, mass, peak
            continue
        lefts[number] = min(lefts[number], start)
        rights[number] = max(rights[number], end)
        mass_of[number] += mass
        peak_of[number] = max(peak_of[number], peak)
    return tuple(Region(n, tops[n], lefts[n], bottoms[n], rights[n], mass_of[n], peak_of[n]) for n in tops)


def _runs(mask: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Row, first column and the column after the last of each horizontal run, in reading order."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), dtype=np.bool_)
    padded[:, 1:-1] = mask
    # Where a pixel differs from the one before it, runs start and end in turns.
    edges = np.flatnonzero((padded[:, 1:] != padded[:, :-1]).ravel())
    rows, starts = np.divmod(edges[::2], width + 1)
    return rows, starts, edges[1::2] - rows * (width + 1)


def _joined(rows: list[int], starts: list[int], ends: list[int]) -> list[int]:
    """A forest over the runs; those that touch in neighbouring rows share a root."""
    parents = list(range(len(rows)))
    above = 0
    for run, row in enumerate(rows):
        while above < run and (rows[above] < row - 1 or (rows[above] == row - 1 and ends[above] < starts[run])):
            above += 1
        other = above
        while other < run and rows[other] == row - 1 and starts[other] <= ends[run]:
            first, second = _root(parents, run), _root(parents, other)
            parents[max(first, second)] = min(first, second)
            other += 1
    return parents


def _root(parents: list[int], run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run
