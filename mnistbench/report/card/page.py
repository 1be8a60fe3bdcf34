"""A card put together: its Markdown and the pictures beside it, as texts by the name of their files.

The same facts always give the same bytes. Writes nothing.
"""

from __future__ import annotations

from mnistbench.report.card.facts import CardFacts
from mnistbench.report.card.sections import architecture, errors, latency, overview, training
from mnistbench.report.card.use import intended_use, licence, loading
from mnistbench.report.card.words import file_stem, plain
from mnistbench.report.drawings.architecture import draw_architecture
from mnistbench.report.drawings.confusion import draw_confusion


def model_card(facts: CardFacts, stem: str | None = None) -> dict[str, str]:
    """The files of a card; the Markdown, which names the others, is the last.

    Args:
        facts: Of one model.
        stem: Beginning of the files' names; made of the model's name when ``None``.
    """
    stem = file_stem(facts.name) if stem is None else stem
    files: dict[str, str] = {}
    drawn = []
    for number, (name, spec) in enumerate(facts.drawn, start=1):
        file = f"{stem}-architecture{f'-{number}' if len(facts.drawn) > 1 else ''}.svg"
        files[file] = draw_architecture(spec, name)
        drawn.append((file, name))
    confusion = None
    if facts.evaluation.confusion is not None:
        confusion = f"{stem}-confusion.svg"
        files[confusion] = draw_confusion(facts.evaluation.confusion, facts.name)
    sections = {
        "": overview(facts),
        "Architecture": architecture(facts, tuple(drawn)),
        "Training": training(facts),
        "Errors": errors(facts, confusion),
        "Latency": latency(facts),
        "Intended use and known limits": intended_use(facts),
        "Loading it in Python": loading(facts),
        "Licence": licence(facts),
    }
    description = facts.metadata.get("description")
    parts = [f"# Model card: {plain(facts.name)}\n"]
    parts += [f"{plain(description)}\n"] if description else []
    parts += [f"## {title}\n\n{text}" if title else text for title, text in sections.items()]
    files[f"{stem}.md"] = "\n".join(parts)
    return files
