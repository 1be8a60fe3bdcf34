"""A model under load: queries one after another, many at once, at random moments, with pauses between them.

The scenarios are MLPerf's. Files here know a thread-safe call and a clock; only
``measure.py`` knows models. Nothing prints.
"""
