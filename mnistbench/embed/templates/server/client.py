"""Asks a server of the Open Inference Protocol (v2) over HTTP; needs nothing but Python.

The protocol: https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

import argparse
import json
import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
LABELS = (FOLDER / "labels.txt").read_text(encoding="utf-8").splitlines()
MODEL_NAME = "@@NAME@@"
TIMEOUT_SECONDS = 30

# Width, height and largest value, with spaces and comments between them, then one space and the pixels.
PGM = re.compile(rb"P5" + 3 * rb"(?:\s|#[^\n]*\n)+(\d+)" + rb"\s(.*)", re.DOTALL)


@dataclass(frozen=True)
class Server:
    """Address of a server, and the name it goes by there where that is another."""

    url: str
    host: str | None = None


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments that say which server to ask."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("url", help="such as http://localhost:8000")
    arguments.add_argument("--host", help="name of the service, where the address is that of a gateway")
    return arguments


def read_pgm(path: str | Path) -> bytes:
    """Read a binary PGM file of 28x28 pixels, white ink on black: 784 bytes."""
    header = PGM.match(Path(path).read_bytes())
    if header is None or header.groups()[:3] != (b"28", b"28", b"255") or len(header[4]) < 28 * 28:
        raise ValueError(f"{path} is no binary PGM file of 28x28 pixels with values up to 255")
    return header[4][: 28 * 28]


def request_of(pixels: Sequence[int]) -> dict[str, Any]:
    """The request for one picture of 784 bytes, as golden/request.json has it."""
    image = {"name": "image", "shape": [1, 1, 28, 28], "datatype": "UINT8", "data": list(pixels)}
    return {"inputs": [image], "outputs": [{"name": "label"}, {"name": "probabilities"}]}


def ask(server: Server, request: dict[str, Any]) -> tuple[str, list[float]]:
    """Send a request for one picture: its label and ten probabilities.

    Raises:
        OSError: When the server cannot be reached or refuses.
        ValueError: When it answers with something else.
    """
    headers = {"Content-Type": "application/json"} | ({"Host": server.host} if server.host else {})
    address = f"{server.url.rstrip('/')}/v2/models/{MODEL_NAME}/infer"
    question = urllib.request.Request(address, json.dumps(request).encode(), headers)
    try:
        with urllib.request.urlopen(question, timeout=TIMEOUT_SECONDS) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise OSError(f"{address} answers {error.code}: {error.read(400).decode(errors='replace')}") from None
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    return LABELS[int(outputs["label"][0])], [float(number) for number in outputs["probabilities"]]
