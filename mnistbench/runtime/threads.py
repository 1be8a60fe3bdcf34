"""How many threads a session may have, and how many are sensible."""

from __future__ import annotations

import os

MOST_THREADS = 1024
"""More than any processor has; a session with many more takes minutes to start, and 31 bits are all it takes."""


def usable_cpus() -> int:
    """Processors this process may run on, which can be fewer than the machine has; at most :data:`MOST_THREADS`."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(count or 1, MOST_THREADS)
