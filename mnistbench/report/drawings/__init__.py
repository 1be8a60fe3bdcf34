"""Pictures as SVG files of their own, readable on light and on dark paper: architectures and confusion matrices.

Written by our own code, so that text stays text and the same model gives the same bytes.
"""
