"""``mnistbench card``: what is known of models, as Markdown with pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.foreign import calibration_images, check_foreign, foreign_options, limits_of
from mnistbench.cli.options import (
    PathType,
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    work_dir_option,
)
from mnistbench.cli.output import print_json, say, stdout_for_results

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile
    from mnistbench.report.card.facts import CardFacts


@click.command(
    epilog="Example: mnistbench card lenet5 --output cards",
    short_help="Describe models in Markdown, with drawings.",
)
@names_argument("NAMES|FILES...")
@click.option(
    "--output",
    "folder",
    type=PathType(file_okay=False),
    help="Folder.  [default: WORK_DIR/cards]",
)
@click.option(
    "--bench",
    "bench_files",
    type=PathType(dir_okay=False),
    multiple=True,
    help="Show latencies from what 'mnistbench bench --output' wrote; several times for several machines.",
)
@foreign_options
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def card(
    names: tuple[str, ...],
    folder: Path | None,
    bench_files: tuple[Path, ...],
    layout: str | None,
    value_range: str | None,
    output: str | None,
    allow_external_data: bool,
    untrusted: bool,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Write a card for each model: a Markdown file and its pictures.

    A card has the architecture drawn from the notation, training, errors on the
    test images with a confusion matrix, the paper's error, latency, what the model
    is for and what not, and how it is loaded. NAMES find models of 'mnistbench
    export' first, then the bundled ones. A FILE can be any ONNX model that takes
    28x28 images and answers with ten classes; its card says what is not known.
    """
    with stdout_for_results(as_json):
        from mnistbench.bench_files import read_bench_run
        from mnistbench.cli.sources import find_models, open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.files import atomic_write, check_writable
        from mnistbench.report.card.page import model_card
        from mnistbench.report.card.words import file_stem

        check_foreign(layout, value_range)
        folder = folder or work_dir / "cards"
        models = find_models(names, work_dir, dropout)
        benches = [read_bench_run(file) for file in dict.fromkeys(bench_files)]
        check_writable(folder)
        dataset = open_dataset(data_dir)
        foreign = {"layout": layout, "value_range": value_range, "output": output}
        options = foreign | {"allow_external_data": allow_external_data, "untrusted": limits_of(untrusted)}
        often = Counter(file_stem(model.name).lower() for model in models)
        rows: list[dict[str, Any]] = []
        failed = 0
        for model in models:
            try:
                facts = _gather(model, dataset, benches, options)
            except MnistbenchError as error:
                if len(models) == 1:
                    raise
                failed += 1
                rows.append({"name": model.name, "file": str(model.path), "error": str(error)})
                say(f"failed: {model.name}: {error}")
                continue
            stem = file_stem(model.name)
            # Where two would have the same name, a piece of the hash tells them apart.
            own = stem if often[stem.lower()] == 1 else f"{stem}-{facts.evaluation.sha256[:8]}"
            files = model_card(facts, own)
            for file, text in files.items():
                atomic_write(folder / file, text.encode())
            *pictures, page = (str(folder / file) for file in files)
            rows.append({"name": model.name, "file": str(model.path), "card": page, "pictures": pictures})
            say(f"wrote {page}")
    if as_json:
        print_json(rows)
    return 0 if not failed else 3 if failed < len(models) else 1


def _gather(model: ModelFile, dataset: Any, benches: Sequence[Any], options: dict[str, Any]) -> CardFacts:
    """Evaluate a model and put what is known of it together."""
    from mnistbench.cli.evaluate import with_paper
    from mnistbench.cli.images_progress import ImagesProgress
    from mnistbench.errors import TrainingError
    from mnistbench.measure.accuracy import evaluate
    from mnistbench.report.card.facts import CardFacts
    from mnistbench.runtime.classifier import load_classifier
    from mnistbench.training.recipes import find_recipe

    classifier = load_classifier(model.path, name=model.name, calibration=calibration_images(dataset), **options)
    with ImagesProgress(f"evaluating {model.name}") as progress:
        result = evaluate(
            classifier,
            dataset.test_images,
            dataset.test_labels,
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            on_progress=progress,
        )
    result = with_paper(result, model, comparable=dataset.name == "mnist")
    try:
        recipe = find_recipe(classifier.metadata.get("mnistbench.recipe", "")).summary
    except TrainingError:
        recipe = None
    return CardFacts(result, classifier.metadata, model.entry, recipe, tuple(benches))
