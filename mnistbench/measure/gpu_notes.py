"""What to say of NVIDIA's GPUs before they are measured: who else uses them, and with what they are looked at.

Asks the driver and ``nvidia-smi``, which costs the GPUs nothing; prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mnistbench.measure.gpu_probe import nvml_probe
from mnistbench.measure.gpus import find_gpus, why_busy
from mnistbench.results import GpuFacts
from mnistbench.runtime.devices import Device
from mnistbench.runtime.gpu_identity import UNKNOWN, GpuIdentity, identify_gpu

INSTALL = "pip install 'mnistbench[gpu]'"


def gpu_notes(
    devices: Iterable[Device],
    *,
    identify: Callable[[Device], GpuIdentity] = identify_gpu,
    find: Callable[[], Sequence[GpuFacts]] = find_gpus,
) -> list[str]:
    """A line for each GPU that somebody uses, and one where its state is not looked at through NVML.

    Ask before this process has itself computed on a GPU: it would be counted.

    Args:
        devices: What is to be measured.
        identify: Says which GPU a device is.
        find: The GPUs of the machine, as ``nvidia-smi`` lists them.

    Returns:
        Nothing where none of the devices is a GPU of NVIDIA's that the driver knows.
    """
    identities = {device.text: identify(device) for device in devices}
    known = {text: gpu for text, gpu in identities.items() if gpu != UNKNOWN}
    if not known:
        return []
    listed = find()
    notes = []
    for text, gpu in known.items():
        named = f"{text} ({gpu.name})" if gpu.name else text
        facts = next((one for one in listed if gpu.uuid in (one.uuid, one.parent)), None)
        if facts is not None and (busy := why_busy(facts)) is not None:
            notes.append(f"{named} is in use: {busy}; its figures are doubtful")
    if any(nvml_probe(gpu.pci_bus_id) is None for gpu in known.values()):
        missing = "the package nvidia-ml-py is not installed"
        notes.append(
            f"{missing}: nvidia-smi is asked for clocks, throttling and other processes of the GPU, which takes "
            f"longer; run: {INSTALL}"
            if listed
            else f"{missing}, and nvidia-smi lists no GPU: its clocks, throttling and other processes are not "
            f"recorded; run: {INSTALL}"
        )
    return notes
