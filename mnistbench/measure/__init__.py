"""Measuring: clock, statistics, the steady-state runner and the environment, each on its own.

Nothing here prints, formats or draws; progress is a callback.
"""
