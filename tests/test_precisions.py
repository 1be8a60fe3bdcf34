from __future__ import annotations

import pytest

from mnistbench.errors import UnknownNetworkError
from mnistbench.precisions import PLAIN, PRECISIONS, check_precision, split_precision


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("lenet5", ("lenet5", None)),
        ("lenet5@int8", ("lenet5", "int8")),
        ("64-10-dropout0.5@FP16", ("64-10-dropout0.5", "fp16")),
        ("table4@ web ", ("table4", "web")),
        ("a@b@fp32", ("a@b", "fp32")),
        ("@int8", ("", "int8")),
        ("", ("", None)),
        ("me@home/models/some", ("me@home/models/some", None)),
        ("me@home\\models\\some", ("me@home\\models\\some", None)),
    ],
)
def test_a_name_and_its_precision(text: str, parts: tuple[str, str | None]) -> None:
    assert split_precision(text) == parts


@pytest.mark.parametrize("text", ["lenet5@", "lenet5@int4", "lenet5@int8@", "x@" + "9" * 5000, "a@int8\0"])
def test_what_is_no_precision_names_those_that_are(text: str) -> None:
    with pytest.raises(UnknownNetworkError, match=r"unknown precision .*; expected one of fp32, fp16, int8, web"):
        split_precision(text)


def test_precisions_are_spelt_one_way() -> None:
    assert [check_precision(text.upper()) for text in PRECISIONS] == [*PRECISIONS]
    assert PRECISIONS[0] == PLAIN
    with pytest.raises(UnknownNetworkError, match=r"^unknown precision 'float32'; expected"):
        check_precision("float32")
