"""The kit for Node.js: onnxruntime-node, three small modules."""

from __future__ import annotations

from mnistbench.embed.contents import common_files, common_values, golden_files
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.templates import plain_files

# A file whose name begins with a dot would be easy to lose on the way into a wheel.
_NAMES = {
    **{name: name for name in ("README.md", "package.json", "digits.mjs", "predict.mjs", "self_test.mjs")},
    "npmrc": ".npmrc",
}


def node_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    values = common_values(model, golden)
    return {
        **plain_files("node", _NAMES, values),
        **common_files(model),
        **golden_files(model, golden, pictures="pgm"),
    }
