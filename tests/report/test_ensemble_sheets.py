from __future__ import annotations

from mnistbench.artifacts import ModelEntry
from mnistbench.report.ensemble_sheets import ensemble_sheet
from mnistbench.report.sheet import markdown


def entry(**training: object) -> ModelEntry:
    facts = dict.fromkeys(ModelEntry.__dataclass_fields__)
    metrics = {"dataset": "tiny", "num_errors": 3, "num_images": 200}
    texts = {"name": "all", "file": "all.onnx", "sha256": "0" * 64, "precision": "fp32", "input_dtype": "uint8"}
    return ModelEntry(**(facts | texts | {"num_parameters": 1234, "metrics": metrics, "training": training}))


def test_members_come_first_and_then_all_of_them():
    one = {"name": "16-10", "seed": "2", "num_parameters": 1000, "num_errors": 10, "num_images": 200}
    other = {"name": "a|b", "num_parameters": 234, "num_errors": 0, "num_images": 200}
    sheet = ensemble_sheet(entry(members=[one, other]))
    assert sheet.title == "Ensemble of 2"
    assert sheet.rows == (
        ("16-10", "2", "1,000", "10", "5.00", "2.74–8.96"),
        ("a|b", "–", "234", "0", "0.00", "0.00–1.88"),
        ("all.onnx", "–", "1,234", "3", "1.50", "0.51–4.32"),
    )
    assert "200 test images of tiny" in sheet.note
    assert "a\\|b" in markdown(sheet)
