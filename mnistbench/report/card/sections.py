"""The sections of a card, each a function from the facts to Markdown; what is not known is said to be so."""

from __future__ import annotations

import shlex

from mnistbench.layers import Conv2d, Linear, MaxPool2d, Shape
from mnistbench.report import units
from mnistbench.report.card.facts import CardFacts
from mnistbench.report.card.precision import closeness, precision_rows
from mnistbench.report.card.words import code, dataset_name, known, plain
from mnistbench.report.sheet import Column, Sheet, markdown
from mnistbench.spec import NetworkSpec

Pictures = tuple[tuple[str, str], ...]
"""Names of files with what each shows."""


def overview(facts: CardFacts) -> str:
    """The figures that one looks for first."""
    result = facts.evaluation
    rate = "none" if result.dropout == 0 else known(None if result.dropout is None else f"{result.dropout:g}")
    rows = [
        ("file", f"{code(facts.file)}, {units.size(result.size_bytes)}"),
        ("sha256", code(result.sha256)),
        *precision_rows(facts),
        ("notation", known(result.notation)),
        ("dropout in training", "each member's own" if facts.members else rate),
        ("parameters", known(None if result.num_parameters is None else units.count(result.num_parameters))),
        (
            "multiply-accumulates for one image",
            known(None if result.macs is None else units.count(result.macs)),
        ),
        ("test error", f"{_error(facts)} on {result.num_images:,} test images of {dataset_name(result.dataset)}"),
    ]
    if result.paper_error is not None:
        rows.append(("the paper's error of this network", f"{units.percent(result.paper_error)} %"))
    return _facts_table(rows)


def architecture(facts: CardFacts, pictures: Pictures) -> str:
    """Drawing and layers."""
    if not pictures:
        return "The file does not say which layers it has.\n"
    parts = [f"![Architecture of {plain(name)}]({file})\n" for file, name in pictures]
    caption = (
        "*Drawn from the notation in the manner of the paper's Figure 2: stacks are feature maps, one more of them for "
        "every doubling; a column's height grows with the logarithm of its units. ReLU follows every convolution and "
        "every hidden fully connected layer"
    )
    rate = facts.evaluation.dropout
    parts.append(caption + (f"; dropout {rate:g} follows the latter in training.*\n" if rate else ".*\n"))
    if facts.spec is not None:
        parts.append(markdown(_layer_sheet(facts.spec)))
    return "\n".join(parts)


def training(facts: CardFacts) -> str:
    """How the weights came about."""
    if facts.members:
        return _members(facts)
    recipe = known(facts.said("recipe"))
    if facts.recipe is not None:
        recipe += f": {plain(facts.recipe)}"
    rows = [
        ("dataset", dataset_name(facts.said("dataset"))),
        ("recipe", recipe),
        ("seed", known(facts.said("seed"))),
        ("epochs", known(facts.said("epochs"))),
        ("batch size", known(facts.said("batch_size"))),
        ("arithmetic", known(facts.trained("precision"))),
        ("the epoch that counts", _selection(facts.said("selection"))),
    ]
    return _facts_table(rows)


def errors(facts: CardFacts, picture: str | None) -> str:
    """Errors with their interval, the paper's beside them, and what was taken for what."""
    result = facts.evaluation
    lines = [
        f"{result.num_errors:,} of {result.num_images:,} test images of {dataset_name(result.dataset)} are answered "
        f"wrongly: {units.percent(result.error_rate)} %. For other images of the same kind, Wilson's 95% interval is "
        f"{units.interval(result.error_rate_low, result.error_rate_high)} %.",
    ]
    trained_on = facts.metadata.get("mnistbench.dataset_sha256")
    if trained_on not in (None, result.dataset_sha256):
        lines.append(f"It was trained on another dataset, {dataset_name(facts.said('dataset'))}.")
    if result.paper_error is not None:
        lines.append(
            f"The paper has {units.percent(result.paper_error)} % for this network (Table {result.table}), the best "
            "epoch on the test set."
        )
    stated = facts.metadata.get("mnistbench.test_errors")
    counted = f"{result.num_errors}/{result.num_images}"
    if stated is not None and stated != counted and trained_on == result.dataset_sha256:
        lines.append(f"**The file itself says {plain(stated)} of the same images.**")
    lines += closeness(facts)
    text = " ".join(lines) + "\n"
    return text if picture is None else f"{text}\n![Confusion matrix]({picture})\n\n{_confusions(facts)}\n"


def latency(facts: CardFacts) -> str:
    """What runs of the benchmark say of this very file."""
    if not facts.latencies:
        given = "The runs of the benchmark that were given have no row of this very file"
        file = shlex.quote(facts.file)
        measure = code(f"mnistbench bench {file} --output bench.json")
        show = code(f"mnistbench card {file} --bench bench.json")
        start = given if facts.benches else "Not measured for this card"
        return f"{start}; {measure} measures it on your machine, and {show} puts it here.\n"
    columns = ("device", "provider", "mode", "batch", "threads", "p50", "p99", "images/s")
    parts = []
    for environment, rows in facts.latencies:
        cells = tuple(
            (
                plain(row.device),
                plain((row.provider or units.MISSING).removesuffix("ExecutionProvider")),
                plain(row.mode),
                str(row.batch_size),
                plain(row.options.get("intra_op_num_threads", units.MISSING)),
                _with_interval(row.p50_seconds, row.p50_low_seconds, row.p50_high_seconds),
                units.seconds(row.p99_seconds),
                units.rough_count(row.throughput),
            )
            for row in rows
        )
        heads = tuple(Column(head, right=head not in ("device", "provider", "mode")) for head in columns)
        versions = [f"{plain(key)} {plain(value)}" for key, value in sorted(environment.packages.items())]
        gpus = [plain(gpu.get("name", "GPU")) for gpu in environment.gpus]
        machine = [plain(environment.cpu), f"{plain(environment.cpus_usable)} processors", *gpus]
        note = (
            f"On {', '.join([*machine, plain(environment.platform)])}; {', '.join(versions)}. p50: half of the calls "
            "take at most so long, in brackets its 95% interval by the spread between fresh processes."
        )
        parts.append(markdown(Sheet("", heads, cells, note)))
    return "\n".join(parts)


def _error(facts: CardFacts) -> str:
    result = facts.evaluation
    return f"{units.percent(result.error_rate)} % ({units.interval(result.error_rate_low, result.error_rate_high)})"


def _facts_table(rows: list[tuple[str, str]]) -> str:
    return markdown(Sheet("", (Column("", right=False), Column("", right=False)), tuple(rows)))


def _layer_sheet(spec: NetworkSpec) -> Sheet:
    columns = (Column("layer", right=False), Column("output"), Column("parameters"), Column("MACs"))
    rows, convs, pools, fcs = [], 0, 0, 0
    for layer, given, gives in zip(spec.layers, spec.shapes, spec.shapes[1:], strict=False):
        match layer:
            case Conv2d():
                convs += 1
                name = f"conv{convs} {layer.kernel_size}×{layer.kernel_size}, padding {layer.padding}"
            case MaxPool2d():
                pools += 1
                name = f"pool{pools} {layer.kernel_size}×{layer.kernel_size}"
            case Linear():
                fcs += 1
                name = f"fc{fcs}"
        counts = units.count(layer.num_parameters(given)), units.count(layer.macs(given))
        rows.append((name, _shape(gives), *counts))
    rows.append(("sum", "", units.count(spec.num_parameters), units.count(spec.macs)))
    return Sheet("", columns, tuple(rows))


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _selection(value: str | None) -> str:
    meanings = {
        "last": "the last; the test set decided nothing",
        "best_on_test": "the best on the test set, as in the paper, which flatters the error",
    }
    return meanings.get(value or "", known(value))


def _members(facts: CardFacts) -> str:
    columns = (
        Column("member", right=False),
        Column("precision", right=False),
        Column("recipe", right=False),
        Column("seed"),
        Column("parameters"),
        Column("errors"),
        Column("sha256", right=False),
    )
    rows = tuple(
        (
            plain(member.get("name", units.MISSING)),
            plain(member.get("precision", units.MISSING)),
            plain(member.get("recipe", units.MISSING)),
            plain(member.get("seed", units.MISSING)),
            plain(member.get("num_parameters", units.MISSING)),
            f"{plain(member.get('num_errors', units.MISSING))}/{plain(member.get('num_images', units.MISSING))}",
            plain(str(member.get("sha256", units.MISSING))[:12]),
        )
        for member in facts.members
    )
    note = (
        "An ensemble: each member was trained by itself, and the answer is the mean of their probabilities. Errors are "
        "those of each member alone on the test images."
    )
    return markdown(Sheet("", columns, rows, note))


def _confusions(facts: CardFacts) -> str:
    matrix = facts.evaluation.confusion or ()
    wrong = [
        (number, true, answer)
        for true, row in enumerate(matrix)
        for answer, number in enumerate(row)
        if number and true != answer
    ]
    most = sorted(wrong, key=lambda one: (-one[0], one[1], one[2]))[:3]
    if not most:
        return "*Rows are true digits, columns answers; nothing is taken for anything else.*"
    told = ", ".join(f"{true} for {answer} ({number:,})" for number, true, answer in most)
    return f"*Rows are true digits, columns answers. Most often taken: {told}.*"


def _with_interval(middle: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return units.seconds(middle)
    return f"{units.seconds(middle)} ({units.seconds(low)}–{units.seconds(high)})"
