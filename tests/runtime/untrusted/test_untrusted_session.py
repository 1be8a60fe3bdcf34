"""Hostile models in a process of their own: whatever happens there is one typed error here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import hostile_models
import numpy as np
import onnx
import pytest
from onnx import external_data_helper

import mnistbench
from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import InputError, ModelError, ProcessError, ProviderError
from mnistbench.locate import locate
from mnistbench.runtime.classifier import load_classifier
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import create_session
from mnistbench.runtime.untrusted import limits as limits_module
from mnistbench.runtime.untrusted import session as session_module
from mnistbench.runtime.untrusted.limits import LIMITS, Limits
from mnistbench.runtime.untrusted.session import SECONDS_TO_START, UntrustedSession

resource = pytest.importorskip("resource", reason="this system limits no process")

IMAGES = np.random.default_rng(3).integers(0, 256, (7, 28, 28), dtype=np.uint8)
TOP = Path(__file__).parent.parent.parent.parent
QUICK = Limits(memory_bytes=512 << 20, seconds=20.0)

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux keeps all limits")


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_answers_as_it_does_in_this_process() -> None:
    one, other = (mnistbench.load("64-64-10", untrusted=untrusted) for untrusted in (True, False))
    np.testing.assert_array_equal(one.predict(IMAGES), other.predict(IMAGES))
    np.testing.assert_array_equal(one.predict_proba(IMAGES), other.predict_proba(IMAGES))
    np.testing.assert_array_equal(one.predict_logits(IMAGES[:0]), other.predict_logits(IMAGES[:0]))
    assert (one.name, one.sha256, one.provider) == (other.name, other.sha256, other.provider)
    with pytest.raises(InputError):
        one.predict(np.zeros((3, 3), np.uint8))
    # Its answers can be written to as others can.
    one.predict(IMAGES)[0] = 1


def test_how_a_foreign_model_takes_images_is_found_out_there(tmp_path: Path) -> None:
    path = save(hostile_models.sound(), tmp_path)
    one, other = (load_classifier(path, value_range="0..255", untrusted=limits) for limits in (QUICK, None))
    assert one.input_plan == other.input_plan
    np.testing.assert_array_equal(one.predict(IMAGES), other.predict(IMAGES))


@pytest.mark.parametrize(
    ("model", "limits", "told"),
    [
        (hostile_models.takes_memory(), QUICK, "memory|alloc"),
        (hostile_models.never_ends(), Limits(512 << 20, 1.5), "no answer within|seconds|memory"),
        (hostile_models.says_too_much(), Limits(2 << 30, 20.0), "bytes are too many"),
    ],
    ids=["memory", "time", "output"],
)
def test_a_hostile_model_is_one_error(tmp_path: Path, model: onnx.ModelProto, limits: Limits, told: str) -> None:
    path = save(model, tmp_path)
    session = create_session(path, CPU, untrusted=limits)
    try:
        with pytest.raises((ModelError, ProcessError, RuntimeError), match=told):
            session.run(["scores"], {"given": IMAGES[:, None]})
    finally:
        session.close()


@pytest.mark.parametrize("model", [hostile_models.takes_memory(), hostile_models.never_ends()], ids=["memory", "time"])
def test_a_classifier_of_a_hostile_file_is_refused(tmp_path: Path, model: onnx.ModelProto) -> None:
    path = save(model, tmp_path)
    with pytest.raises((ModelError, ProcessError), match=r"model\.onnx"):
        load_classifier(path, value_range="0..255", untrusted=Limits(512 << 20, 1.5))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_process_that_dies_is_one_error_and_stays_dead(number: int) -> None:
    session = create_session(locate("64-64-10", [bundled_zoo()]).path, CPU, untrusted=QUICK)
    os.kill(session._process.pid, number)
    with pytest.raises(ProcessError, match=f"signal {int(number)}; the file is damaged or hostile, .* or 20 s a call"):
        session.run(["label"], {"image": IMAGES[:, None]})
    with pytest.raises(ProcessError, match="has ended; load it again"):
        session.run(["label"], {"image": IMAGES[:, None]})


def test_a_model_that_never_loads_is_told_with_the_time_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_command: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(session_module, "start", silent)
    monkeypatch.setattr(session_module, "SECONDS_TO_START", 0.7)
    with pytest.raises(ProcessError, match=r"no answer within 1 s; .* or 1 s to start and load"):
        UntrustedSession(Path("model.onnx"), {}, Limits(512 << 20, 0.3))


def test_the_promise_names_the_time_that_is_given() -> None:
    promised = " ".join((TOP / "SECURITY.md").read_text(encoding="utf-8").split())
    assert (SECONDS_TO_START + LIMITS.seconds, LIMITS.seconds) == (120, 60)
    assert "two minutes to start and load, a minute for each call" in promised


def test_what_onnxruntime_says_there_is_what_it_says_here(tmp_path: Path) -> None:
    session = create_session(locate("64-64-10", [bundled_zoo()]).path, CPU, untrusted=QUICK)
    try:
        with pytest.raises(RuntimeError, match="absent"):
            session.run(["label"], {"absent": IMAGES})
        # The next call is answered all the same.
        assert session.run(["label"], {"image": IMAGES[:, None]})[0].shape == (7,)
    finally:
        session.close()
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08\x3a\x02\x0a\x00")
    with pytest.raises(ModelError, match=r"model\.onnx"):
        create_session(tmp_path / "model.onnx", CPU, untrusted=QUICK)


def test_threads_take_turns() -> None:
    model = mnistbench.load("64-64-10", untrusted=True)
    expected = model.predict(IMAGES)
    wrong: list[int] = []

    def ask() -> None:
        counts = range(1, 8)
        wrong.extend(n for n in counts if not np.array_equal(model.predict(IMAGES[:n]), expected[:n]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_process_outlives_the_thread_that_loaded_its_model() -> None:
    """Linux tells of the end of a thread as of the end of a process; a server's threads come and go."""
    found: list[UntrustedSession] = []
    path = locate("64-64-10", [bundled_zoo()]).path
    thread = threading.Thread(target=lambda: found.append(create_session(path, CPU, untrusted=QUICK)))
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        found[0]._process.wait(timeout=0.5)
    assert found[0].run(["label"], {"image": IMAGES[:, None]})[0].shape == (7,)
    found[0].close()


def test_a_process_with_very_many_open_files_can_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1_200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1_100):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        session = create_session(locate("64-64-10", [bundled_zoo()]).path, CPU, untrusted=QUICK)
        stack.callback(session.close)
        assert session._process.stdout.fileno() >= 1024
        assert session.run(["label"], {"image": IMAGES[:, None]})[0].shape == (7,)


@pytest.mark.parametrize("seconds", [1e-9, 1e9])
def test_any_number_of_seconds_can_be_given(seconds: float) -> None:
    session = create_session(locate("64-64-10", [bundled_zoo()]).path, CPU, untrusted=QUICK)
    session._limits = Limits(seconds=seconds)
    try:
        if seconds > 1:
            assert session.run(["label"], {"image": IMAGES[:, None]})[0].shape == (7,)
        else:
            with pytest.raises(ProcessError, match="no answer within"):
                session.run(["label"], {"image": IMAGES[:, None]})
    finally:
        session.close()


def test_a_process_goes_with_its_model() -> None:
    session = create_session(locate("64-64-10", [bundled_zoo()]).path, CPU, untrusted=QUICK)
    process = session._process
    del session
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.returncode is not None


@pytest.mark.parametrize("elsewhere", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_external_data_is_refused_unless_asked_for(tmp_path: Path, elsewhere: str) -> None:
    (tmp_path / "in").mkdir()
    model = hostile_models.sound()
    external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, tmp_path / "in" / "model.onnx")
    content = (tmp_path / "in" / "model.onnx").read_bytes()
    model = onnx.load_from_string(content)
    for tensor in model.graph.initializer:
        tensor.external_data[0].value = elsewhere
    path = save(model, tmp_path / "in")
    with pytest.raises(ModelError, match="keeps weights in other files"):
        create_session(path, CPU, untrusted=QUICK)
    if elsewhere == "weights.bin":
        create_session(path, CPU, allow_external_data=True, untrusted=QUICK).close()
    else:
        with pytest.raises(ModelError, match=r"model\.onnx"):
            create_session(path, CPU, allow_external_data=True, untrusted=QUICK)


def test_other_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistbench.runtime.session.require", lambda *_args, **_keywords: None)
    with pytest.raises(ProviderError, match="on the CPU only"):
        create_session(locate("64-64-10", [bundled_zoo()]).path, resolve_device("cuda"), untrusted=LIMITS)


def test_a_system_without_limits_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "resource", None)
    with pytest.raises(ProcessError, match="cannot limit a process"):
        mnistbench.load("64-64-10", untrusted=True)
