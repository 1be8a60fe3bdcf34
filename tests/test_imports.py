"""Importing the package costs next to nothing, and reading digits needs numpy and onnxruntime only."""

from __future__ import annotations

import subprocess
import sys

FORBIDDEN = "{'torch', 'onnx', 'onnxscript', 'safetensors', 'click', 'rich', 'PIL', 'pooch'}"


def run(script, *args):
    subprocess.run([sys.executable, "-c", script, *map(str, args)], check=True)


def test_import_loads_nothing_heavy():
    run(
        "import sys, mnistbench\n"
        f"found = ({FORBIDDEN} | {{'onnxruntime', 'numpy'}}) & set(sys.modules); assert not found, found"
    )


def test_listing_networks_loads_nothing_heavy():
    run(
        "import sys, mnistbench; assert len(mnistbench.list_networks()) == 29; mnistbench.find_network('lenet5')\n"
        f"found = ({FORBIDDEN} | {{'onnxruntime', 'numpy'}}) & set(sys.modules); assert not found, found"
    )


def test_reading_digits_loads_numpy_and_onnxruntime_only(trained_work):
    run(
        "import sys, numpy, mnistbench\n"
        "model = mnistbench.load('16-10', zoo=sys.argv[1])\n"
        "assert model.predict(numpy.zeros((3, 28, 28), numpy.uint8)).shape == (3,)\n"
        f"found = {FORBIDDEN} & set(sys.modules); assert not found, found",
        trained_work / "zoo",
    )


def test_reading_digits_works_where_nothing_else_is_installed(trained_work):
    run(
        f"import sys; sys.modules.update(dict.fromkeys({FORBIDDEN} | {{'platformdirs', 'requests'}}))\n"
        "import numpy, mnistbench\n"
        "mnistbench.load('16-10', zoo=sys.argv[1]).predict(numpy.zeros((28, 28), numpy.uint8))",
        trained_work / "zoo",
    )
