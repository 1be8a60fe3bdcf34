"""The whole page as files in memory: its own, the runtime, the networks, and what is said of them.

The same files are served and written. What is large is gzip already, and the page unpacks it, so that a server that
compresses nothing sends as little.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from mnistbench._version import __version__
from mnistbench.demo.networks import network_facts
from mnistbench.demo.vendored import WASM_BINARY, WASM_SCRIPT, WEBGPU_BINARY, WEBGPU_SCRIPT, VendoredFile
from mnistbench.embed.model import EmbeddedModel
from mnistbench.files import read_json
from mnistbench.pictures.refuse import REFUSAL
from mnistbench.results import RunRecord

FIRST_LOAD = 5_000_000
"""Bytes until the page can answer; networks that do not fit come with the first ink."""

HEADERS = 40_000
"""Of that, what the answers' headers take, and what a figure in ``demo.json`` may grow."""

DIGITS = tuple("0123456789")

NOT_LOADED = frozenset({"licences.txt"})
"""Files of the page that are fetched only by who follows a link."""


@dataclass(frozen=True)
class Site:
    """The page.

    Attributes:
        files: Content by path, with ``/`` between its parts.
        networks: As :func:`mnistbench.demo.networks.network_facts` gives them, with ``id``, ``file``, ``bytes`` (as
            they are sent) and ``first``: whether the first load has it.
        first_load_bytes: Of all that is fetched before the page can answer, compressed as it is sent.
    """

    files: Mapping[str, bytes]
    networks: tuple[dict[str, Any], ...]
    first_load_bytes: int

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(map(len, self.files.values()))


def build_site(
    models: Sequence[EmbeddedModel],
    judges: Sequence[EmbeddedModel],
    runs: Iterable[RunRecord],
    vendored: Mapping[str, bytes],
) -> Site:
    """Put the page together.

    Args:
        models: The networks side by side, in this order.
        judges: Those of :data:`mnistbench.pictures.refuse.JUDGES`, which decide what is no digit.
        runs: The published ones.
        vendored: As :func:`mnistbench.demo.vendored.vendored_files` gives them.
    """
    static = _static_files(files("mnistbench.demo").joinpath("static"))
    runtime = {f"runtime/{name}": content for name, content in vendored.items()}
    labels = models[0].labels if len({model.labels for model in models}) == 1 else DIGITS
    # The criterion was fitted on digits, and knows no other classes.
    judging = judges if labels == DIGITS else ()
    ids = _ids([*models, *judging])
    contents = {ids[model.sha256]: gzip.compress(model.content, mtime=0) for model in (*models, *judging)}
    refusal = json.dumps(read_json(REFUSAL), separators=(",", ":")).encode()
    known = list(runs)
    networks = list(
        {ids[model.sha256]: {"id": ids[model.sha256], **network_facts(model, known)} for model in models}.values()
    )
    document: dict[str, Any] = {
        "version": __version__,
        "labels": labels,
        "networks": networks,
        "judges": [ids[judge.sha256] for judge in judging],
        "runtimes": {
            "wasm": _runtime(WASM_SCRIPT, WASM_BINARY, vendored),
            "webgpu": _runtime(WEBGPU_SCRIPT, WEBGPU_BINARY, vendored),
        },
    }
    before = document["runtimes"]["wasm"]["transferred"] + len(refusal) + len(_text(document))
    before += sum(len(content) for path, content in static.items() if path not in NOT_LOADED)
    first = _fitting(contents, FIRST_LOAD - HEADERS - before)
    document["files"] = {
        name: {"path": f"models/{name}.onnx.gz", "bytes": len(content), "first": name in first}
        for name, content in contents.items()
    }
    document["first_load_bytes"] = before + sum(len(contents[name]) for name in first)
    return Site(
        {
            **static,
            **runtime,
            **{document["files"][name]["path"]: content for name, content in contents.items()},
            "refusal.json": refusal,
            "demo.json": _text(document),
        },
        tuple({**network, **document["files"][network["id"]]} for network in networks),
        document["first_load_bytes"],
    )


def _static_files(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            found |= _static_files(entry, f"{prefix}{entry.name}/")
        else:
            found[prefix + entry.name] = entry.read_bytes()
    return found


def _ids(models: Iterable[EmbeddedModel]) -> dict[str, str]:
    """A name for each file by its hash, no two alike even where case does not count."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for model in models:
        if model.sha256 in ids:
            continue
        name, number = model.name, 1
        while name.lower() in taken:
            number += 1
            name = f"{model.name}-{number}"
        taken.add(name.lower())
        ids[model.sha256] = name
    return ids


def _fitting(contents: Mapping[str, bytes], room: int) -> frozenset[str]:
    """The smallest that fit together into so many bytes; one in any case."""
    chosen: list[str] = []
    for name in sorted(contents, key=lambda each: len(contents[each])):
        room -= len(contents[name])
        if room < 0 and chosen:
            break
        chosen.append(name)
    return frozenset(chosen)


def _runtime(script: VendoredFile, binary: VendoredFile, vendored: Mapping[str, bytes]) -> dict[str, Any]:
    sizes = [len(vendored[file.stored]) for file in (script, binary)]
    return {
        "script": f"runtime/{script.stored}",
        "binary": f"runtime/{binary.stored}",
        "binary_bytes": sizes[1],
        "transferred": sum(sizes),
    }


def _text(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
