"""Versions of the packages that the kits ask for: those that the tests run them with, but for Triton's.

Knows nothing of what is installed here.
"""

from __future__ import annotations

PYTHON_ONNXRUNTIME = "1.31.1"
"""``onnxruntime`` and its release for C++."""

NUMPY = "2.4.6"

NPM_ONNXRUNTIME = "1.30.0"
"""``onnxruntime-node`` and ``onnxruntime-web``, which follow the others some weeks later."""

TRITON = "25.03"
"""Release of NVIDIA's container, which no registry of packages has: its kit is checked against its schema only."""
