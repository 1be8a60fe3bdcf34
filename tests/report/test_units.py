from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.report import units


@pytest.mark.parametrize(
    ("format_", "value", "text"),
    [
        (units.percent, 0.0051, "0.51"),
        (units.percent, 0.0, "0.00"),
        (units.percent, 1.0, "100.00"),
        (units.percent, 0.0171, "1.71"),
        (units.signed_percent, 0.1, "+10.0"),
        (units.signed_percent, -0.0123, "-1.2"),
        (units.signed_percent, 0.0, "0.0"),
        (units.signed_percent, -0.0004, "0.0"),
        (units.signed_percent, -1.0, "-100.0"),
        (units.signed_percent, 1e300, "+1.00e+302"),
        (units.count, 909_866, "909,866"),
        (units.count, 0, "0"),
        (units.rough_count, 19_133_568, "19.1 M"),
        (units.rough_count, 12_730, "12.7 k"),
        (units.rough_count, 909_866, "910 k"),
        (units.rough_count, 3_184_010, "3.18 M"),
        (units.rough_count, 5.4321, "5.43"),
        (units.rough_count, 2_500_000_000, "2.50 G"),
        # What rounds up to a thousand of one unit is one of the next.
        (units.rough_count, 999_499, "999 k"),
        (units.rough_count, 999_999, "1.00 M"),
        (units.rough_count, 999.9, "1.00 k"),
        (units.rough_count, 9.999, "10.0"),
        (units.rough_count, 99.96, "100"),
        (units.seconds, 0.000183, "183 µs"),
        (units.seconds, 1.0, "1.00 s"),
        (units.seconds, 0.99999, "1.00 s"),
        (units.seconds, 0.0009996, "1.00 ms"),
        (units.seconds, 0.0123, "12.3 ms"),
        (units.seconds, 1.5e-6, "1.50 µs"),
        (units.seconds, 0.0, "0.00 µs"),
        (units.seconds, 75.0, "75.0 s"),
        (units.signed_seconds, 0.000183, "183 µs"),
        (units.signed_seconds, -0.000183, "-183 µs"),
        (units.signed_seconds, 0.0, "0.00 µs"),
        (units.signed_seconds, None, "–"),
        (units.round_seconds, 0.0005, "500 µs"),
        (units.round_seconds, 0.0015, "1.5 ms"),
        (units.round_seconds, 1e-9, "0.001 µs"),
        (units.round_seconds, 0.0, "0 µs"),
        (units.round_seconds, 20.0, "20 s"),
        (units.round_seconds, 0.9999, "1 s"),
        (units.size, 247_000, "247 kB"),
        (units.size, 12_739_000, "12.7 MB"),
        (units.size, 500, "500 B"),
    ],
)
def test_numbers_as_people_read_them(format_, value: float, text: str) -> None:
    assert format_(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (14.2e-6, 16.1e-6, "14.2–16.1 µs"),
        (998e-6, 1.02e-3, "998 µs – 1.02 ms"),
        (0.0, 5e-6, "0.00–5.00 µs"),
        (0.0, 1.0, "0.00 µs – 1.00 s"),
        (0.5e-3, 0.5, "500 µs – 500 ms"),
        (2.0, 2.0, "2.00–2.00 s"),
    ],
)
def test_a_range_of_times_has_its_unit_once(low, high, text):
    assert units.seconds_range(low, high) == text


def test_an_interval_is_in_percent() -> None:
    assert units.interval(0.0039, 0.0067) == "0.39–0.67"
    assert units.interval(0.0, 1.0) == "0.00–100.00"


def test_what_is_missing_is_a_dash() -> None:
    for format_ in (units.percent, units.signed_percent, units.count, units.rough_count, units.seconds, units.size):
        assert format_(None) == "–"
    for pair in ((None, 0.5), (0.5, None), (None, None)):
        assert units.interval(*pair) == "–"


@given(st.floats(0, 1), st.floats(0, 1))
def test_fractions_keep_their_columns_narrow(low: float, high: float) -> None:
    assert re.fullmatch(r"\d{1,3}\.\d\d", units.percent(low))
    assert re.fullmatch(r"\d{1,3}\.\d\d–\d{1,3}\.\d\d", units.interval(low, high))


@given(st.floats(0, 999e9))
def test_a_rough_count_has_three_digits_and_at_most_six_letters(number: float) -> None:
    text = units.rough_count(number)
    assert re.fullmatch(r"(\d\.\d\d|\d\d\.\d|\d\d\d)( [kMG])?", text), text
    scale = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}[text.partition(" ")[2]]
    assert float(text.partition(" ")[0]) * scale == pytest.approx(number, rel=0.0051, abs=0.0051)


@given(st.floats(1e-6, 999))
def test_a_time_has_three_digits_and_at_most_seven_letters(value: float) -> None:
    text = units.seconds(value)
    assert re.fullmatch(r"(\d\.\d\d|\d\d\.\d|\d\d\d) (s|ms|µs)", text), text
    number, _, unit = text.partition(" ")
    assert float(number) * {"s": 1.0, "ms": 1e-3, "µs": 1e-6}[unit] == pytest.approx(value, rel=0.0051)


@given(st.integers(0, 10**12 - 10**9))
def test_a_size_has_a_space_before_its_unit(num_bytes: int) -> None:
    assert re.fullmatch(r"[\d.]{3,4} [kMG]?B", units.size(num_bytes))


@given(st.one_of(st.floats(), st.integers()))
def test_no_number_is_an_error(number: float) -> None:
    for format_ in (units.rough_count, units.seconds):
        assert format_(number)
    if isinstance(number, float):
        assert units.percent(number)
        assert units.interval(number, number)
    else:
        assert units.count(number)
        assert units.size(number)


def test_batch_0_stands_for_every_batch() -> None:
    assert [units.batch(number) for number in (0, 1, 10_000)] == ["every batch", "batch 1", "batch 10000"]
    assert [units.batch_size(number) for number in (0, 1)] == ["every", "1"]
