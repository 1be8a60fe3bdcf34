"""Every error that mnistbench raises on purpose.

Each message names the value given, what is allowed and the next step. The
library raises these; only the command line turns them into one line and an
exit code. This file must not import anything of the package.
"""

from __future__ import annotations


class MnistbenchError(Exception):
    """Base of all errors raised on purpose; anything else is a bug."""


class NotationError(MnistbenchError, ValueError):
    """A network's notation or one of its fields cannot be understood."""


class UnknownNetworkError(MnistbenchError, LookupError):
    """A name is neither a catalogue name, an alias, a group nor a notation."""


class DataError(MnistbenchError):
    """The dataset is missing, damaged or not what it claims to be."""


class ArtifactError(MnistbenchError):
    """A model, manifest or checkpoint file is missing, damaged or not the expected one."""


class PackageError(MnistbenchError):
    """A package cannot be had from its registry, or is not the one that was asked for."""


class ModelNotExportedError(ArtifactError):
    """A known network has no ONNX file in any zoo that was looked in."""


class ModelError(MnistbenchError):
    """An ONNX file cannot be loaded, or cannot answer 28x28 images with ten classes."""


class ProviderError(MnistbenchError):
    """A device or execution provider that was asked for cannot be used."""


class BrokenDeviceError(ProviderError):
    """A device that is there does not compute, so that no job can be trained on it."""


class ProcessError(MnistbenchError):
    """A process that was to measure something ended, or was ended, without an answer."""


class BusyGpuError(ProcessError):
    """A GPU that was to be measured is in use by somebody else."""


class CombinationError(ProviderError):
    """What was asked for never goes together, whatever the machine has: a mode that no such device has."""


class UnknownDeviceError(ProviderError):
    """A text that is not the name of any device or execution provider."""


class InputError(MnistbenchError, ValueError):
    """An array given to a model has the wrong shape, dtype or range."""


class PictureError(MnistbenchError, ValueError):
    """A picture cannot be opened, or what was given is none."""


class TrainingError(MnistbenchError):
    """Training cannot start, or stopped without a usable result."""


class ExportError(MnistbenchError):
    """A model did not pass the gate between training and publication."""


class MissingExtraError(MnistbenchError, ImportError):
    """An optional part of mnistbench is not installed.

    Args:
        extra: Name of the extra in ``pyproject.toml``, such as ``train``.
        module: The module that could not be imported.
    """

    def __init__(self, extra: str, module: str) -> None:
        self.extra = extra
        super().__init__(
            f"this needs the package {module!r}, which is not installed; run: pip install 'mnistbench[{extra}]' "
            f"(in a clone: pip install '.[{extra}]')"
        )


def error_named(name: object, text: object) -> MnistbenchError:
    """The error that another process told of by its class's name, which may be any text.

    Args:
        name: Of a class of this module; of any other text, and of a class that takes more than a text, it becomes
            :class:`MnistbenchError`.
        text: What it said.
    """
    kind = globals().get(name) if isinstance(name, str) else None
    if not isinstance(kind, type) or not issubclass(kind, MnistbenchError) or kind is MissingExtraError:
        kind = MnistbenchError
    return kind(str(text))
