"""The kit for browsers: static pages and onnxruntime-web, which npm brings and a script copies beside them."""

from __future__ import annotations

from mnistbench.embed.contents import common_files, common_values, golden_files
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.templates import plain_files

_PAGES = ("index.html", "app.mjs", "digits.mjs", "style.css", "self_test.html", "self_test.mjs")
_NAMES = {
    **{name: name for name in ("README.md", "package.json", "vendor.mjs", "test.mjs", *_PAGES)},
    "npmrc": ".npmrc",
}


def browser_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    values = common_values(model, golden)
    return {
        **plain_files("browser", _NAMES, values),
        **common_files(model),
        **golden_files(model, golden, pictures="png"),
    }
