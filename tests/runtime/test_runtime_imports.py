from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import mnistbench.runtime.classifier, mnistbench.runtime.model, mnistbench.runtime.contract
import mnistbench.measure.accuracy, mnistbench.measure.latency
heavy = {"torch", "onnx", "click", "rich", "onnxruntime"} & set(sys.modules)
assert not heavy, heavy
from mnistbench.runtime.session import create_session
from mnistbench.errors import ModelError
from mnistbench.runtime.devices import CPU
try:
    create_session(b"", CPU)
except ModelError:
    pass
assert "onnxruntime" not in sys.modules
"""


def test_nothing_heavy_is_imported_before_a_session_is_made():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
