"""``--untrusted``: a stranger's model may crash, hang or eat memory, and the command ends as it should."""

from __future__ import annotations

import sys

import hostile_models
import pytest

from mnistbench.cli import foreign
from mnistbench.runtime.untrusted import limits as limits_module
from mnistbench.runtime.untrusted.limits import Limits

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps all limits")

QUICK = {
    "evaluate": ("evaluate", "--input-range", "0..255"),
    "bench": ("bench", "--quick", "--processes", 1, "--batch", 1, "--input-range", "0..255"),
    "breakdown": ("breakdown", "--quick", "--batch", 1, "--input-range", "0..255"),
    "load": ("load", "--quick", "--scenario", "single-stream", "--input-range", "0..255"),
    "card": ("card", "--input-range", "0..255"),
}


@pytest.fixture(autouse=True)
def little_time(monkeypatch):
    """A second and half a gigabyte: enough for any test of a hostile model to end."""
    monkeypatch.setattr(limits_module, "LIMITS", Limits(512 << 20, 1.5))


@pytest.fixture
def files(tmp_path):
    made = {}
    for name in ("sound", "takes_memory", "never_ends"):
        made[name] = tmp_path / f"{name}.onnx"
        made[name].write_bytes(getattr(hostile_models, name)().SerializeToString())
    return made


@pytest.mark.parametrize("command", QUICK)
def test_a_sound_model_is_measured_as_any_other(cli, files, command, monkeypatch):
    # As long as it may take on a busy machine, where a process needs seconds to import what it uses.
    monkeypatch.setattr(limits_module, "LIMITS", Limits(512 << 20))
    name, *options = QUICK[command]
    shown = cli(name, files["sound"], *options, "--untrusted", "--json").succeeds()
    document = shown.json
    rows = document["breakdowns"] if command == "breakdown" else document
    assert [row["name"] for row in rows] == ["sound"]
    assert all(row.get("error") is None for row in rows)


@pytest.mark.parametrize("hostile", ["takes_memory", "never_ends"])
@pytest.mark.parametrize("command", QUICK)
def test_a_hostile_model_is_one_line(cli, files, command, hostile):
    name, *options = QUICK[command]
    cli(name, files[hostile], *options, "--untrusted", "--json").fails_with(hostile)


def test_a_hostile_model_among_others_is_one_row(cli, files):
    name, *options = QUICK["evaluate"]
    shown = cli(name, files["never_ends"], files["sound"], *options, "--untrusted", "--json")
    assert shown.code == 3
    assert ["error" in row for row in shown.json] == [True, False]


def test_two_models_are_compared(cli, files):
    shown = cli("compare-accuracy", files["sound"], "64-64-10", "--input-range", "0..255", "--untrusted", "--json")
    assert shown.succeeds().json["a"]["name"] == "sound"
    cli("compare-accuracy", files["never_ends"], "64-64-10", "--untrusted").fails_with("never_ends")


def test_pictures_are_read_by_a_strangers_model(trained, tmp_path, digits_folder):
    from PIL import Image

    Image.new("L", (40, 40), 255).save(tmp_path / "blank.png")
    shown = trained("predict", tmp_path / "blank.png", "--model", "16-10", "--untrusted", "--json").succeeds()
    assert shown.json[0]["is_digit"] is False


@pytest.mark.parametrize("command", ["evaluate", "bench", "breakdown", "load"])
def test_the_gpu_is_refused(cli, files, command, monkeypatch):
    monkeypatch.setattr("mnistbench.runtime.session.require", lambda *_args, **_keywords: None)
    name, *options = QUICK[command]
    outcome = cli(name, files["sound"], *options, "--device", "cuda", "--untrusted")
    outcome.fails_with("CPU", code=2)


def test_the_help_says_what_it_is_not(cli):
    for command in (*QUICK, "compare-accuracy", "predict"):
        text = " ".join(cli(command, "--help").out.split())
        assert "--untrusted" in text
        assert "Not a sandbox" in text


def test_a_system_without_limits_says_so(cli, files, monkeypatch):
    monkeypatch.setattr(limits_module, "resource", None)
    cli("evaluate", files["sound"], "--untrusted").fails_with("cannot limit a process")

    assert foreign.limits_of(False) is None
