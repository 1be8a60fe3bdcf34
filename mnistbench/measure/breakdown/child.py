"""The program of a fresh process that profiles, called as :mod:`mnistbench.measure.latency.child` is."""

from __future__ import annotations

import sys

from mnistbench.measure.breakdown.profiled import profile_once
from mnistbench.measure.latency.child import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], profile_once))
