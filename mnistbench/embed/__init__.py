"""Embedding kits: small, complete programs and repositories around one model, in other languages and servers.

What a kit holds in its own language lies under ``templates``, and is filled in at a few marked places; nothing here
writes code. Needs numpy, Pillow and onnxruntime only.
"""
