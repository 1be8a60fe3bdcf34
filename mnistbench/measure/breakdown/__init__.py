"""Where the time of a call goes: the floor, copies, operators; and from which batch size on a GPU is faster."""

from mnistbench.measure.breakdown.crossing import crossing
from mnistbench.measure.breakdown.measure import measure_breakdown
from mnistbench.measure.breakdown.timed import CROSSING_BATCHES, Breakdown

__all__ = ["CROSSING_BATCHES", "Breakdown", "crossing", "measure_breakdown"]
