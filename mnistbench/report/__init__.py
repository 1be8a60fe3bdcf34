"""Results as people read them: tables, Markdown and pictures.

Knows nothing of how anything is measured or trained; units are turned into
text here and nowhere else.
"""
