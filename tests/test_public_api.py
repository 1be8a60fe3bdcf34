"""What ``import mnistbench`` offers, and that all of it says what it does."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import mnistbench
from mnistbench.errors import ArtifactError, InputError, ModelError, ProviderError, UnknownNetworkError
from mnistbench.files import sha256_of, write_json
from mnistbench.measure.environment import collect_environment
from mnistbench.results import TuningCandidate, TuningResult
from mnistbench.runtime.session import create_session
from mnistbench.runtime.threads import usable_cpus

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


def tuning_here(model, **changes):
    """What tuning on this machine could have found for a model."""
    best = TuningCandidate(1, allow_spinning=False)
    facts = (model.name, str(model.path), sha256_of(model.path), "cpu", "cpu", "e2e", 1, collect_environment())
    return dataclasses.replace(TuningResult(*facts, candidates=(best,), baseline=0, best=0), **changes)


@pytest.fixture
def sessions(monkeypatch):
    """What sessions were made with."""
    made = []

    def create(path, device, settings=None, **keywords):
        made.append((device.label, settings.intra_op_num_threads, settings.allow_spinning))
        return create_session(path, device, settings, **keywords)

    monkeypatch.setattr("mnistbench.runtime.model.create_session", create)
    return made


@pytest.mark.parametrize(
    ("options", "made"),
    [
        ({}, ("cpu", usable_cpus(), True)),
        ({"device": "cpu", "provider": "cpu", "num_threads": 1}, ("cpu", 1, True)),
        ({"provider": "CPUExecutionProvider", "num_threads": 3, "allow_spinning": False}, ("cpu", 3, False)),
    ],
)
def test_threads_spinning_and_provider_are_what_is_asked_for(model, images, sessions, options, made):
    assert mnistbench.load(model.path, **options).predict(images).tolist() == model.predict(images).tolist()
    assert sessions == [made]


def test_a_tuned_model_runs_with_its_settings_and_answers_the_same(model, images, sessions, tmp_path):
    tuning = tuning_here(model)
    file = tmp_path / "tuning.json"
    write_json(file, tuning.as_dict())
    for tuned in (tuning, file, str(file)):
        assert mnistbench.load(model.path, tuned=tuned).predict(images).tolist() == model.predict(images).tolist()
    assert sessions == [("cpu", 1, False)] * 3


@pytest.mark.parametrize(
    ("changes", "options", "error", "text"),
    [
        ({"sha256": "ab" * 32}, {}, ArtifactError, "of another file"),
        ({}, {"device": "cuda"}, ArtifactError, "of the device cpu, not of cuda:0"),
        ({}, {"provider": "openvino"}, ArtifactError, "of the provider cpu, not of openvino"),
        ({}, {"num_threads": 2}, InputError, "are said by tuned"),
        ({}, {"allow_spinning": True}, InputError, "are said by tuned"),
        ({"mode": "graph"}, {}, ArtifactError, "mode graph"),
    ],
)
def test_a_tuning_of_something_else_is_an_error(model, changes, options, error, text):
    with pytest.raises(error, match=text):
        mnistbench.load(model.path, tuned=tuning_here(model, **changes), **options)


def test_a_warning_of_a_tuning_points_at_whoever_loads(model):
    tuning = tuning_here(model)
    other = dataclasses.replace(tuning.environment, packages={"onnxruntime": "0.1"})
    with pytest.warns(UserWarning, match=r"onnxruntime 0\.1") as caught:
        mnistbench.load(model.path, tuned=dataclasses.replace(tuning, environment=other))
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("name", "options", "error", "text"),
    [
        ("lenet6", {}, UnknownNetworkError, "lenet5"),
        ("12-12-10", {}, ArtifactError, "mnistbench train 12-12-10"),
        ("none.onnx", {}, ModelError, "none.onnx"),
        ("16-10", {"device": "tpu"}, ProviderError, r"'tpu'; expected cpu, cuda or cuda:N \(N from 0\)$"),
        ("16-10", {"num_threads": 0}, ProviderError, "1 to 1,024"),
        ("16-10", {"provider": "abacus"}, ProviderError, "'abacus'"),
        ("16-10", {"device": "cuda", "provider": "cpu"}, ProviderError, "does not run on cuda"),
        ("16-10", {"tuned": "none.json"}, ArtifactError, "none.json is not a tuning"),
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
