"""What a run of the server scenario says of its rate, in a word.

Pure: knows a row, and nothing of how it is measured or shown.
"""

from __future__ import annotations

from typing import Literal

from mnistbench.results import LoadResult

RateVerdict = Literal[
    "highest", "within", "too slow", "overloaded", "too few queries", "invalid", "none within", "undecided"
]
"""``highest``, ``none within`` and ``undecided`` end a search, ``invalid`` either; the others are of a rate that was
asked for."""


def rate_verdict(row: LoadResult) -> RateVerdict:
    """The verdict on a row of the server scenario that has no error."""
    if row.stop_reason == "overload":
        return "overloaded"
    if row.rate is None:
        return "undecided" if row.within_bound is None else "none within"
    if row.within_bound is None:
        return "too few queries"
    if not row.valid:
        return "invalid"
    if not row.within_bound:
        return "too slow"
    return "highest" if row.rate_searched else "within"
