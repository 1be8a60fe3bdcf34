"""Which settings are worth trying on a device, the default ones first. Pure; measures nothing."""

from __future__ import annotations

import dataclasses
import itertools

from mnistbench.errors import ProviderError
from mnistbench.runtime.devices import Device
from mnistbench.runtime.session import SessionSettings


def candidate_settings(device: Device, default: SessionSettings) -> tuple[SessionSettings, ...]:
    """The settings to try: threads and spinning on the CPU, the algorithm search of cuDNN on an NVIDIA GPU.

    A single thread waits for nobody, so spinning makes no second candidate of it;
    and OpenVINO has threads of its own, which onnxruntime's spinning does not reach.

    Args:
        device: Where the model runs.
        default: What is used without tuning; no candidate has more threads.

    Returns:
        ``default`` first, as the provider sees it, then the others, each once.

    Raises:
        ProviderError: When nothing is known that could be tuned.
    """
    if device.source.choices:
        usual = {key: device.provider_options.get(key, values[0]) for key, values in device.source.choices.items()}
        values = itertools.product(*device.source.choices.values())
        options = [usual, *(dict(zip(device.source.choices, chosen, strict=True)) for chosen in values)]
        kinds = [given for position, given in enumerate(options) if given not in options[:position]]
        return tuple(dataclasses.replace(default, provider_options=given) for given in kinds)
    if device.text != "cpu":
        raise ProviderError(
            f"nothing is known to tune for {device.label}; "
            "tune the device cpu, or cuda:N with the provider cuda, or leave --tune out"
        )
    spinning = (default.allow_spinning,) if device.source.name == "openvino" else (True, False)
    tried = [
        dataclasses.replace(default, intra_op_num_threads=count, allow_spinning=spins)
        for count in thread_counts(default.intra_op_num_threads)
        for spins in (spinning if count > 1 else (default.allow_spinning,))
    ]
    return (default, *(settings for settings in tried if settings != default))


def thread_counts(most: int) -> tuple[int, ...]:
    """1, 2, 4 and so on below ``most``, and ``most``."""
    powers = [1 << exponent for exponent in range(most.bit_length()) if 1 << exponent < most]
    return (*powers, most)
