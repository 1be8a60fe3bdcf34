"""The kits for Triton and KServe: their clients against a server of protocol v2 that holds the files to their word."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kit_programs
import numpy as np
import onnxruntime
import pytest
from kit_programs import readme_commands, run, run_commands, spoil

from mnistbench.artifacts import called
from mnistbench.catalog import NETWORKS
from mnistbench.embed.model import safe_name
from mnistbench.embed.targets.kserve import service_name
from mnistbench.precisions import PRECISIONS

DTYPES = {"TYPE_UINT8": "tensor(uint8)", "TYPE_FP32": "tensor(float)", "TYPE_INT64": "tensor(int64)"}
WIRE = {"tensor(float)": "FP32", "tensor(int64)": "INT64"}
LABEL = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
"""Of a host name."""


class Server:
    """Serves a model repository as Triton does, as far as the kits ask for it."""

    def __init__(self, repository, host=None):
        (self.folder,) = repository.iterdir()
        self.session = onnxruntime.InferenceSession(self.folder / "1" / "model.onnx")
        self.host = host
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code, document = outer.answer(self.path, self.headers, json.loads(body))
                content = json.dumps(document).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def answer(self, path, headers, request):
        if path != f"/v2/models/{self.folder.name}/infer":
            return 404, {"error": f"unknown model: {path}"}
        if self.host is not None and headers["Host"] != self.host:
            return 404, {"error": f"unknown host: {headers['Host']}"}
        (image,) = request["inputs"]
        if (image["name"], image["datatype"], image["shape"][1:]) != ("image", "UINT8", [1, 28, 28]):
            return 400, {"error": "not this model's input"}
        array = np.array(image["data"], dtype=np.uint8).reshape(image["shape"])
        names = [output["name"] for output in request["outputs"]]
        outputs = [
            {
                "name": name,
                "datatype": WIRE[kind],
                "shape": [len(array), values.size // len(array)],
                "data": values.ravel().tolist(),
            }
            for name, kind, values in zip(
                names,
                ({output.name: output.type for output in self.session.get_outputs()}[name] for name in names),
                self.session.run(names, {"image": array}),
                strict=True,
            )
        ]
        return 200, {"model_name": self.folder.name, "model_version": "1", "outputs": outputs}

    def __enter__(self):
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.mark.parametrize(("target", "host"), [("triton", None), ("kserve", "digits.default.example.com")])
@pytest.mark.parametrize("model", ["lenet", "own"])
def test_golden_answers_are_met_and_a_difference_is_found(write, tmp_path, model, target, host):
    kit = write(model, target, tmp_path / "kit")
    option = ["--host", host] if host else []
    with Server(kit / "model_repository", host) as server:
        assert "0 failed" in run(sys.executable, "self_test.py", server.url, *option, cwd=kit)
        said = run(sys.executable, "predict.py", server.url, "golden/digit-6.pgm", *option, cwd=kit)
        assert said.startswith("golden/digit-6.pgm: ")
        request = json.loads((kit / "golden" / "request.json").read_text())
        code, document = server.answer(f"/v2/models/{server.folder.name}/infer", {"Host": host}, request)
        assert code == 200
        expected = json.loads((kit / "golden" / "response.json").read_text())
        for ours, theirs in zip(expected["outputs"], document["outputs"], strict=True):
            np.testing.assert_allclose(ours.pop("data"), theirs.pop("data"), atol=1e-5)
        assert expected == document
        spoil(kit)
        assert "1 failed" in run(sys.executable, "self_test.py", server.url, *option, cwd=kit, code=1)


def test_a_server_that_is_not_there_or_refuses_is_a_failure(write, tmp_path):
    kit = write("own", "triton", tmp_path / "kit")
    with Server(kit / "model_repository", "other.example.com") as server:
        assert "unknown host" in run(sys.executable, "self_test.py", server.url, cwd=kit, code=1)
    assert "FAILED" in run(sys.executable, "self_test.py", server.url, cwd=kit, code=1)


def test_the_configuration_has_the_models_own_inputs_and_outputs(write, tmp_path):
    kit = write("lenet", "triton", tmp_path / "kit")
    (folder,) = (kit / "model_repository").iterdir()
    assert {path.name for path in folder.iterdir()} == {"config.pbtxt", "labels.txt", "1"}
    assert (folder / "labels.txt").read_text() == (kit / "labels.txt").read_text()
    text = re.sub("#.*", "", (folder / "config.pbtxt").read_text())
    assert f'name: "{folder.name}"' in text
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx")
    tensors = re.findall(r'name: "(\w+)"\s+data_type: (\w+)\s+dims: \[([^]]*)\](\s+reshape: \{ shape: \[ \] \})?', text)
    said = {name: (DTYPES[kind], [] if empty else json.loads(f"[{dims}]")) for name, kind, dims, empty in tensors}
    own = [*session.get_inputs(), *session.get_outputs()]
    assert said == {tensor.name: (tensor.type, tensor.shape[1:]) for tensor in own}


HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("6-P-16-P-120-84-10", "mnist-6-p-16-p-120-84-10"),
        ("32-P-10-k3.3p1.1", "mnist-32-p-10-k3-3p1-1"),
        ("32-32-P-64-64-P-256-128-64-10-dropout", "mnist-32-32-p-64-64-p-256-128-64-10-dropout"),
        ("32-32-P-64-64-P-256-128-64-10-dropout-int8", "mnist-32-32-p-64-64-p-256-128-64-10-01234567"),
        ("a_b", "mnist-a-b"),
        ("x" * 38, "mnist-" + "x" * 38),
        ("x" * 39, "mnist-" + "x" * 29 + "-01234567"),
        ("x" * 28 + "-" + "y" * 28, "mnist-" + "x" * 28 + "-01234567"),
        ("---", "mnist"),
    ],
)
def test_names_of_services_are_what_kubernetes_takes(name, service):
    assert service_name(name, HASH) == service
    assert LABEL.fullmatch(service)


def test_every_network_in_every_precision_is_a_service_of_its_own():
    names = [called(network.name, precision) for network in NETWORKS for precision in PRECISIONS]
    services = [service_name(safe_name(name), hashlib.sha256(name.encode()).hexdigest()) for name in names]
    assert len(set(services)) == len(services) == 29 * 4
    for service in services:
        assert LABEL.fullmatch(service)
        # The host's first label in the namespace that a cluster begins with.
        assert len(f"{service}-predictor-default") <= 63


def test_the_service_and_the_upload_agree_on_names(write, embedded, tmp_path):
    kit = write("lenet", "kserve", tmp_path / "kit")
    service = (kit / "inference-service.yaml").read_text()
    upload = (kit / "upload.yaml").read_text()
    name = "mnist-6-p-16-p-120-84-10"
    assert f'name: "{name}"' in service
    assert f'storageUri: "pvc://{name}/model_repository-{embedded["lenet"].sha256[:8]}"' in service
    assert f'claimName: "{name}"' in upload


KUBECTL = """#!/bin/sh -eu
# What kubectl does to the volume of the pod: its cp into a folder that exists makes another one in it, as cp's does.
case "$1" in
exec) shift 3; echo "$@" | sed "s|/models/|$VOLUME/|g" | sh -eu ;;
cp) cp -r "$2" "$VOLUME/${3#*:/models/}" ;;
apply | wait | delete) ;;
*) exit 1 ;;
esac
"""


def test_the_upload_can_be_repeated(write, tmp_path):
    volume, programs = tmp_path / "volume", tmp_path / "programs"
    volume.mkdir()
    programs.mkdir()
    (programs / "kubectl").write_text(KUBECTL)
    (programs / "kubectl").chmod(0o755)
    settings = {"VOLUME": str(volume), "PATH": f"{programs}:{kit_programs.ENVIRONMENT['PATH']}"}
    stored = set()
    for model in ("lenet", "own"):
        kit = write(model, "kserve", tmp_path / model)
        (upload, *_) = readme_commands(kit)
        for _ in range(2):
            run_commands(upload, kit, env=settings)
        (address,) = re.findall(r'storageUri: "pvc://[^/]+/(.+)"', (kit / "inference-service.yaml").read_text())
        assert files_of(volume / address) == files_of(kit / "model_repository")
        stored.add(address)
    # One model never takes the place of another that is being served.
    assert {path.name for path in volume.iterdir()} == stored
    assert len(stored) == 2


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("target", "host"), [("triton", None), ("kserve", "digits.default.example.com")])
def test_the_commands_of_the_readme_ask_the_server(write, tmp_path, target, host):
    kit = write("lenet", target, tmp_path / "kit")
    (commands,) = [block for block in readme_commands(kit) if "self_test.py" in block]
    asking = "".join(line for line in commands.splitlines(keepends=True) if "kubectl" not in line)
    with Server(kit / "model_repository", host) as server:
        here = re.sub(r"http://localhost:80\d0", server.url, asking)
        said = run_commands(here, kit, env={"HOST": host or ""})
    assert "golden/digit-7.pgm: " in said
    assert ", 0 failed" in said
