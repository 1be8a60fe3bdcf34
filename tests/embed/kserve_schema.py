"""Checks an InferenceService by KServe's own classes: run with the folder of the package ``kserve`` and two files.

The package itself needs Kubernetes' client; what its classes say of their fields is plain data, which is read here.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import yaml

PLAIN = {"str": str, "bool": bool, "int": int}
KUBERNETES = ("V1ObjectMeta", "V1ResourceRequirements")
"""Classes of Kubernetes itself, which the package does not describe."""


def fields(models, name):
    """Kind of each field of a class by its name in YAML; ``None`` where there is no such class."""
    for file in models.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        if re.search(rf"^class {name}\(", text, re.MULTILINE):
            said = {
                node.targets[0].id: ast.literal_eval(node.value)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Assign)
                and getattr(node.targets[0], "id", "") in ("openapi_types", "attribute_map")
            }
            return {said["attribute_map"][key]: kind for key, kind in said["openapi_types"].items()}
    return None


def check(models, document, name, path=""):
    known = fields(models, name)
    if known is None:
        assert name in KUBERNETES, f"no schema of {name} at {path}"
        return
    for key, value in document.items():
        assert key in known, f"{path}/{key} is none of {sorted(known)}"
        if known[key] in PLAIN:
            assert isinstance(value, PLAIN[known[key]]), f"{path}/{key} is {value!r}"
        else:
            check(models, value, known[key], f"{path}/{key}")


def main(packages, service_file, upload_file):
    models = Path(packages, "kserve", "models")
    service = yaml.safe_load(Path(service_file).read_text(encoding="utf-8"))
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    check(models, service, "V1beta1InferenceService")
    model = service["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "onnx", "version": "1"}
    assert model["protocolVersion"] == "v2"
    name = service["metadata"]["name"]
    claim, pod = yaml.safe_load_all(Path(upload_file).read_text(encoding="utf-8"))
    assert (claim["kind"], pod["kind"]) == ("PersistentVolumeClaim", "Pod")
    assert claim["metadata"]["name"] == name == pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert re.fullmatch(rf"pvc://{name}/model_repository-[0-9a-f]{{8}}", model["storageUri"])
    assert "format" not in fields(models, "V1beta1ModelSpec")  # or every name would pass


if __name__ == "__main__":
    main(*sys.argv[1:])
