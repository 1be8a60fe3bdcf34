"""Prints the label and the ten probabilities of each picture.

python3 predict.py URL golden/@@EXAMPLE@@.pgm
"""

from __future__ import annotations

import sys

import client


def main() -> None:
    """Ask for each picture in turn."""
    arguments = client.parser("Print the label and the ten probabilities of each picture.")
    arguments.add_argument("pictures", nargs="+", help="binary PGM files of 28x28 pixels, white ink on black")
    given = arguments.parse_args()
    for picture in given.pictures:
        try:
            request = client.request_of(client.read_pgm(picture))
            label, probabilities = client.ask(client.Server(given.url, given.host), request)
        except (OSError, ValueError, LookupError) as error:
            sys.exit(f"error: {error}")
        print(f"{picture}: {label}")
        for name, probability in zip(client.LABELS, probabilities, strict=True):
            print(f"  {name}  {probability:.6f}")


if __name__ == "__main__":
    main()
