from __future__ import annotations

import dataclasses
import gzip
import json
import re
from pathlib import Path

import pytest
from latency_models import write_model
from vendored_runtime import false_runtime

from mnistbench.artifacts import ModelFile, bundled_zoo
from mnistbench.demo import site as site_module
from mnistbench.demo.networks import network_facts
from mnistbench.demo.server import POLICY
from mnistbench.demo.site import FIRST_LOAD, build_site
from mnistbench.embed.model import read_model
from mnistbench.locate import locate
from mnistbench.pictures.refuse import JUDGES, REFUSAL
from mnistbench.published import read_published

STATIC = Path(site_module.__file__).with_name("static")


def bundled(name):
    return read_model(locate(name, [bundled_zoo()]))


@pytest.fixture(scope="module")
def judges():
    return [bundled(name) for name in JUDGES]


@pytest.fixture(scope="module")
def runs():
    return read_published().runs


@pytest.fixture(scope="module")
def site(judges, runs):
    return build_site([bundled("64-64-10"), bundled("lenet5")], judges, runs, false_runtime())


def document(site):
    return json.loads(site.files["demo.json"])


def test_it_has_the_page_the_runtime_and_the_networks(site):
    for path in STATIC.rglob("*"):
        if path.is_file():
            assert site.files[path.relative_to(STATIC).as_posix()] == path.read_bytes()
    assert {path for path in site.files if path.startswith("runtime/")} == {
        f"runtime/{name}" for name in false_runtime()
    }
    for entry in document(site)["files"].values():
        assert len(site.files[entry["path"]]) == entry["bytes"]
    lenet = bundled("lenet5")
    assert gzip.decompress(site.files[f"models/{lenet.name}.onnx.gz"]) == lenet.content
    assert json.loads(site.files["refusal.json"]) == json.loads(REFUSAL.read_text(encoding="utf-8"))


def test_networks_stand_in_the_order_given_and_judges_come_too(site):
    found = document(site)
    assert [network["id"] for network in found["networks"]] == ["64-64-10", "6-P-16-P-120-84-10"]
    assert found["judges"] == list(JUDGES)
    assert set(found["files"]) == {"64-64-10", *JUDGES}


def test_the_first_load_stays_below_its_limit(site, judges, runs, monkeypatch):
    assert site.first_load_bytes < FIRST_LOAD
    first = [name for name, entry in document(site)["files"].items() if entry["first"]]
    fetched = [len(site.files[f"models/{name}.onnx.gz"]) for name in first]
    assert sum(fetched) < site.first_load_bytes
    # With no room at all one network still comes, so that the page can answer.
    monkeypatch.setattr(site_module, "FIRST_LOAD", 1000)
    small = document(build_site([bundled("64-64-10")], judges, runs, false_runtime()))
    assert [name for name, entry in small["files"].items() if entry["first"]] == ["64-64-10"]


def test_a_network_named_twice_stands_once(judges, runs):
    assert len(build_site([bundled("lenet5")] * 2, judges, runs, false_runtime()).networks) == 1


def test_two_files_of_one_name_are_kept_apart(judges, runs, tmp_path):
    other = read_model(ModelFile(write_model(tmp_path / "64-64-10.onnx"), "64-64-10"))
    site = build_site([bundled("64-64-10"), other], judges, runs, false_runtime())
    assert [network["id"] for network in site.networks] == ["64-64-10", "64-64-10-2"]
    assert gzip.decompress(site.files["models/64-64-10-2.onnx.gz"]) == other.content


def test_other_classes_are_named_and_not_judged(judges, runs):
    clothes = dataclasses.replace(bundled("lenet5"), labels=tuple("abcdefghij"))
    found = document(build_site([clothes], judges, runs, false_runtime()))
    assert found["labels"] == list("abcdefghij")
    assert found["judges"] == []
    assert set(found["files"]) == {clothes.name}
    both = document(build_site([clothes, bundled("64-64-10")], judges, runs, false_runtime()))
    assert both["labels"] == list("0123456789")


def test_figures_of_a_bundled_network(runs):
    facts = network_facts(bundled("lenet5"), runs)
    assert facts["title"] == "LeNet-5"
    assert facts["num_parameters"] == 61_706
    assert facts["paper"] == {"table": 5, "error": 0.011}
    assert facts["ours"]["low"] < facts["ours"]["error"] < facts["ours"]["high"]
    assert "seed" in facts["ours"]["basis"]
    assert network_facts(bundled("largest-dropout"), runs)["title"] == "4 convolutions"
    assert network_facts(bundled("64-64-10"), runs)["title"] == "2 hidden layers"


def test_the_precision_stands_behind_the_notation(runs):
    model = dataclasses.replace(bundled("lenet5"), precision="int8")
    facts = network_facts(model, runs)
    assert facts["notation"] == "6-P-16-P-120-84-10@int8"
    # The published runs are those of the network in fp32.
    assert facts["ours"]["basis"] == "of this file"


def test_the_name_of_an_ensemble_says_its_precisions_by_itself(runs):
    model = bundled("lenet5")
    metadata = {**model.info.metadata, "mnistbench.name": "a@int8 + b", "mnistbench.members": "[]"}
    info = dataclasses.replace(model.info, metadata=metadata)
    facts = network_facts(dataclasses.replace(model, info=info, precision="mixed"), runs)
    assert facts["notation"] == "a@int8 + b"


def test_without_published_runs_the_file_speaks_for_itself():
    facts = network_facts(bundled("lenet5"), ())
    assert facts["ours"]["error"] == 0.0059
    assert facts["ours"]["basis"] == "of this file"


def test_a_file_that_says_nothing_has_no_figures(tmp_path, runs):
    facts = network_facts(read_model(ModelFile(write_model(tmp_path / "mine.onnx"), "mine")), runs)
    assert (facts["title"], facts["paper"], facts["ours"]) == ("mine", None, None)
    assert facts["num_parameters"] >= 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mnistbench.dataset", "kmnist"),
        ("mnistbench.test_errors", "12/0"),
        ("mnistbench.test_errors", "20000/10000"),
        ("mnistbench.test_errors", "many"),
    ],
)
def test_strange_metadata_gives_no_figure(key, value):
    model = bundled("lenet5")
    info = dataclasses.replace(model.info, metadata={**model.info.metadata, key: value})
    assert network_facts(dataclasses.replace(model, info=info), ())["ours"] is None


def test_everything_the_page_names_is_there(site):
    named = set()
    for path, content in site.files.items():
        if path.endswith(".mjs") and not path.startswith("runtime/"):
            folder = path.rpartition("/")[0]
            for target in re.findall(r'from "\./([^"]+)"', content.decode()):
                named.add(f"{folder}/{target}".lstrip("/"))
    html = site.files["index.html"].decode()
    named |= set(re.findall(r'(?:src|href)="([^"]+)"', html))
    runtimes = document(site)["runtimes"].values()
    named |= {runtime[part] for runtime in runtimes for part in ("script", "binary")}
    assert named <= set(site.files)
    ids = set(re.findall(r' id="([^"]+)"', html))
    used = set(re.findall(r'at\("([^"]+)"\)', site.files["app.mjs"].decode()))
    assert used <= ids


def test_nothing_is_loaded_from_elsewhere_and_the_policies_agree(site):
    html = site.files["index.html"].decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    assert f"{policy}; frame-ancestors 'none'" == POLICY
    for path, content in site.files.items():
        if not path.startswith(("runtime/", "models/")) and path != "icon.svg":
            assert not re.search(rb"https?:|//cdn", content), path


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [(text, ground) for text in ("ink", "quiet", "accent", "refused") for ground in ("ground", "card")]
    + [("ink", bar) for bar in ("bar", "best", "refused-bar")],
)
def test_text_has_the_contrast_that_wcag_asks_for(theme, text, ground):
    style = (STATIC / "style.css").read_text(encoding="utf-8")
    colours = {name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", style)}
    light, dark = sorted((luminance(colours[name][theme]) for name in (text, ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
