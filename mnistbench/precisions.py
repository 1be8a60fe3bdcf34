"""The precisions that a network can be exported in, and how a name says which: ``lenet5@int8``.

Knows nothing of networks or files.
"""

from __future__ import annotations

from mnistbench.errors import UnknownNetworkError

PLAIN = "fp32"
"""What a name without a precision means."""

PRECISIONS: tuple[str, ...] = (PLAIN, "fp16", "int8", "web")
"""float32; float16; 8-bit integers, signed; 8-bit integers with unsigned weights, for browsers."""

MIXED = "mixed"
"""Precision of an ensemble whose members have several; nothing is exported in it."""


def split_precision(text: str) -> tuple[str, str | None]:
    """``lenet5@int8`` as ``lenet5`` and ``int8``; without ``@``, or with one in a folder's name, the text and ``None``.

    Raises:
        UnknownNetworkError: When what stands behind the ``@`` is no precision.
    """
    name, at, precision = text.rpartition("@")
    if not at or "/" in precision or "\\" in precision:
        return text, None
    return name, check_precision(precision, text)


def check_precision(precision: str, given: str | None = None) -> str:
    """A precision in our spelling.

    Args:
        precision: Such as ``int8``; case does not matter.
        given: What the user wrote, for the message; ``None`` when it was the precision alone.

    Raises:
        UnknownNetworkError: When there is none of that name.
    """
    known = precision.strip().lower()
    if known not in PRECISIONS:
        where = f" in {given!r}" if given is not None else ""
        raise UnknownNetworkError(f"unknown precision {precision!r}{where}; expected one of {', '.join(PRECISIONS)}")
    return known
