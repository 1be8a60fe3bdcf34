"""Which execution provider got which nodes of a loaded model, and whether it is the one that was asked for.

A session that names a provider may still have left it without work. Knows
sessions by one method only.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from mnistbench.errors import ProviderError
from mnistbench.runtime.devices import Device

RECORD = "session.record_ep_graph_assignment_info"
"""The entry of a session's options that makes it remember."""


def node_placement(session: Any) -> dict[str, int]:
    """Nodes of a session's optimised graph by execution provider; empty where there are none or nothing tells."""
    return _assigned_nodes(session) or {}


def check_placement(session: Any, device: Device, what: str) -> None:
    """Make sure that a device has all of a model to run, and anything at all, as far as onnxruntime tells.

    Args:
        session: Made with :data:`RECORD`.
        device: Where it was to run. onnxruntime's own provider for the CPU may run anything, nothing too.
        what: The model, for the error.

    Raises:
        ProviderError: When nodes run elsewhere, or the device has none.
    """
    placed = _assigned_nodes(session)
    if placed is None or device.is_default:
        return
    elsewhere = {name: count for name, count in placed.items() if name != device.provider}
    if elsewhere:
        raise ProviderError(
            f"{what} would not run wholly on {device.label}: "
            f"{', '.join(f'{count} nodes on {name}' for name, count in sorted(elsewhere.items()))}; "
            "use another provider or the device cpu"
        )
    if not placed.get(device.provider):
        raise ProviderError(
            f"{what} leaves {device.label} nothing to run: no node of it was given to {device.provider}, as where the "
            "answer depends on no input and is worked out while the model is loaded; use the device cpu"
        )


def _assigned_nodes(session: Any) -> dict[str, int] | None:
    """Nodes by provider; ``None`` of an onnxruntime from before it could tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    counts: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        counts[str(part.ep_name)] += len(part.get_nodes())
    return dict(counts)
