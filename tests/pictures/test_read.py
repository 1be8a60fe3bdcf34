"""Pictures read by the bundled networks."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from drawn_pictures import FOUR, ONE, SEVEN, encoded, stroked, zero
from PIL import Image

import mnistbench
from mnistbench.errors import PictureError, UnknownNetworkError
from mnistbench.pictures.decode import open_picture
from mnistbench.pictures.explain import draw_explanation, write_explanation
from mnistbench.pictures.features import NUM_SHAPE_FEATURES, SHAPE_FEATURES, shape_features
from mnistbench.pictures.prepare import prepare
from mnistbench.pictures.read import Reader, best_way, reason_of_row
from mnistbench.pictures.refuse import JUDGES, REFUSAL, digit_scores, load_refusal

DIGITS = {0: zero(), 1: stroked(ONE), 4: stroked(FOUR), 7: stroked(SEVEN)}
Y, X = np.mgrid[0:100, 0:100] / 100

NO_DIGITS = {
    "noise": np.random.default_rng(0).integers(0, 256, (90, 90)).astype(np.uint8),
    "a ramp": (255 * X).astype(np.uint8),
    "stripes": (255 * (X * 8 % 1 > 0.5)).astype(np.uint8),
    "checks": (255 * ((X * 6 // 1 + Y * 6 // 1) % 2)).astype(np.uint8),
    "a blot": (255 * (np.hypot(X - 0.5, Y - 0.5) > 0.35)).astype(np.uint8),
    "a cross": stroked(((10, 50, 90, 50), (50, 10, 50, 90))),
    "an A": stroked(((50, 10, 20, 90), (50, 10, 80, 90), (32, 60, 68, 60))),
    "an M": stroked(((15, 90, 20, 10), (20, 10, 50, 60), (50, 60, 80, 10), (80, 10, 85, 90))),
}


@pytest.fixture(scope="module")
def reader():
    return Reader(mnistbench.load(JUDGES[0], num_threads=1))


@pytest.mark.parametrize("digit", DIGITS)
def test_every_kind_of_source_is_read(digit, tmp_path):
    picture = DIGITS[digit]
    path = tmp_path / "digit.png"
    path.write_bytes(encoded(picture))
    rgb = np.repeat(picture[..., None], 3, axis=2)
    for source in (path, str(path), path.read_bytes(), Image.fromarray(picture), picture, 255 - picture, rgb):
        answer = mnistbench.predict_image(source)
        assert (answer.label, answer.is_digit, answer.reason) == (digit, True, "")
        assert len(answer.probabilities) == 10
        assert sum(answer.probabilities) == pytest.approx(1, abs=1e-5)
        assert answer.image.shape == (28, 28)
        assert answer.image.dtype == np.uint8


def test_a_model_by_name_or_loaded_gives_the_probabilities():
    by_name = mnistbench.predict_image(DIGITS[7], "lenet5")
    model = mnistbench.load("lenet5")
    loaded = mnistbench.predict_image(DIGITS[7], model)
    assert by_name.as_dict() == loaded.as_dict()
    np.testing.assert_allclose(by_name.probabilities, model.predict_proba(by_name.image)[0], atol=1e-6)
    with pytest.raises(UnknownNetworkError):
        mnistbench.predict_image(DIGITS[7], "no-such-network")


@pytest.mark.parametrize("name", NO_DIGITS)
def test_what_is_no_digit_has_no_label(reader, name):
    (answer,) = reader.read([prepare(NO_DIGITS[name])])
    assert (answer.label, answer.is_digit) == (None, False)
    assert answer.reason


@pytest.mark.parametrize("level", [0, 120, 255])
def test_an_empty_picture_has_neither_label_nor_probabilities(reader, level):
    (answer,) = reader.read([prepare(np.full((50, 60), level, np.uint8))])
    assert (answer.label, answer.probabilities, answer.is_digit, answer.box) == (None, None, False, None)
    assert "no ink" in answer.reason
    assert not answer.image.any()


def test_where_the_ink_is(reader):
    field = np.full((300, 500), 255, np.uint8)
    field[150:250, 320:420] = DIGITS[4]
    large = np.full((3000, 4000), 255, np.uint8)
    large[1500:1600, 3200:3300] = DIGITS[4]
    for picture, corner in ((field, (320, 150)), (large, (3200, 1500))):
        (answer,) = reader.read([prepare(picture)])
        assert answer.label == 4
        expected = (corner[0] + 16, corner[1] + 6, corner[0] + 86, corner[1] + 96)
        assert np.abs(np.array(answer.box) - expected).max() <= max(6, picture.shape[1] / 500)


def test_a_picture_that_pillow_has_not_loaded_yet_has_its_ink_where_it_is(reader):
    field = np.full((3000, 4000), 255, np.uint8)
    field[600:1400, 2500:3300] = stroked(FOUR, size=800)
    photo = Image.open(io.BytesIO(encoded(field, "JPEG")))
    (answer,) = reader.read([prepare(photo)])
    assert answer.label == 4
    rows, columns = np.nonzero(np.asarray(photo) < 128)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.array(answer.box) - expected).max() <= 42  # two pixels of the working size


def test_a_batch_is_answered_as_each_alone(reader):
    pictures = [prepare(picture) for picture in (*DIGITS.values(), *NO_DIGITS.values())]
    together = [answer.as_dict() for answer in reader.read(pictures)]
    for picture, expected in zip(pictures, together, strict=True):
        alone = reader.read([picture])[0].as_dict()
        assert alone["label"] == expected["label"]
        np.testing.assert_allclose(alone["probabilities"] or 0, expected["probabilities"] or 0, atol=1e-4)
    assert reader.read([]) == []


def beside(*pictures):
    return np.concatenate(pictures, axis=1)


def test_digits_in_a_row_are_read_in_order():
    row = beside(DIGITS[4], DIGITS[0], DIGITS[7], DIGITS[1])
    answer = mnistbench.predict_image(row, multi=True)
    assert answer.text == "4071"
    assert [digit.label for digit in answer.digits] == [4, 0, 7, 1]
    lefts = [digit.box[0] for digit in answer.digits]
    assert lefts == sorted(lefts)
    assert (answer.label, answer.is_digit) == (None, False)
    assert [one["label"] for one in answer.as_dict()["digits"]] == [4, 0, 7, 1]
    assert not mnistbench.predict_image(row).is_digit


def test_digits_that_touch_are_cut():
    touching = beside(DIGITS[0][:, 10:74], DIGITS[7][:, 20:80], DIGITS[0][:, 26:])
    assert mnistbench.predict_image(touching, multi=True).text == "070"


def test_one_digit_or_none_with_multi():
    one = mnistbench.predict_image(DIGITS[0], multi=True)
    assert (one.label, one.text, one.is_digit) == (0, "0", True)
    none = mnistbench.predict_image(np.full((40, 90), 200, np.uint8), multi=True)
    assert (none.label, none.text, none.digits) == (None, "", ())


def test_a_cut_must_be_the_better_reading(reader):
    (whole,) = reader.read([prepare(DIGITS[0])])
    (other,) = reader.read([prepare(NO_DIGITS["a cross"])])
    assert best_way([(whole,), (other, other)]) == (whole,)
    assert best_way([(other,), (whole, whole)]) == (whole, whole)
    assert best_way([(whole,), (whole, whole)]) == (whole,)


def test_a_picture_that_cannot_be_opened_is_an_error():
    with pytest.raises(PictureError, match="empty"):
        mnistbench.predict_image(b"")


def test_features_have_names_and_sizes_of_about_one():
    for picture in (*DIGITS.values(), *NO_DIGITS.values()):
        for group in prepare(picture).groups:
            shape = group[0][0].shape
            assert shape.shape == (NUM_SHAPE_FEATURES,)
            assert np.isfinite(shape).all()
    assert not shape_features(np.zeros((28, 28), np.uint8)).any()
    holes = SHAPE_FEATURES.index("holes")
    counted = {digit: prepare(picture).groups[0][0][0].shape[holes] for digit, picture in DIGITS.items()}
    assert counted == {0: 1, 1: 0, 4: 1, 7: 0}


def test_the_decision_fits_its_features():
    document = json.loads(REFUSAL.read_text(encoding="utf-8"))
    assert document["judges"] == list(JUDGES)
    features = 10 * len(JUDGES) + NUM_SHAPE_FEATURES
    refusal = load_refusal()
    assert refusal.mean.shape == refusal.spread.shape == (features,)
    assert refusal.hidden_weights.shape == (len(refusal.hidden_bias), features)
    assert digit_scores(np.zeros((0, NUM_SHAPE_FEATURES)), [np.zeros((0, 10), np.float32)] * 3).shape == (0,)


def test_an_explanation_shows_the_exact_input(reader, tmp_path):
    picture = open_picture(encoded(DIGITS[4]), colours=True)
    (answer,) = reader.read([prepare(DIGITS[4])])
    drawn = draw_explanation(picture, answer, "four\nof \x1b[31mmany" * 20)
    pixels = np.asarray(drawn.convert("L"))
    enlarged = np.kron(answer.image, np.ones((10, 10), np.uint8))
    assert any(np.array_equal(pixels[top : top + 280, 320:600], enlarged) for top in range(50, 90))
    write_explanation(drawn, tmp_path / "new" / "four.png")
    with Image.open(tmp_path / "new" / "four.png", formats=["PNG"]) as reread:
        assert reread.size == drawn.size


def test_every_answer_can_be_explained(reader):
    sources = [*NO_DIGITS.values(), np.full((1, 1), 9, np.uint8), stroked(ONE)[:, 40:60]]
    for source in sources:
        for multi in (False, True):
            (answer,) = reader.read([prepare(source, multi=multi)], multi=multi)
            drawn = draw_explanation(open_picture(source, colours=True), answer)
            assert drawn.mode == "RGB"
            assert np.asarray(drawn).std() > 5


def test_a_row_says_how_many_of_its_shapes_are_digits(reader):
    digit, other = reader.read([prepare(DIGITS[4]), prepare(NO_DIGITS["noise"])])
    assert reason_of_row([digit, digit]) == "2 digits in a row"
    assert reason_of_row([digit, other]) == "1 of 2 shapes in a row are digits"
    assert reason_of_row([other, other, other]) == "none of 3 shapes is a digit"
