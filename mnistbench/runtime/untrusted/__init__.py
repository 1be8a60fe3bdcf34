"""Models of strangers, run in a process of their own with limits: a crash or a hang there is one error here.

It is no sandbox: what a fault in onnxruntime lets a file do, it does with the user's rights.
"""
