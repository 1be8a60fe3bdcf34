from __future__ import annotations

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import InputError
from mnistbench.measure import stats

SAMPLES = st.lists(st.floats(min_value=1e-9, max_value=1e3), min_size=1, max_size=300)
PERCENTS = st.floats(min_value=0, max_value=100)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    num_images = draw(st.integers(1, 20_000))
    return draw(st.integers(0, num_images)), num_images


def binomial_cdf(k: int, n: int, p: Fraction) -> Fraction:
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))


# Newcombe 1998, table I, method 3: every example he gives.
@pytest.mark.parametrize(
    ("num_errors", "num_images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(num_errors: int, num_images: int, low: float, high: float) -> None:
    assert stats.wilson_interval(num_errors, num_images) == pytest.approx((low, high), abs=5e-5)


def test_wilson_by_hand() -> None:
    # One error of four at z = 1.959964: centre 0.372564, half width 0.326999.
    assert stats.wilson_interval(1, 4) == pytest.approx((0.0455873, 0.6993582), abs=1e-6)


@given(counts(), st.floats(0.5, 0.999))
def test_wilson_ends_are_where_the_score_test_turns(pair: tuple[int, int], confidence: float) -> None:
    num_errors, num_images = pair
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    for end in stats.wilson_interval(num_errors, num_images, confidence):
        if 0 < end < 1:
            score = (num_errors / num_images - end) ** 2
            assert score == pytest.approx(z * z * end * (1 - end) / num_images, rel=1e-6, abs=1e-15)


@given(counts(), st.floats(0.01, 0.999))
def test_wilson_contains_the_rate_and_stays_a_rate(pair: tuple[int, int], confidence: float) -> None:
    low, high = stats.wilson_interval(*pair, confidence)
    assert 0 <= low <= pair[0] / pair[1] <= high <= 1
    assert low < high


@given(counts(), st.integers(2, 50))
def test_wilson_narrows_with_more_images_of_the_same_rate(pair: tuple[int, int], factor: int) -> None:
    low, high = stats.wilson_interval(*pair)
    more_low, more_high = stats.wilson_interval(pair[0] * factor, pair[1] * factor)
    assert more_high - more_low < high - low


@given(counts())
def test_wilson_is_the_same_from_both_sides(pair: tuple[int, int]) -> None:
    low, high = stats.wilson_interval(*pair)
    mirrored = stats.wilson_interval(pair[1] - pair[0], pair[1])
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("num_errors", "num_images"), [(0, 0), (-1, 10), (11, 10)])
def test_wilson_refuses_impossible_counts(num_errors: int, num_images: int) -> None:
    with pytest.raises(InputError, match=f"{num_errors} errors of {num_images} images"):
        stats.wilson_interval(num_errors, num_images)


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_a_confidence_is_a_fraction(confidence: float) -> None:
    with pytest.raises(InputError, match="confidence"):
        stats.wilson_interval(1, 10, confidence)
    with pytest.raises(InputError, match="confidence"):
        stats.percentile_bounds([1.0], 50, confidence)


# By hand: 2 * sum(C(n, k) for k up to the smaller) / 2^n.
@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (0, 1, 1.0),
        (0, 5, 2 / 32),
        (1, 9, 22 / 1024),
        (6, 16, 2 * 110_056 / 4_194_304),
        (3, 3, 1.0),
        (3, 4, 1.0),
    ],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, p: float) -> None:
    assert stats.mcnemar(only_a, only_b) == p
    assert stats.mcnemar(only_b, only_a) == p


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_two_sided_coin(only_a: int, only_b: int) -> None:
    tail = binomial_cdf(min(only_a, only_b), only_a + only_b, Fraction(1, 2))
    assert stats.mcnemar(only_a, only_b) == float(min(Fraction(1), 2 * tail))


def test_mcnemar_takes_the_counts_of_whole_datasets() -> None:
    assert stats.mcnemar(10_000, 10_000) == 1.0
    assert stats.mcnemar(0, 10_000) == 0.0
    # Normal approximation with continuity correction: z = 199 / sqrt(20,200).
    z = 199 / math.sqrt(20_200)
    assert stats.mcnemar(10_000, 10_200) == pytest.approx(2 * (1 - statistics.NormalDist().cdf(z)), rel=1e-3)


def test_mcnemar_counts_of_numpy_do_not_overflow() -> None:
    assert stats.mcnemar(np.int64(45), np.int64(55)) == stats.mcnemar(45, 55)


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(InputError, match="-1"):
        stats.mcnemar(-1, 3)


@pytest.mark.parametrize(
    ("q", "expected"), [(0, 15), (5, 15), (30, 20), (40, 20), (50, 35), (80, 40), (80.1, 50), (100, 50)]
)
def test_percentile_is_the_nearest_rank(q: float, expected: float) -> None:
    assert stats.percentile([35, 50, 15, 40, 20], q) == expected


@pytest.mark.parametrize(("q", "rank"), [(99.9, 999), (99, 990), (90, 900), (55, 550), (7, 70), (0.1, 1)])
def test_percentile_ranks_are_not_off_by_a_rounding_error(q: float, rank: int) -> None:
    assert stats.percentile(range(1, 1001), q) == rank


@given(SAMPLES, PERCENTS)
def test_percentile_is_the_smallest_sample_that_covers_q_percent(samples: list[float], q: float) -> None:
    value = stats.percentile(samples, q)
    assert value in samples
    needed = Fraction(str(q)) / 100 * len(samples)
    assert sum(sample <= value for sample in samples) >= needed
    assert all(sum(other <= sample for other in samples) < needed for sample in samples if sample < value)


@given(SAMPLES, PERCENTS, PERCENTS, st.randoms())
def test_percentile_grows_with_q_and_ignores_order(samples: list[float], a: float, b: float, random: object) -> None:
    shuffled = sorted(samples, key=lambda _: random.random())
    assert stats.percentile(samples, min(a, b)) <= stats.percentile(shuffled, max(a, b))
    assert stats.percentile(samples, a) == stats.percentile(shuffled, a)


@pytest.mark.parametrize("q", [-1, 100.1, math.nan])
def test_percentile_refuses_what_is_not_a_percentage(q: float) -> None:
    with pytest.raises(InputError, match="percentile"):
        stats.percentile([1.0], q)


# Ranks of the 95% interval of a median, as in the usual printed tables.
@pytest.mark.parametrize(
    ("n", "low", "high"), [(6, 1, 6), (10, 2, 9), (20, 6, 15), (30, 10, 21), (50, 18, 33), (100, 40, 61)]
)
def test_bounds_of_a_median_have_the_tabulated_ranks(n: int, low: int, high: int) -> None:
    assert stats.percentile_bounds(range(1, n + 1), 50) == (low, high)


def test_bounds_need_samples_on_both_sides() -> None:
    # 2 * 0.5^5 = 0.0625 > 0.05; 0.9^35 = 0.02503 > 0.025 > 0.9^36.
    assert stats.percentile_bounds(range(5), 50) is None
    assert stats.percentile_bounds(range(35), 90) is None
    assert stats.percentile_bounds(range(36), 90) is not None
    assert stats.percentile_bounds(range(36), 10) is not None
    assert stats.percentile_bounds(range(35), 10) is None
    assert stats.percentile_bounds(range(1000), 0) is None
    assert stats.percentile_bounds(range(1000), 100) is None


@given(st.integers(1, 120), st.integers(1, 99), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_bounds_cover_what_they_promise_and_not_a_rank_more(n: int, q: int, confidence: float) -> None:
    p, tail = Fraction(q, 100), (1 - confidence) / 2
    slack = 1e-9
    bounds = stats.percentile_bounds(range(1, n + 1), q, confidence)
    if bounds is None:
        assert (1 - p) ** n > tail - slack or p**n > tail - slack
        return
    low, high = int(bounds[0]), int(bounds[1])
    assert binomial_cdf(low - 1, n, p) <= tail + slack
    assert binomial_cdf(low, n, p) > tail - slack
    assert 1 - binomial_cdf(high - 1, n, p) <= tail + slack
    assert 1 - binomial_cdf(high - 2, n, p) > tail - slack


@given(SAMPLES, PERCENTS, st.floats(0.01, 0.999))
def test_bounds_contain_the_percentile(samples: list[float], q: float, confidence: float) -> None:
    bounds = stats.percentile_bounds(samples, q, confidence)
    assert bounds is None or bounds[0] <= stats.percentile(samples, q) <= bounds[1]


@pytest.mark.parametrize("q", sorted(stats.MIN_SAMPLES))
def test_every_supported_percentile_has_bounds(q: float) -> None:
    n = stats.MIN_SAMPLES[q]
    assert stats.percentile_bounds(range(n), q) is not None


def test_bounds_of_a_large_sample() -> None:
    # Half width of a normal approximation: 1.96 * sqrt(n q (1 - q)) = 186 ranks.
    low, high = stats.percentile_bounds(range(100_000), 90) or (0, 0)
    assert low == pytest.approx(90_000 - 186, abs=2)
    assert high == pytest.approx(90_000 + 186, abs=2)


@pytest.mark.parametrize(("q", "n"), [(50, 11), (90, 64), (95, 130), (99, 662), (99.9, 6636)])
def test_the_table_of_least_samples_is_what_the_rule_gives(q: float, n: int) -> None:
    assert stats.MIN_SAMPLES[q] == n
    assert stats.supported(q, n)
    assert not stats.supported(q, n - 1)


def test_the_table_has_no_other_rows() -> None:
    assert sorted(stats.MIN_SAMPLES) == [50, 90, 95, 99, 99.9]


@given(st.integers(1, 99), st.integers(0, 2000))
def test_support_is_kept_with_more_samples_and_equal_on_both_sides(q: int, n: int) -> None:
    assert stats.supported(q, n) <= stats.supported(q, n + 1)
    assert stats.supported(q, n) == stats.supported(100 - q, n)
    p = Fraction(max(q, 100 - q), 100)
    assert stats.supported(q, n) == (n > 1 and p**n + n * (1 - p) * p ** (n - 1) <= Fraction(1, 100))


@pytest.mark.parametrize("q", [0, 100])
def test_extremes_are_never_supported(q: float) -> None:
    assert not stats.supported(q, 10**6)


@given(SAMPLES)
def test_median_is_the_usual_one(samples: list[float]) -> None:
    assert stats.median(samples) == pytest.approx(statistics.median(samples), rel=1e-15)


def test_quartiles_outliers_and_noise_by_hand() -> None:
    samples = [4.0, 1.0, 3.0, 2.0, 5.0, 6.0, 8.0, 7.0]
    assert stats.interquartile_range(samples) == 6.0 - 2.0
    assert stats.relative_noise(samples) == 4.0 / 4.5
    # The fences are 2 - 6 and 6 + 6; what lies on one is no outlier.
    assert stats.count_outliers([*samples[:-1], 12.0]) == 0
    assert stats.count_outliers([*samples[:-1], 12.01]) == 1
    assert stats.count_outliers([-4.01, 4.0, 3.0, 2.0, 5.0, 6.0, 8.0, 12.01]) == 2


def test_deviation_and_error_by_hand() -> None:
    # Mean 5, squared deviations 32, sample variance 32/7.
    samples = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    assert stats.relative_deviation(samples) == pytest.approx(math.sqrt(32 / 7) / 5)
    assert stats.relative_standard_error(samples) == pytest.approx(math.sqrt(32 / 7) / 5 / math.sqrt(8))


@given(SAMPLES, st.floats(0.001, 1000))
def test_relative_measures_do_not_depend_on_the_unit(samples: list[float], unit: float) -> None:
    scaled = [sample * unit for sample in samples]
    for measure in (stats.relative_noise, stats.relative_deviation):
        assert measure(scaled) == pytest.approx(measure(samples), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0])
def test_equal_samples_have_no_noise(value: float) -> None:
    samples = [value] * 10
    assert stats.relative_noise(samples) == stats.relative_deviation(samples) == 0.0
    assert stats.relative_standard_error(samples) == 0.0
    assert stats.count_outliers(samples) == 0


def test_a_single_sample_does_not_know_its_error() -> None:
    assert stats.relative_standard_error([1.0]) == math.inf
    assert stats.relative_deviation([1.0]) == 0.0


def test_a_median_of_zero_makes_noise_infinite() -> None:
    assert stats.relative_noise([0.0, 0.0, 0.0, 1.0, 1.0]) == math.inf


@pytest.mark.parametrize(
    "function",
    [
        stats.median,
        stats.interquartile_range,
        stats.count_outliers,
        stats.relative_noise,
        stats.relative_deviation,
        stats.relative_standard_error,
        lambda samples: stats.percentile(samples, 50),
        lambda samples: stats.percentile_bounds(samples, 50),
    ],
)
@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf], [[1.0, 2.0]]])
def test_nothing_is_computed_from_nothing_or_nan(function: object, samples: list[float]) -> None:
    with pytest.raises(InputError, match="finite"):
        function(samples)


def test_samples_are_left_as_they_were() -> None:
    samples = np.array([3.0, 1.0, 2.0])
    stats.percentile(samples, 50)
    stats.count_outliers(samples)
    assert samples.tolist() == [3.0, 1.0, 2.0]


def test_one_more_sample_is_expected_around_the_mean() -> None:
    low, high = stats.prediction_interval([1.0, 2.0, 3.0])
    assert (low + high) / 2 == pytest.approx(2.0)
    assert high - 2.0 == pytest.approx(4.302653 * (4 / 3) ** 0.5)
    assert stats.prediction_interval([5.0]) is None
    assert stats.prediction_interval([5.0, 5.0]) == (5.0, 5.0)


def test_the_next_sample_falls_into_the_interval_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        *known, new = generator.normal(3, 2, 5)
        low, high = stats.prediction_interval(known)
        hits += low <= new <= high
    assert 0.935 < hits / 2000 < 0.965
