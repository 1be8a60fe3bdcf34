"""Errors that come back from other processes."""

from __future__ import annotations

import pytest

from mnistbench.errors import MnistbenchError, ProviderError, error_named


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ProviderError", ProviderError),
        ("MissingExtraError", MnistbenchError),
        ("Exception", MnistbenchError),
        ("error_named", MnistbenchError),
        ("__builtins__", MnistbenchError),
        ("", MnistbenchError),
        (["ProviderError"], MnistbenchError),
        (None, MnistbenchError),
    ],
    ids=str,
)
def test_another_process_can_name_our_errors_and_nothing_else(name: object, kind: type[MnistbenchError]) -> None:
    error = error_named(name, 7)
    assert type(error) is kind
    assert str(error) == "7"
