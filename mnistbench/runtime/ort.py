"""The one place that imports onnxruntime: late, and with its telemetry off.

Importing it takes a tenth of a second, which ``--help`` must not pay. On import
it also writes a device identifier into the user's cache for telemetry, unless
the environment says otherwise beforehand.
"""

from __future__ import annotations

import os
from types import ModuleType


def import_onnxruntime() -> ModuleType:
    """The module ``onnxruntime``.

    ``ORT_DISABLE_TELEMETRY`` is set for this process unless the user has set it.

    Raises:
        ImportError: When it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    module: ModuleType = onnxruntime
    return module
