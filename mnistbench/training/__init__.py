"""From a spec to trained weights to an ONNX file; the only place that knows torch and onnx.

``recipes`` and ``job`` are plain data and import neither, so that the command
line can name them without paying for torch.
"""
