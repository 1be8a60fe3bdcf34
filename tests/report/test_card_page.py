from __future__ import annotations

import dataclasses
import json
import re

import pytest
from latencies import failed, row, run
from results_of import evaluation

from mnistbench.artifacts import ModelEntry
from mnistbench.catalog import NETWORKS, find
from mnistbench.report.card.facts import MOST_DRAWINGS, CardFacts
from mnistbench.report.card.page import model_card
from mnistbench.results import BenchRun

CONTRACT = {
    "name": "image",
    "layout": "N1HW",
    "dtype": "uint8",
    "value_range": "0..255",
    "output": "label",
    "how_found": {"layout": "contract"},
}
CONFUSION = tuple(tuple(900 if i == j else int((i, j) == (4, 9)) for j in range(10)) for i in range(10))


def own(text: str = "lenet5", **changes: object) -> CardFacts:
    """Facts of an exported network, with its manifest's entry."""
    network = find(text)
    metadata = {
        "description": f"{network.spec.notation} classifies.",
        "license": "MIT",
        "mnistbench.name": network.name,
        "mnistbench.notation": network.spec.notation,
        "mnistbench.macs": str(network.spec.macs),
        "mnistbench.dataset": "mnist",
        "mnistbench.dataset_sha256": "ab" * 32,
        "mnistbench.recipe": "default",
        "mnistbench.seed": "2",
        "mnistbench.epochs": "10",
        "mnistbench.selection": "last",
        "mnistbench.test_errors": "8865/10000",
        "mnistbench.parity_images": "10000",
        "mnistbench.parity_label_differences": "0",
        "mnistbench.parity_logit_difference_below": "1e-05",
    }
    result = evaluation(
        network,
        input=CONTRACT,
        notation=network.spec.notation,
        dropout=network.spec.dropout,
        table=network.paper.table if network.paper else None,
        confusion=CONFUSION,
    )
    entry = ModelEntry(
        **dict.fromkeys(ModelEntry.__dataclass_fields__)
        | {"name": network.name, "file": result.file, "sha256": "", "precision": "fp32", "input_dtype": "uint8"}
        | {"training": {"recipe": "default", "batch_size": 128, "precision": "float32"}}
    )
    facts = CardFacts(result, metadata, entry, "as its summary says")
    return dataclasses.replace(facts, **changes)


def foreign(**changes: object) -> CardFacts:
    """Facts of a file from elsewhere that says nothing of itself."""
    values = {"name": "theirs", "file": "/some/where/theirs.onnx", "paper_error": None, "macs": None} | changes
    return CardFacts(evaluation(find("16-10"), **values), {})


def page(facts: CardFacts) -> str:
    return list(model_card(facts).values())[-1]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_network_has_a_card_with_its_pictures(network):
    facts = own(network.name)
    files = model_card(facts)
    stem = network.name
    assert list(files) == [f"{stem}-architecture.svg", f"{stem}-confusion.svg", f"{stem}.md"]
    text = files[f"{stem}.md"]
    assert re.findall(r"\]\(([^)]+\.svg)\)", text) == [f"{stem}-architecture.svg", f"{stem}-confusion.svg"]
    assert text.startswith(f"# Model card: {stem}\n\n{network.spec.notation} classifies.\n")
    assert f"{network.spec.num_parameters:,}" in text
    assert f"{network.spec.macs:,}" in text
    assert f"{100 * network.paper.error:.2f} %" in text
    assert "not known" not in text
    assert files == model_card(facts)


def test_headings_are_in_order_and_tables_have_as_many_cells_as_heads():
    text = page(own("best"))
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Architecture",
        "Training",
        "Errors",
        "Latency",
        "Intended use and known limits",
        "Loading it in Python",
        "Licence",
    ]
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_what_training_says():
    text = page(own())
    for line in (
        "| dataset | MNIST |",
        "| recipe | default: as its summary says |",
        "| seed | 2 |",
        "| epochs | 10 |",
        "| batch size | 128 |",
        "| arithmetic | float32 |",
        "| the epoch that counts | the last; the test set decided nothing |",
    ):
        assert line in text
    metadata = dict(own().metadata) | {"mnistbench.selection": "best_on_test"}
    assert "the best on the test set, as in the paper" in page(own(metadata=metadata))
    assert "| batch size | not known |" in page(own(entry=None))


def test_errors_stand_beside_the_papers():
    text = page(own())
    assert "8,865 of 10,000 test images of MNIST are answered wrongly: 88.65 %." in text
    assert "95% interval is 88.01–89.26 %" in text
    assert "The paper has 1.10 % for this network (Table 5)" in text
    assert "compared with torch's: labels equal, each logit within 1e-05" in text
    assert "Most often taken: 4 for 9 (1)." in text
    assert "the file itself says" not in text.lower()


INT8 = {
    "mnistbench.precision": "int8",
    "mnistbench.parity_reference": "fp32",
    "mnistbench.parity_label_differences": "5",
    "mnistbench.parity_logit_difference_below": "1",
    "mnistbench.error_difference_points": "+0.0300",
    "mnistbench.calibration_method": "minmax",
    "mnistbench.calibration_num_images": "1000",
    "mnistbench.calibration_seed": "20",
}


def test_another_precision_is_compared_with_the_one_it_came_from():
    text = page(own(metadata=dict(own().metadata) | INT8))
    assert (
        "10,000 test images were compared with those of the same weights in fp32: 5 labels differ, each logit within "
        "1, test error 0.03 percentage points higher."
    ) in text
    assert "torch" not in text
    assert "labels equal" not in text


def test_precision_and_calibration_are_the_files_and_not_trainings():
    text = page(own(metadata=dict(own().metadata) | INT8))
    overview, training = text.partition("## Architecture")[0], text.partition("## Training")[2]
    assert "| precision | int8 |" in overview
    assert "| calibrated on | 1,000 training images, drawn with the seed 20; method minmax |" in overview
    assert "| arithmetic | float32 |" in training
    assert "int8" not in training.partition("## Latency")[0]
    assert "| precision | fp32 |" in page(own())
    assert "calibrated on" not in page(own())
    assert "| precision | not known |" in page(foreign())


def test_calibration_of_the_manifest_where_the_file_says_none():
    entry = own().entry
    calibrated = dataclasses.replace(entry, precision="web", calibration={"method": "minmax", "num_images": 200})
    text = page(own(entry=calibrated))
    assert "| precision | web |" in text
    assert "| calibrated on | 200 training images, drawn with the seed not known; method minmax |" in text
    assert "| arithmetic | float32 |" in text
    assert "| arithmetic | not known |" in page(own(entry=None, metadata=dict(own().metadata) | INT8))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("parity_label_differences", "0", "fp32: labels equal, each logit"),
        ("parity_label_differences", "1", "fp32: 1 label differs, each logit"),
        ("parity_label_differences", "1234", "fp32: 1,234 labels differ, each logit"),
        ("parity_label_differences", None, "fp32: each logit"),
        ("error_difference_points", "+0.0000", "within 1, test error the same."),
        ("error_difference_points", "-0.0400", "test error 0.04 percentage points lower."),
        ("error_difference_points", "nan", "test error other by nan percentage points."),
        ("error_difference_points", "<b>", "test error other by &lt;b&gt; percentage points."),
        ("error_difference_points", None, "each logit within 1."),
        ("parity_images", "9" * 5000, "compared with those of the same weights"),
        ("parity_images", "²", "its answers to ² test images"),
    ],
)
def test_how_close_it_came_is_what_the_file_says(key, value, expected):
    changed = dict(own().metadata) | INT8 | {f"mnistbench.{key}": value}
    assert expected in page(own(metadata={name: text for name, text in changed.items() if text is not None}))


def test_a_file_that_says_other_errors_is_contradicted():
    metadata = dict(own().metadata) | {"mnistbench.test_errors": "3/10000"}
    assert "**The file itself says 3/10000 of the same images.**" in page(own(metadata=metadata))


def test_another_dataset_than_in_training():
    facts = own(metadata=dict(own().metadata) | {"mnistbench.dataset": "letters", "mnistbench.dataset_sha256": "0"})
    text = page(facts)
    assert "It was trained on another dataset, letters." in text
    assert "Licence of the training data: not known." in text


def test_images_that_are_no_digits_have_no_limits_of_mnist():
    facts = own()
    text = page(dataclasses.replace(facts, evaluation=dataclasses.replace(facts.evaluation, dataset="clothes")))
    assert "one of the ten classes of clothes" in text
    assert "20×20" not in text


def test_a_foreign_file_says_what_is_not_known():
    text = page(foreign())
    assert list(model_card(foreign())) == ["theirs-confusion.svg", "theirs.md"]
    assert "The file does not say which layers it has." in text
    assert "| notation | not known |" in text
    assert "| multiply-accumulates for one image | not known |" in text
    assert "Weights: not known." in text
    assert "/some/where" not in text
    assert "`input_3` takes float32 in the layout N1HW with values standardised" in text
    assert 'load_classifier("theirs.onnx", layout="N1HW", value_range="standardised", output=None)' in text
    assert "mnistbench.load" not in text


def test_without_a_confusion_matrix_there_is_no_picture():
    files = model_card(foreign(confusion=None))
    assert list(files) == ["theirs.md"]
    assert "svg" not in files["theirs.md"]


def test_the_code_is_python():
    for facts in (own(), foreign(), foreign(file="a'b\"c`` ```.onnx")):
        for source in re.findall(r"(`{3,})python\n(.*?)\n\1", page(facts), re.DOTALL):
            compile(source[1], "card", "exec")


def test_latency_is_that_of_this_very_file():
    facts = own()
    mine = row("lenet5", sha256=facts.evaluation.sha256, p50_low_seconds=9e-5, p50_high_seconds=1.2e-4)
    others = [row("other"), failed(sha256=facts.evaluation.sha256)]
    text = page(dataclasses.replace(facts, benches=(run(mine, *others), run(*others))))
    assert "| cpu | CPU | e2e | 1 | 2 | 100 µs (90.0 µs–120 µs) | – | – |" in text
    assert "On Some CPU, 2 processors, Linux; numpy 2.0.0, onnxruntime 1.23.0." in text
    assert text.count("| cpu |") == 1
    assert "have no row of this very file" in page(dataclasses.replace(facts, benches=(run(*others),)))
    assert "Not measured for this card; `mnistbench bench 6-P-16-P-120-84-10.onnx --output bench.json`" in page(facts)


def test_a_machine_with_a_gpu_names_it():
    facts = own()
    mine = row("lenet5", sha256=facts.evaluation.sha256, provider=None, options={})
    bench: BenchRun = run(mine)
    environment = dataclasses.replace(bench.environment, gpus=({"name": "Some GPU"}, {}), platform="a|b")
    text = page(dataclasses.replace(facts, benches=(dataclasses.replace(bench, environment=environment),)))
    assert "Some CPU, 2 processors, Some GPU, GPU, a|b" in text


def ensemble(members: object) -> CardFacts:
    text = members if isinstance(members, str) else json.dumps(members)
    facts = own()
    result = dataclasses.replace(facts.evaluation, name="pair", notation="a + b", dropout=None, paper_error=None)
    metadata = {
        "mnistbench.name": "16-10 + lenet5",
        "mnistbench.members": text,
        "mnistbench.parity_images": "10000",
        "mnistbench.parity_label_differences": "0",
        "mnistbench.parity_probability_difference_below": "1e-06",
    }
    return CardFacts(result, metadata)


def test_an_ensemble_lists_its_members_and_draws_each_architecture_once():
    one = {
        "name": "16-10@int8",
        "precision": "int8",
        "seed": "0",
        "recipe": "default",
        "num_parameters": 12730,
        "sha256": "ab" * 32,
    }
    members = [one | {"num_errors": 7, "num_images": 10}, one | {"seed": "1"}, {"name": "lenet5"}, {"name": "?"}, {}]
    files = model_card(ensemble(members))
    assert list(files)[:2] == ["pair-architecture-1.svg", "pair-architecture-2.svg"]
    text = files["pair.md"]
    assert "| 16-10@int8 | int8 | default | 0 | 12730 | 7/10 | abababababab |" in text
    assert "| lenet5 | – | – | – | – | –/– | – |" in text
    assert "the answer is the mean of their probabilities" in text
    assert "the mean of its members': labels equal, each probability within 1e-06" in text
    assert "each member's own" in text


@pytest.mark.parametrize(
    ("precisions", "expected"),
    [
        (("fp32", "fp32"), "fp32"),
        (("int8", "int8"), "int8"),
        (("int8", "fp32"), "mixed"),
        (("int8", None), "not known"),
        ((None, None), "not known"),
    ],
)
def test_the_precision_of_an_ensemble_is_that_of_its_members(precisions, expected):
    members = [{"name": "16-10"} | ({} if one is None else {"precision": one}) for one in precisions]
    assert f"| precision | {expected} |" in page(ensemble(members))


def test_many_architectures_are_not_all_drawn():
    members = [{"name": f"{width}-10"} for width in range(1, 40)]
    assert len(ensemble(members).drawn) == MOST_DRAWINGS


@pytest.mark.parametrize("text", ["", "{", "3", "{}", "null", '["a", 3]', "[" * 100_000, '"x"'])
def test_members_that_cannot_be_read_are_none(text):
    facts = ensemble(text)
    assert facts.members == ()
    assert "Model card: pair" in page(facts)


HOSTILE = "<img src=x onerror=alert(1)>`|\n# [a](b) \x1b]0;x\x07"


def test_hostile_metadata_stays_text():
    facts = own()
    metadata = {
        key: value if key in ("mnistbench.name", "mnistbench.macs") else HOSTILE
        for key, value in facts.metadata.items()
    }
    result = dataclasses.replace(facts.evaluation, name=HOSTILE, notation=HOSTILE, file=HOSTILE)
    files = model_card(CardFacts(result, metadata))
    text = files.pop(next(name for name in files if name.endswith(".md")))
    prose = re.sub(r"(?<!\\)(`+).*?\1", "", text, flags=re.DOTALL)
    assert "<img" not in prose
    assert "\x1b" not in text
    assert not re.search(r"^# \[", text, re.MULTILINE)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert all("<img" not in svg for svg in files.values())


def test_two_models_of_one_name_can_have_files_of_their_own():
    assert list(model_card(own(), "other"))[-1] == "other.md"
