"""Pictures from anywhere in, digits as MNIST has them out: opened, cleaned, normalised, segmented, refused where none.

Knows how a model is asked, and nothing of the command line. Importing it loads numpy only.
"""
