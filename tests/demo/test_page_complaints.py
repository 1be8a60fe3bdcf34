"""A test of a page fails on what the page's console says, and on what is not caught there."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

THEN = "new Promise(done => {{ setTimeout(() => {{ {} }}); setTimeout(done, 100); }})"


@pytest.mark.parametrize("script", ["throw new Error('boom')", "Promise.reject(new Error('boom'))"])
def test_what_is_not_caught_fails_the_test_even_where_complaints_are_expected(browser, script):
    with pytest.raises(AssertionError, match="boom"), browser.page(complaint="boom") as page:
        page.evaluate(THEN.format(script))


@pytest.mark.parametrize("kind", ["error", "warn"])
def test_only_the_expected_complaint_is_let_pass(browser, kind):
    with browser.page(complaint="boom") as page:
        page.evaluate(f"console.{kind}('boom')")
    for expected in ("", "bang"):
        with pytest.raises(AssertionError, match="boom"), browser.page(complaint=expected) as page:
            page.evaluate(f"console.{kind}('boom')")
