"""In what a run differs from its recipe, for people to read. Knows nothing of torch or numpy."""

from __future__ import annotations

from mnistbench import catalog
from mnistbench.errors import MnistbenchError
from mnistbench.results import RunState
from mnistbench.training.recipes import find_recipe


def changed_settings(run: RunState) -> dict[str, float | str]:
    """What of a run's settings is not its recipe's, by name; empty where they agree or cannot be compared."""
    try:
        network, recipe = catalog.find(run.name), find_recipe(run.recipe or "")
    except MnistbenchError:  # a folder of another name, or a recipe of another version
        return {}
    settings = recipe.settings(network.spec)
    pairs: tuple[tuple[str, float | str | None, float | str], ...] = (
        ("epochs", run.epochs, settings.epochs),
        ("learning rate", run.learning_rate, settings.learning_rate),
        ("batch size", run.batch_size, recipe.batch_size),
        ("max shift", run.max_shift, settings.max_shift),
        ("max rotation", run.max_rotation, settings.max_rotation),
        ("max scaling", run.max_scaling, settings.max_scaling),
        ("label smoothing", run.label_smoothing, settings.label_smoothing),
        ("initialization", run.initialization, settings.initialization),
        ("dropout", run.dropout, network.spec.dropout),
    )
    return {name: value for name, value, usual in pairs if value is not None and value != usual}
