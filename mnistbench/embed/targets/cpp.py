"""The kit for C++: a CMake project against onnxruntime's own interface."""

from __future__ import annotations

from mnistbench.embed.contents import common_files, common_values, golden_files, probabilities_of
from mnistbench.embed.golden import Golden
from mnistbench.embed.model import EmbeddedModel
from mnistbench.embed.templates import plain_files

_PROGRAMS = ("README.md", "CMakeLists.txt", "digits.hpp", "predict.cpp", "self_test.cpp")


def cpp_files(model: EmbeddedModel, golden: Golden) -> dict[str, bytes]:
    """The kit's files by their paths in it."""
    values = common_values(model, golden)
    return {
        **plain_files("cpp", _PROGRAMS, values),
        **common_files(model),
        **golden_files(model, golden, pictures="pgm"),
        "golden/expected.txt": _expected(golden).encode(),
    }


def _expected(golden: Golden) -> str:
    """What C++ reads without a library for JSON: the tolerance, then name, class and probabilities of each picture."""
    lines = [f"{golden.tolerance:g}"]
    for case in golden.cases:
        numbers = " ".join(f"{number:g}" if number == 0 else repr(number) for number in probabilities_of(case))
        lines.append(f"{case.name}.pgm {case.label} {numbers}")
    return "\n".join(lines) + "\n"
