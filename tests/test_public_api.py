"""What ``import mnistbench`` offers, and that all of it says what it does."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import mnistbench
from mnistbench.errors import ArtifactError, InputError, ModelError, ProviderError, UnknownNetworkError

MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages(mnistbench.__path__, "mnistbench.")
    if not info.name.endswith("__main__")
]


@pytest.fixture(scope="module")
def model(trained_work):
    return mnistbench.load("24-P-48-P-96-10", zoo=trained_work / "zoo")


@pytest.fixture(scope="module")
def images(digits_folder):
    content = (digits_folder / "t10k-images-idx3-ubyte").read_bytes()[16:]
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, 28, 28)


def test_everything_in_all_exists_and_everything_public_is_in_all():
    assert sorted(set(mnistbench.__all__)) == sorted(mnistbench.__all__)
    for name in mnistbench.__all__:
        assert getattr(mnistbench, name) is not None
    own = {name for name, value in vars(mnistbench).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert own <= set(mnistbench.__all__)


def test_predict_answers_one_digit_an_image(model, images):
    labels = model.predict(images)
    assert labels.shape == (200,)
    assert labels.dtype == np.int64
    assert set(labels.tolist()) <= set(range(10))


def test_the_three_answers_agree(model, images):
    labels, probabilities, logits = model.predict(images), model.predict_proba(images), model.predict_logits(images)
    assert probabilities.shape == logits.shape == (200, 10)
    assert probabilities.dtype == logits.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(labels, logits.argmax(1))
    np.testing.assert_array_equal(labels, probabilities.argmax(1))


def test_one_image_and_none_and_a_channel_axis(model, images):
    assert model.predict(images[0]).tolist() == model.predict(images[:1]).tolist()
    assert model.predict(images[:5, None]).tolist() == model.predict(images[:5]).tolist()
    assert model.predict(images[:0]).shape == (0,)
    assert model.predict_proba(images[:0]).shape == (0, 10)


def test_images_that_are_not_contiguous_or_not_writable(model, images):
    assert model.predict(images[::2]).tolist() == model.predict(np.ascontiguousarray(images[::2])).tolist()
    assert not images.flags.writeable


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (np.zeros((2, 784), np.uint8), "reshape(-1, 28, 28)"),
        (np.zeros((2, 28, 28, 1), np.uint8), "drop the last axis"),
        (np.zeros((2, 3, 28, 28), np.uint8), "grey"),
        (np.zeros((32, 32), np.uint8), "28x28"),
        (np.zeros((28, 28), np.float32), "(images * 255)"),
        (np.full((28, 28), 200.0), "cast"),
        (np.full((28, 28), -1.0), "normalisation"),
        (np.zeros((28, 28), bool), "astype(numpy.uint8) * 255"),
        ([[0] * 28] * 28, "numpy.asarray"),
        (None, "NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_images_say_what_to_do(model, given, advice):
    with pytest.raises(InputError) as caught:
        model.predict(given)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_says_what_it_is(model):
    assert model.name == "24-P-48-P-96-10"
    assert model.num_parameters == mnistbench.find_network(model.name).spec.num_parameters
    assert model.path.suffix == ".onnx"
    assert model.provider == "CPUExecutionProvider"
    assert model.metadata["mnistbench.notation"] == "24-P-48-P-96-10"


def test_a_path_loads_as_a_name_does(model, images):
    assert mnistbench.load(model.path).predict(images).tolist() == model.predict(images).tolist()
    assert mnistbench.load(str(model.path), num_threads=1).predict(images).tolist() == model.predict(images).tolist()


@pytest.mark.parametrize(
    ("name", "options", "error", "text"),
    [
        ("lenet6", {}, UnknownNetworkError, "lenet5"),
        ("12-12-10", {}, ArtifactError, "mnistbench train 12-12-10"),
        ("none.onnx", {}, ModelError, "none.onnx"),
        ("16-10", {"device": "tpu"}, ProviderError, "'tpu'"),
        ("16-10", {"num_threads": 0}, ProviderError, "at least 1"),
    ],
)
def test_what_cannot_be_loaded_says_why(trained_work, name, options, error, text):
    with pytest.raises(error, match=text):
        mnistbench.load(name, zoo=trained_work / "zoo", **options)


def test_a_bundled_model_loads_by_name(images):
    from mnistbench.artifacts import bundled_zoo, read_manifest

    entries = read_manifest(bundled_zoo())
    assert entries, "no model is bundled"
    for entry in entries:
        model = mnistbench.load(entry.name)
        assert model.predict(images[:3]).shape == (3,)
        assert model.num_parameters == entry.num_parameters


def test_find_network_and_list_networks_agree():
    for network in mnistbench.list_networks():
        assert mnistbench.find_network(network.name) is network
    assert mnistbench.find_network("16-10", dropout=0.5).name == "16-10-dropout0.5"


def public_members():
    for module in MODULES:
        yield module.__name__, module
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                for part, member in vars(value).items():
                    function = getattr(member, "__func__", getattr(member, "fget", member))
                    if not part.startswith("_") and inspect.isfunction(function):
                        yield f"{module.__name__}.{name}.{part}", function


def test_everything_public_has_a_docstring():
    members = dict(public_members())
    assert len(members) > 150
    # An override may leave the words to what it overrides.
    silent = [name for name, value in members.items() if not inspect.getdoc(value)]
    assert [name for name in silent if not _overrides(name)] == []


def _overrides(name):
    module, _, rest = name.rpartition(".")
    owner, _, class_name = module.rpartition(".")
    cls = getattr(importlib.import_module(owner), class_name, None) if owner.startswith("mnistbench") else None
    return inspect.isclass(cls) and any(rest in vars(base) for base in cls.__mro__[1:])
