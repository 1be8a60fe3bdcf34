"""The demo: one page on which digits are drawn and read, served here or written as static files.

The page lies under ``static`` in its own languages; its normaliser, under ``static/pictures``, is
``mnistbench.pictures`` in JavaScript, module by module. Needs nothing of torch, and nothing at all to be imported.
"""
