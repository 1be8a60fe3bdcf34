from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest
from bench_runs import MACHINE, combined, failed, foreign, process, row, run, shaped
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistbench.catalog import NETWORKS
from mnistbench.errors import InputError
from mnistbench.report.html.markup import VOID
from mnistbench.report.html.page import report_page
from mnistbench.report.html.style import SCRIPT, STYLE
from mnistbench.results import BenchRun

OPENVINO = "OpenVINOExecutionProvider"


class Reader(HTMLParser):
    """Fails on tags that are not balanced; keeps elements, identifiers and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), attrs
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def whole() -> list[tuple[str, BenchRun]]:
    results = [
        row(network.name, 1e-9 * network.spec.macs * batch + 4e-6, batch_size=batch, provider=provider, calls=200)
        for provider in ("CPUExecutionProvider", OPENVINO)
        for network in NETWORKS
        for batch in (1, 32)
    ]
    other = run(row(), row(mode="graph", device="cuda:0"), machine=dataclasses.replace(MACHINE, cpu="Other"))
    return [("one.json", run(*results, foreign(), failed())), ("two.json", other)]


@pytest.fixture(scope="module")
def page() -> str:
    return report_page(whole())


def test_the_page_is_balanced_and_accessible(page):
    reader = read(page)
    tags = [tag for tag, _ in reader.elements]
    assert page.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')
    identifiers = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    pictures = [attrs for tag, attrs in reader.elements if tag == "svg" and "aria-hidden" not in attrs]
    assert pictures
    for attrs in pictures:
        assert attrs["role"] == "img"
        assert set(attrs["aria-labelledby"].split()) <= set(identifiers)
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in attrs for tag, attrs in reader.elements if tag == "th")
    assert {attrs["href"] for tag, attrs in reader.elements if tag == "a"} <= {f"#{key}" for key in identifiers}


def test_the_page_has_every_part(page):
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles == [
        "Summary", "Accuracy against latency", "Latency against batch size", "Percentiles", "Tables", "Environment",
        "What the words mean",
    ]  # fmt: skip
    assert page.count("<h3>Mode <bdi>graph</bdi></h3>") == 4
    for network in NETWORKS:
        assert f">{network.name}<" in page


def test_nothing_is_loaded_from_anywhere(page):
    reader = read(page)
    assert not {"link", "img", "iframe", "object", "base", "form", "use", "image"} & {tag for tag, _ in reader.elements}
    for _, attrs in reader.elements:
        assert not {"src", "srcset", "style", "xlink:href", "action"} & set(attrs)
        assert not any(key.startswith("on") for key in attrs)
        assert attrs.get("href", "#").startswith("#")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)


def test_the_policy_forbids_loading_and_names_the_style_and_the_script(page):
    policy = next(attrs["content"] for _, attrs in read(page).elements if attrs.get("http-equiv"))
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (STYLE, SCRIPT)]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert re.findall("sha256-(.*?)'", policy) == hashes
    assert f"<style>{STYLE}</style>" in page
    assert f"<script>{SCRIPT}</script>" in page


def test_it_fits_a_phone_the_dark_and_paper(page):
    viewport = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    assert ("meta", viewport) in read(page).elements
    assert all(query in STYLE for query in ("prefers-color-scheme:dark", "@media print", "overflow-x:auto"))
    defined = set(re.findall(r"(--[a-z0-9-]+):", STYLE))
    assert set(re.findall(r"var\((--[a-z0-9-]+)\)", STYLE)) <= defined


def test_every_class_that_is_used_has_a_style(page):
    used = {one for _, attrs in read(page).elements for one in (attrs.get("class") or "").split()}
    styled = set(re.findall(r"\.([a-z][a-z0-9]*)", STYLE))
    assert used <= styled


def test_the_same_runs_give_the_same_bytes(page):
    assert report_page(whole()) == page


def test_a_page_does_not_grow_with_the_samples():
    few, many = (len(report_page([("x", run(row(calls=calls)))])) for calls in (10_000, 90_000))
    assert abs(few - many) < 200


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=y>',
    "]]></style>",
    "\u202eabc",
    "a\x00b\x1b[2J",
    "\ud800",
    "א-10",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text):
    tags = [tag for tag, _ in read(_with(text)).elements]
    assert tags == [tag for tag, _ in read(_with("harmless")).elements]
    assert not {"\u202e", "\x00", "\x1b"} & set(_with(text))
    assert _with(text).encode()


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_any_texts_stay_texts(text):
    assert len(read(_with(text)).elements) == len(read(_with("harmless")).elements)


def _with(text: str) -> str:
    """A page on which a text stands in every place that a file decides."""
    known = row(
        device=text, mode=text, provider=text, notation=text, options={text: text, "intra_op_num_threads": text},
        processes=(process(conditions={text: text}, num_samples=1000),), node_placement={text: 1}, stop_reason=text,
    )  # fmt: skip
    machine = dataclasses.replace(
        MACHINE, cpu=text, cpu_features=(text,), platform=text, python=text, packages={"p" + text: text},
        gpus=({"name": text, "driver": text, "uuid": text},),
    )  # fmt: skip
    named = dataclasses.replace(known, name="n" + text, error_rate=0.02, p50_seconds=2e-5)
    given = known.options | {"input": {"shapes": {text: [text, 1]}}, "stopped_by": text}
    shape = dataclasses.replace(known, options=given)
    other = dataclasses.replace(known, options=given | {"input": {"shapes": {text: text}}}, samples_seconds=())
    few = dataclasses.replace(shape, p50_seconds=None, mean_seconds=1e-5)
    failure = dataclasses.replace(failed(), error=text, name=text, device=text, mode=text)
    results = (known, named, shape, other, few, failure)
    measured = BenchRun("s" + text, machine, {"k" + text: text}, results)
    return report_page([(text, measured), (text, measured)])


@pytest.mark.parametrize(
    "results",
    [
        (row(),),
        (foreign(),),
        (row(calls=0, num_samples=0, p90_seconds=None),),
        (row(calls=3),),
        (row(error_rate=0.0), row("64-10", error_rate=0.0)),
        (row(throughput=None),),
        (row(), row()),
        (row(batch_size=10**9), row(batch_size=1)),
        (row("64-10", 1e300), row(p50_seconds=5e-324)),
        tuple(row(options={"intra_op_num_threads": threads}) for threads in range(60)),
        tuple(row(options=shaped({"x": [None, size], "y": [size]})) for size in range(60)),
        (row(), combined([1e-5] * 3), row(options={"stopped_by": "killed"})),
        (combined(*[[1e-5] * 100] * 3),),
    ],
    ids=[
        "one",
        "foreign",
        "no samples",
        "few",
        "no errors",
        "no rate",
        "twice",
        "batches",
        "extreme",
        "many setups",
        "shapes",
        "cut short",
        "bounds",
    ],
)
def test_unusual_results_make_a_page(results):
    read(report_page([("x", run(*results))]))


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "no result in no file has a figure to show; measure with 'mnistbench bench"),
        ([("a", run()), ("b", run())], "no result in a, b has a figure to show; measure"),
        ([("a", run(failed()))], "no result in a has a figure to show: no CUDA libraries; measure"),
        (
            [("a", run(combined([1e-5] * 2)))],
            "no result in a has a median to show: too few calls for a median; measure",
        ),
        ([("a", run(failed(), row(p50_seconds=None)))], r"no CUDA libraries \(and 1 other reasons\); measure"),
    ],
)
def test_without_a_figure_there_is_no_page(runs, words):
    with pytest.raises(InputError, match=words):
        report_page(runs)
