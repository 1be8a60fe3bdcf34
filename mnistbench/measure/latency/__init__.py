"""Latency of ONNX models: sessions, first calls and steady state, in fresh processes, with answers checked."""

from mnistbench.measure.latency.sweep import Sweep, measure_latency

__all__ = ["Sweep", "measure_latency"]
