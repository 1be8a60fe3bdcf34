"""Runs of the benchmark as one HTML page that needs nothing but a browser.

:func:`mnistbench.report.html.page.report_page` puts it together: rows are
gathered, sentences found, charts drawn as SVG. Every text that comes from a
file passes through :mod:`mnistbench.report.html.markup`, which escapes it.
"""
