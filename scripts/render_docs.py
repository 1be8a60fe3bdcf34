"""Writes the generated parts of the documents: tables in README.md, docs/cli.md, docs/json.md, pictures.

Every number comes from a committed file under bench/results/ or zoo/. With
``--check`` nothing is written, and the exit status says whether all is fresh.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from docs_pictures import pictures
from fault_tables import faults
from latency_tables import agreement, machine, noise, overhead, read, same_or_slower
from picture_tables import many_pictures, normaliser
from picture_tables import pictures as picture_set
from precision_tables import precisions
from scale_tables import engines, slots
from zoo_tables import zoo_latency, zoo_providers

from mnistbench.artifacts import bundled_zoo, read_manifest
from mnistbench.catalog import NETWORKS, find
from mnistbench.cli.root import root
from mnistbench.measure.claims import check_claims
from mnistbench.measure.summary import summarize
from mnistbench.published import read_published
from mnistbench.report import units
from mnistbench.report.accuracy_sheets import claims_sheet, results_notes, results_sheet
from mnistbench.report.sheet import Column, Sheet, markdown
from mnistbench.report.sheets import networks_sheets, paper_line, paper_sheets

TOP = Path(__file__).parent.parent

JSON_HEAD = """# JSON documents

Written by `make docs` from the classes themselves.

`--json` prints one document on standard output and nothing else there; messages and progress go to standard error.
Error rates are fractions, times seconds, sizes bytes. Keys keep their meaning; a change of meaning raises
`schema_version`, and new keys may appear at any time.

| command | document |
|---|---|
| `list` | an array, one object a network: `name, notation, dropout, kernel_sizes, paddings, table, row, paper_error, \
paper_dropout, num_parameters, macs, aliases` |
| `data` | one object: `name, folder, is_cache, verified, complete, sha256, files` |
| `train` | an array of `training` results |
| `export` | an array of `model` entries, each with `path`; `manifest.json` has the same entries under `models` |
| `ensemble` | the `model` entry of the file with `path`; `training.members` has `name, precision, notation, \
sha256, num_parameters, num_errors, num_images` of each member, and `dropout, recipe, seed` where its file says them |
| `embed` | one object: `name, sha256` of the model, `kits`, an array of `target, folder, files` (paths within the folder) |
| `demo` | one object: `first_load_bytes` (until the page can answer, as they are sent), `networks`, with `--export` \
`folder, files` (paths within it), else `url`; a network has `id, name, title, notation, num_parameters, size_bytes, \
paper` (an object: `table, error`) `, ours` (an object: `error, low, high, basis`; null where it is not known, as \
`paper`) `, path, bytes` (as it is sent) `, first` (whether the first load has it) |
| `card` | an array: `name, file, card, pictures`, or `name, file, error` |
| `evaluate` | an array of `evaluation` results |
| `predict` | an array, one object a picture: `file, label` (null where there is no digit) `, probabilities, is_digit, reason, score` (0 or more is a digit) `, box, note, width, height` (of the picture, in pixels), with `--multi` `text, digits`; one that cannot be read has `error` |
| `bench` | an array of `latency` results without `samples_seconds`, each with `environment`; the file of a run is one `bench` object, with every sample |
| `bench --executor` `pool` or `ray` | one `bench_gpus` object: `started`, `kinds`, an array of `bench_gpu`; the printed one has \
neither samples nor processes |
| `bench --tune` | an array of `tuning` results; each that found something is a file below `tuned/` in the work folder too |
| `precisions` | an array of `precision` results: an object a device, model and batch size; the file of `--output` is \
one `precision_run` object |
| `breakdown` | one `breakdown_run` object: `environment`, `breakdowns` (an array of `breakdown` results), `crossings` (an array of `crossing` results), `no_crossings_because` (text where there was no second device, else null) |
| `load` | an array of `load` results without `samples_seconds`, each with `environment`; the file of `--output` is one `load_run` object, with every sample |
| `runs` | an array of `run_state` objects |
| `results` | an array, one object a network: `name, notation, dropout, table, row, paper_error, errors` (an object: the \
list over seeds by recipe) `, median_error, seeds, epochs, range, interval, new_seed_range, verdict` (of the default recipe) `, recipes` \
(an object: by recipe `recipe, selection, seeds, errors, num_errors, num_images, median_error, min_error, max_error, \
error_rate_low, error_rate_high, new_seed_low, new_seed_high, epochs, mixed, verdict`) |
| `results --claims` | one object: `claims`, an array of `key, statement, recipe, rule, verdict, comparisons, curve, \
caveat` (text where the networks compared were trained differently, else null); a comparison has `network, other, error, \
other_error` (medians) `, difference` (of the means) `, difference_low, difference_high` (its 95% interval; null with fewer \
than three seeds) `, outcome` |
| `compare` | an array of `latency_comparison` results, one object a row of the baseline and other run, then those that only the other run has |
| `compare-accuracy` | one `comparison` result |
| `doctor` | one `diagnosis` result; `findings` is a list of `finding` objects and `probes` one of `probe` objects, without `schema_version` and `kind` |
| `reproduce` | one object: `recipe, seed, environment, rows`; a row has the keys of `list` and `error, training, model, \
evaluation, latency` |

A network that failed has `name` and `error` (and, from `train`, `seed`) in the array (`bench`: a `latency` result whose `error` is not null). A
command that fails as a whole prints one line on standard error, and may print nothing on standard output.

`zoo/results.json` has the runs that the tables stand on: `environments` by key, and `runs`, an array of `run` records.
`zoo/manifest.json` has the networks' errors with the recipe `default` under `results`: `name, recipe, seeds, epochs, \
errors, median_error, paper_error`.
"""


def reproduction(file: str) -> str:
    """The paper's tables from a reproduction document."""
    document = read(file)
    sheets = paper_sheets([paper_line(row) for row in document["rows"]])
    about = (
        f"Recipe `{document['recipe']}`, seed {document['seed']}; latency: a quick look in one process, median call of a "
        "session with one image. A network and its dropout variant are the same graph when they answer, so that what "
        f"lies between two such rows is noise. On {machine(document['environment'])}."
    )
    return "\n".join(markdown(sheet, level=4) for sheet in sheets) + f"\n{about}\n"


def ratios(file: str, baseline: str) -> str:
    """Seconds and peak memory, ours beside a baseline; accuracy where both have one."""
    document = read(file)
    accurate = any("ours_accuracy" in row for row in document["rows"])
    heads = ["benchmark", baseline, "ours", "ratio", "peak memory"] + ["accuracy, mean"] * accurate
    rows = []
    for row in document["rows"]:
        seconds = f"{row['baseline_seconds']:.2f} s", f"{row['ours_seconds']:.2f} s"
        memory = _pair(row, "peak_bytes", units.size)
        cells = [row["name"], *seconds, f"{row['ratio']:.1f}×", memory]
        rows.append((*cells, _pair(row, "accuracy", "{:.2%}".format)) if accurate else tuple(cells))
    columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
    note = f"Medians; of a pair, the baseline's stands first. On {machine(document['environment'])}."
    return markdown(Sheet("", columns, tuple(rows), note))


def _pair(row: dict[str, Any], figure: str, text: Callable[[Any], str]) -> str:
    if f"ours_{figure}" not in row:
        return units.MISSING
    return f"{text(row[f'baseline_{figure}'])} / {text(row[f'ours_{figure}'])}"


def recipe_search() -> str:
    """Every trial on held-out images."""
    document = read("recipe-search.json")
    heads = (
        "network",
        "dropout",
        "epochs",
        "batch",
        "peak rate",
        "shift",
        "rotation",
        "scaling",
        "smoothing",
        "betas",
        "initialization",
        "errors of 10,000",
    )
    rows = tuple(
        (
            f"`{trial['name']}`",
            f"{trial['dropout']:g}" if trial["dropout"] else units.MISSING,
            str(trial["epochs"]),
            str(trial["batch_size"]),
            f"{trial['learning_rate']:g}",
            *(
                f"{trial[key]:g}" if trial[key] else units.MISSING
                for key in ("max_shift", "max_rotation", "max_scaling", "label_smoothing")
            ),
            ", ".join(f"{beta:g}" for beta in trial["betas"]),
            trial["initialization"],
            ", ".join(map(str, trial["num_errors"])),
        )
        for trial in document["trials"]
    )
    columns = tuple(Column(head, right=position > 0) for position, head in enumerate(heads))
    return markdown(Sheet("", columns, rows, f"On {machine(document['environment'])}."))


def test_set_looks() -> str:
    """Every run on the test images after which a setting was chosen again."""
    document = read("recipe-search.json")
    lines = []
    for trial in document["looks_at_test_set"]:
        paper = find(trial["name"]).paper
        published = f" (paper: {paper.error:.2%})" if paper else ""
        rates = ", ".join(f"{num_errors / document['num_images']:.2%}" for num_errors in trial["num_errors"])
        seeds = ", ".join(map(str, trial["seeds"]))
        settings = ", ".join(
            (
                f"dropout {trial['dropout']:g}",
                f"{trial['epochs']} epochs",
                f"peak rate {trial['learning_rate']:g}",
                f"shift {trial['max_shift']}",
            )
        )
        lines.append(f"- `{trial['name']}` with {settings}, seed {seeds}: {rates}{published}.\n")
    return "".join(lines)


def bundled_models() -> str:
    """The models that come with the package."""
    columns = (
        Column("name", right=False),
        Column("parameters"),
        Column("size"),
        Column("test error %"),
        Column("95% interval"),
        Column("paper %"),
    )
    rows = tuple(
        (
            f"`{entry.name}`",
            units.count(entry.num_parameters),
            units.size(entry.size_bytes),
            units.percent(entry.metrics["error_rate"]),
            units.interval(entry.metrics["error_rate_low"], entry.metrics["error_rate_high"]),
            units.percent(entry.paper_error),
        )
        for entry in read_manifest(bundled_zoo())
    )
    return markdown(Sheet("", columns, rows))


def accuracy() -> str:
    """The 29 networks over seeds, from the published runs."""
    summaries = summarize(read_published().runs, NETWORKS)
    return markdown(results_sheet(summaries)) + "".join(f"\n{note}\n" for note in results_notes(summaries))


def claims() -> str:
    """The paper's claims, judged by the published runs."""
    return markdown(claims_sheet(check_claims(read_published().runs)))


def networks() -> str:
    """The catalogue."""
    return "\n".join(markdown(sheet, level=4) for sheet in networks_sheets(NETWORKS))


def command_line() -> str:
    """docs/cli.md: the help of every command."""
    parts = ["# Command line\n\nWritten by `make docs` from the commands themselves.\n"]

    def add(command: click.Command, name: str, parent: click.Context | None) -> None:
        context = click.Context(command, info_name=name, parent=parent, max_content_width=80, terminal_width=80)
        path = context.command_path
        parts.append(f"## {path}\n\n```text\n{command.get_help(context)}\n```\n")
        if isinstance(command, click.Group):
            for child_name, child in sorted(command.commands.items()):
                add(child, child_name, context)

    add(root, "mnistbench", None)
    return "\n".join(parts)


def json_documents() -> str:
    """docs/json.md: the fields of every result, from the classes themselves."""
    parts = [JSON_HEAD]
    package = TOP / "mnistbench"
    results = (
        "environment",
        "training",
        "record",
        "state",
        "evaluation",
        "latency",
        "gpus",
        "precision",
        "tuning",
        "breakdown",
        "verdict",
        "load",
        "diagnosis",
    )
    files = (*(f"results/{stage}.py" for stage in results), "artifacts.py", "training/states.py")
    for file in files:
        parts += [
            _fields(node)
            for node in ast.parse((package / file).read_text(encoding="utf-8")).body
            if isinstance(node, ast.ClassDef) and {ast.Assign, ast.AnnAssign} <= {type(s) for s in node.body}
        ]
    return "\n".join(parts)


def _fields(node: ast.ClassDef) -> str:
    kind = next(ast.literal_eval(s.value) for s in node.body if isinstance(s, ast.Assign))
    columns = (Column("key", right=False), Column("type", right=False), Column("meaning", right=False))
    rows: list[tuple[str, ...]] = []
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            rows.append((f"`{statement.target.id}`", f"`{ast.unparse(statement.annotation)}`", ""))
        elif rows and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            meaning = " ".join(str(statement.value.value).split()).replace("``", "`")
            rows[-1] = (*rows[-1][:2], meaning)
    summary = (ast.get_docstring(node) or "").replace("``", "`")
    return f"## `{kind}`\n\n{summary}\n\n" + markdown(Sheet("", columns, tuple(rows)))


SECTIONS: dict[str, Callable[[], str]] = {
    "table4": lambda: reproduction("reproduce-table4.json"),
    "epoch-ratios": lambda: ratios("epoch-ratios.json", "plain loop"),
    "speedrun": lambda: ratios("speedrun.json", "published"),
    "bundled-models": bundled_models,
    "results": accuracy,
    "claims": claims,
    "networks": networks,
    "same-or-slower": same_or_slower,
    "noise": noise,
    "overhead": overhead,
    "agreement": agreement,
    "zoo-latency": zoo_latency,
    "zoo-providers": zoo_providers,
    "precisions": precisions,
    "engines": engines,
    "slots": slots,
    "faults": faults,
    "normaliser": normaliser,
    "pictures": picture_set,
    "many-pictures": many_pictures,
    "recipe-search": recipe_search,
    "test-set-looks": test_set_looks,
}


def render_sections(text: str) -> str:
    """A document with every marked section replaced."""

    def replace(match: re.Match[str]) -> str:
        return f"{match[1]}\n\n{SECTIONS[match[2]]()}\n{match[3]}"

    pattern = r"(<!-- generated: ([a-z0-9-]+) -->).*?(<!-- end of generated -->)"
    return re.sub(pattern, replace, text, flags=re.DOTALL)


def main() -> int:
    """Write, or with ``--check`` compare."""
    marked = [
        TOP / "README.md",
        TOP / "docs" / "recipes.md",
        TOP / "docs" / "benchmarking.md",
        TOP / "docs" / "latency.md",
        TOP / "docs" / "pictures.md",
        TOP / "docs" / "reliability.md",
        TOP / "docs" / "scale.md",
    ]
    wanted = {
        **{path: render_sections(path.read_text(encoding="utf-8")) for path in marked},
        TOP / "docs" / "cli.md": command_line(),
        TOP / "docs" / "json.md": json_documents(),
    }
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    old_pictures = [picture for picture in pictures(TOP / "docs") if not picture.is_fresh()]
    if "--check" in sys.argv[1:]:
        for path in (*stale, *(picture.path for picture in old_pictures)):
            print(f"{path.relative_to(TOP)} is stale; run: make docs", file=sys.stderr)
        return 1 if stale or old_pictures else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(TOP)}")
    for picture in old_pictures:
        picture.write()
        print(f"drew {picture.path.relative_to(TOP)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
