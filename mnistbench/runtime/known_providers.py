"""Execution providers that something is known of, as data: hardware, packages, options.

Where a provider runs by itself, and which of its options says on which device, is
known for these only; any other has to be told. Asks nothing of the machine.

Source: onnxruntime, "Execution Providers", and the options that each one's own
code reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EVERY_KIND = ("cpu", "gpu", "npu", "cuda")
"""Kinds of device; ``cuda`` for NVIDIA's GPUs."""


@dataclass(frozen=True)
class Provider:
    """A way to run models on some kind of hardware."""

    name: str
    """Short and in small letters: ``cuda``."""
    full_name: str
    """onnxruntime's: ``CUDAExecutionProvider``."""
    hardware: tuple[str, ...] = EVERY_KIND
    """Kinds of device that it may run on, the commonest first; none when it runs on another machine."""
    package: str | None = None
    """The package that brings its plug-in; ``None`` when onnxruntime was built with it."""
    extra: str | None = None
    """The extra of mnistbench that installs the package."""
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What onnxruntime is given for it."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Options that are worth trying, each with its values; which is fastest differs between models and GPUs."""
    number_option: str | None = None
    """The option that takes the number of the device; ``None`` where there is none."""
    kind_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """What makes it run on a kind of device, by that."""
    is_unsettled: bool = False
    """Whether nothing tells on which of its kinds it runs: the device then has to be named."""


CPU_PROVIDER = Provider("cpu", "CPUExecutionProvider", ("cpu",))
CUDA_PROVIDER = Provider(
    "cuda",
    "CUDAExecutionProvider",
    ("cuda",),
    options={
        # The default, EXHAUSTIVE, searches anew for every shape: each batch size would pay for it.
        "cudnn_conv_algo_search": "HEURISTIC",
        # fp32 models answer in fp32; TensorFloat-32 would round their inputs to 10 bits.
        "use_tf32": "0",
    },
    choices={"cudnn_conv_algo_search": ("HEURISTIC", "EXHAUSTIVE", "DEFAULT")},
    number_option="device_id",
)
TENSORRT_PROVIDER = Provider("tensorrt", "TensorrtExecutionProvider", ("cuda",), number_option="device_id")
OPENVINO_PROVIDER = Provider(
    "openvino",
    "OpenVINOExecutionProvider",
    ("cpu", "gpu", "npu"),
    package="onnxruntime-ep-openvino",
    extra="openvino",
)

PROVIDERS: tuple[Provider, ...] = (CPU_PROVIDER, CUDA_PROVIDER, TENSORRT_PROVIDER, OPENVINO_PROVIDER)
"""Those that everybody is told of; any other that is installed works too."""

BUILT_IN: tuple[Provider, ...] = (
    Provider("acl", "ACLExecutionProvider", ("cpu",)),
    Provider("armnn", "ArmNNExecutionProvider", ("cpu",)),
    Provider("azure", "AzureExecutionProvider", ()),
    Provider("cann", "CANNExecutionProvider", ("npu",), number_option="device_id"),
    Provider(
        "coreml",
        "CoreMLExecutionProvider",
        ("cpu", "gpu", "npu"),
        kind_options={
            "cpu": {"MLComputeUnits": "CPUOnly"},
            "gpu": {"MLComputeUnits": "CPUAndGPU"},
            "npu": {"MLComputeUnits": "CPUAndNeuralEngine"},
        },
        is_unsettled=True,
    ),
    Provider("dml", "DmlExecutionProvider", ("gpu",), number_option="device_id"),
    Provider("dnnl", "DnnlExecutionProvider", ("cpu",)),
    Provider("migraphx", "MIGraphXExecutionProvider", ("gpu",), number_option="device_id"),
    Provider(
        "qnn",
        "QNNExecutionProvider",
        ("npu", "gpu", "cpu"),
        kind_options={
            "npu": {"backend_type": "htp"},
            "gpu": {"backend_type": "gpu"},
            "cpu": {"backend_type": "cpu"},
        },
    ),
    Provider("rknpu", "RknpuExecutionProvider", ("npu",)),
    Provider("rocm", "ROCMExecutionProvider", ("gpu",), number_option="device_id"),
    Provider("webgpu", "WebGpuExecutionProvider", ("gpu",)),
    Provider("xnnpack", "XnnpackExecutionProvider", ("cpu",)),
)
"""Those that some builds of onnxruntime have, by name. Core ML chooses by itself among what it is allowed."""
