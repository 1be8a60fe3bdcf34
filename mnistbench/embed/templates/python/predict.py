"""Prints the label and the ten probabilities of each picture.

python3 predict.py golden/@@EXAMPLE@@.pgm
"""

from __future__ import annotations

import sys

import digits


def main(paths: list[str]) -> None:
    """Answer each picture in turn."""
    if not paths:
        sys.exit("usage: python3 predict.py PICTURE.pgm ...")
    session = digits.load()
    for path in paths:
        try:
            image = digits.read_pgm(path)
        except (OSError, ValueError) as error:
            sys.exit(f"error: {error}")
        (label,), (probabilities,) = digits.classify(session, image)
        print(f"{path}: {label}")
        for name, probability in zip(digits.LABELS, probabilities, strict=True):
            print(f"  {name}  {probability:.6f}")


if __name__ == "__main__":
    main(sys.argv[1:])
