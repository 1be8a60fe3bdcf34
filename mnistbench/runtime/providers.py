"""Execution providers by name: those that are known, built in, or installed as plug-ins.

A plug-in is a library that onnxruntime loads at run time. Packages named
``onnxruntime-ep-…`` bring one and say where it lies, so that any of them works
without a line here. Knows nothing of devices or models.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from mnistbench.errors import ProviderError, UnknownDeviceError
from mnistbench.runtime.known_providers import BUILT_IN, PROVIDERS, Provider
from mnistbench.runtime.machine import PLUGIN_PREFIX, Machine

SUFFIX = "ExecutionProvider"
"""What onnxruntime's names of providers end in."""


def find_provider(text: str, *, machine: Machine | None = None) -> Provider:
    """The provider that a short or a full name means, in any case of letters.

    Raises:
        UnknownDeviceError: When nothing that is known or installed is called so.
    """
    wanted = text.strip().lower()
    for provider in PROVIDERS:
        if wanted in (provider.name, provider.full_name.lower()):
            return _as_built(provider, machine)
    found = installed_providers(machine=machine)
    # What is known of builds comes last: a plug-in may bring a provider of the same name.
    for provider in (*found, *BUILT_IN):
        if wanted in (provider.name, provider.full_name.lower()):
            return provider
    names = list(dict.fromkeys(provider.name for provider in (*PROVIDERS, *found)))
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UnknownDeviceError(
        f"unknown execution provider {text!r:.80}; {hint}expected one of {', '.join(names)}, "
        f"or one that a package {PLUGIN_PREFIX}… brings"
    )


def installed_providers(*, machine: Machine | None = None) -> tuple[Provider, ...]:
    """Every provider that onnxruntime was built with or that a plug-in package brings, usable or not."""
    machine = machine or Machine()
    found = {provider.full_name: provider for provider in built_in_providers(machine=machine)}
    for package in machine.plugin_packages():
        try:
            brought = plugin_providers(package, machine=machine)
        except Exception:  # noqa: BLE001  # a stranger's package; what it cannot do is said when it is asked for
            brought = ()
        found |= {provider.full_name: provider for provider in brought}
    return tuple(found.values())


def built_in_providers(*, machine: Machine) -> tuple[Provider, ...]:
    """Every provider that onnxruntime was built with, usable or not."""
    known = {provider.full_name: provider for provider in (*PROVIDERS, *BUILT_IN)}
    return tuple(
        _built_in(known.get(full_name) or Provider(short_name(full_name), full_name, is_unsettled=True))
        for full_name in machine.available_providers()
    )


def plugin_providers(package: str, *, machine: Machine) -> tuple[Provider, ...]:
    """Every provider that an installed plug-in package brings; it is imported, but not loaded.

    Raises:
        Exception: When the package cannot be imported, or has not the functions that such packages have.
    """
    _, full_names = machine.plugin(package)
    return tuple(_provider(full_name, package) for full_name in full_names)


def _provider(full_name: str, package: str) -> Provider:
    known = {provider.full_name: provider for provider in PROVIDERS}
    return known.get(full_name, Provider(short_name(full_name), full_name, package=package))


def _as_built(provider: Provider, machine: Machine | None) -> Provider:
    """The provider without its plug-in when onnxruntime was built with it, as ``onnxruntime-openvino`` is."""
    if provider.package is None or provider.full_name not in (machine or Machine()).available_providers():
        return provider
    return _built_in(provider)


def _built_in(provider: Provider) -> Provider:
    return replace(provider, package=None, extra=None) if provider.package is not None else provider


def short_name(full_name: str) -> str:
    """``openvino`` for ``OpenVINOExecutionProvider``."""
    return full_name.removesuffix(SUFFIX).lower() or full_name.lower()


def register_plugin(provider: Provider, *, machine: Machine) -> None:
    """Load a provider's plug-in, unless this process has it already.

    Raises:
        ProviderError: When the package is not installed or onnxruntime cannot load its library.
    """
    assert provider.package is not None
    if ep_devices(provider, machine=machine):
        return
    if provider.package not in machine.plugin_packages():
        install = f"pip install {provider.package}"
        if provider.extra:
            install = f"pip install 'mnistbench[{provider.extra}]' (or {install})"
        raise ProviderError(
            f"the provider {provider.name} needs the package {provider.package}, which is not installed; run: {install}"
        )
    try:
        library, _ = machine.plugin(provider.package)
        machine.register_library(provider.package, library)
    except Exception as error:  # noqa: BLE001  # a stranger's package, and a library's own exceptions
        text = " ".join(str(error).split())
        # A second registration under the same name: a process that has it without any device to offer.
        if "already" not in text and "existing" not in text:
            raise ProviderError(
                f"the plug-in of {provider.package} {machine.package_version(provider.package)} cannot be loaded: "
                f"{text[:300]}"
            ) from None


def ep_devices(provider: Provider, *, machine: Machine) -> list[Any]:
    """The pairs of this provider and hardware that onnxruntime offers (``OrtEpDevice``), in its order."""
    return [found for found in machine.ep_devices() if found.ep_name == provider.full_name]
