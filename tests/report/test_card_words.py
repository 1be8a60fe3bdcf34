from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.report.card.words import block, code, dataset_name, file_stem, known, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("6-P-16-P-120-84-10", "6-P-16-P-120-84-10"),
        ("<script>", "&lt;script&gt;"),
        ("[x](javascript:1)", "\\[x\\](javascript:1)"),
        ("*a* _b_ `c` ~~d~~", "\\*a\\* \\_b\\_ \\`c\\` \\~\\~d\\~\\~"),
        ("a\n# b", "a\\\\n# b"),
        ("a & b", "a &amp; b"),
        ("\x1b[31m", "\\\\x1b\\[31m"),
        (3, "3"),
    ],
)
def test_text_is_shown_and_not_obeyed(text, shown):
    assert plain(text) == shown


@given(st.text())
def test_any_text_stays_on_its_line_and_makes_no_element(text):
    for shown in (plain(text), known(text)):
        assert len(shown.splitlines()) <= 1
        assert "<" not in shown


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_not_known(value):
    assert known(value) == "not known"


@pytest.mark.parametrize(
    ("text", "shown"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("``a", "``` ``a ```"), ("", "` `")]
)
def test_code_has_more_ticks_than_its_text(text, shown):
    assert code(text) == shown


def test_a_block_of_code_does_not_end_early():
    assert block("a = 1\n", "python") == "```python\na = 1\n```"
    assert block("a = '```'", "python").startswith("````python\n")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("6-P-16-P-120-84-10-dropout0.25", "6-P-16-P-120-84-10-dropout0.25"),
        ("their model", "their-model"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("..", "model"),
        ("", "model"),
        ("ä", "model"),
        ("a" * 500, "a" * 120),
        ("a\0b\nc", "a-b-c"),
    ],
)
def test_names_of_files_are_safe(name, stem):
    assert file_stem(name) == stem


@given(st.text())
def test_any_name_is_safe(name):
    stem = file_stem(name)
    assert stem
    assert not set(stem) & set('/\\:*?"<>| \n()[]')
    assert not stem.startswith((".", "-"))


def test_mnist_is_written_as_everybody_does():
    assert [dataset_name(name) for name in ("mnist", "fashion_x", None)] == ["MNIST", "fashion\\_x", "not known"]
