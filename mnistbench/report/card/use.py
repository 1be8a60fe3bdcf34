"""The sections of a card that say what a model is for, how it is loaded, and what its licence is."""

from __future__ import annotations

import json

from mnistbench.report.card.facts import CardFacts
from mnistbench.report.card.words import UNKNOWN, block, code, dataset_name, plain

_MNIST_LICENSE = (
    "MNIST, by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, is licensed CC BY-SA 3.0; it is made of NIST's "
    "Special Databases 1 and 3."
)


def intended_use(facts: CardFacts) -> str:
    """What it is for, and where it fails."""
    result = facts.evaluation
    mnist = result.dataset == "mnist"
    kind = "one handwritten digit, 0 to 9" if mnist else f"one of the ten classes of {dataset_name(result.dataset)}"
    lines = [
        f"It answers which class an image shows: {kind}. Good for teaching, for trying runtimes and hardware, and as a "
        "part of programs whose images look like its training images.",
        "",
        "Known limits:",
        "",
        "- **One image is 28×28 grey pixels, white ink on black**, without anything else on it.",
    ]
    if mnist:
        lines += [
            "- **MNIST's digits were fitted into 20×20 pixels and centred by their mass.** A picture from elsewhere "
            "needs the same, or answers are worse than the figures here: stretched digits, black on white, a digit off "
            "the centre. `mnistbench predict` does it for pictures of any size.",
            "- **It knows digits only.** A letter, a blank or noise gets one of the ten answers too, often with a high "
            "probability: softmax has no eleventh class.",
            "- MNIST's writers were employees of the American Census Bureau and American high-school students. "
            "Elsewhere people write some digits differently, such as a 1 with a long upstroke or a crossed 7.",
            "- MNIST's test set has been looked at for decades; expect more errors on images of your own, and count "
            "them before you rely on it.",
        ]
    else:
        lines.append("- It knows these ten classes only; anything else gets one of the ten answers too.")
    lines += [
        "- Probabilities are those of a softmax and were not calibrated.",
        "- Nothing was done against images made to deceive it. It is not for decisions about people.",
    ]
    return "\n".join(lines) + "\n"


def loading(facts: CardFacts) -> str:
    """Code that reads images with it."""
    plan = facts.evaluation.input
    if not facts.keeps_contract:
        lines = (
            "import numpy as np\n"
            "from mnistbench.runtime.classifier import load_classifier\n\n"
            f"model = load_classifier({_text(facts.file)}, layout={_text(plan.get('layout'))}, "
            f"value_range={_text(plan.get('value_range'))}, output={_text(plan.get('output'))})\n"
            "images = np.zeros((2, 28, 28), dtype=np.uint8)  # white ink on black\n"
            "print(model.predict(images))"
        )
        return (
            f"Its input {code(plan.get('name'))} takes {plain(plan.get('dtype'))} in the layout "
            f"{plain(plan.get('layout'))} with values {plain(plan.get('value_range'))}; its answer is read from "
            f"{code(plan.get('output'))}. mnistbench converts images to that:\n\n{block(lines, 'python')}\n"
        )
    with_us = (
        "import numpy as np\n"
        "import mnistbench\n\n"
        f"model = mnistbench.load({_text(facts.file)})\n"
        "images = np.zeros((2, 28, 28), dtype=np.uint8)  # white ink on black\n"
        "print(model.predict(images), model.predict_proba(images))"
    )
    without = (
        "import numpy as np\n"
        "import onnxruntime\n\n"
        f"session = onnxruntime.InferenceSession({_text(facts.file)})\n"
        "images = np.zeros((2, 1, 28, 28), dtype=np.uint8)\n"
        'label, probabilities = session.run(["label", "probabilities"], {"image": images})'
    )
    return (
        f"{block(with_us, 'python')}\n\nWithout mnistbench, in any onnxruntime; scaling happens inside the graph, and "
        f"any batch size works:\n\n{block(without, 'python')}\n"
    )


def licence(facts: CardFacts) -> str:
    """Of the weights and of the data."""
    weights = plain(facts.metadata["license"]) if facts.metadata.get("license") else UNKNOWN
    trained_on = facts.said("dataset")
    data = _MNIST_LICENSE if trained_on == "mnist" else f"Licence of the training data: {UNKNOWN}."
    return f"Weights: {weights}.\n\n{data}\n"


def _text(value: object) -> str:
    """A text as Python writes it."""
    return "None" if value is None else json.dumps(str(value))
