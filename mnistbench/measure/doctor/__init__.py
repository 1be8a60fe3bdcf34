"""Looks a machine over: what is installed, what each device really runs, what is missing and how to mend it."""

from mnistbench.measure.doctor.examine import examine

__all__ = ["examine"]
