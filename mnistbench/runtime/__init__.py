"""onnxruntime and everything around it: an ONNX file in, labels of images out.

``onnx_file`` reads a file without loading it (with ``onnx_parser`` on top of
``protobuf``), ``providers`` and ``devices`` say what may run where,
``session`` makes onnxruntime sessions and ``placement`` checks that they run
there, ``images`` checks what a caller gives, ``contract`` works out how a
foreign file takes images and ``input_plan`` does it, and ``model`` and
``classifier`` answer. onnxruntime itself is imported when the first session is
made, so that importing this package is cheap. Nothing here measures or prints.
"""
