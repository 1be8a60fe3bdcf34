"""How networks are trained, as data: optimiser, schedule, epochs, choice of the epoch.

Knows nothing of torch. How each setting was chosen stands beside it; the test
set chose none of those in ``default``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mnistbench.errors import TrainingError
from mnistbench.spec import NetworkSpec

Family = Literal["narrow", "dense", "wide", "convolutional"]


@dataclass(frozen=True)
class Settings:
    """What differs between the families of networks within one recipe.

    Attributes:
        epochs: Passes over the training images.
        learning_rate: Constant, or the peak of the cycle.
    """

    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class Recipe:
    """A complete way to train any network.

    Attributes:
        optimizer: Adam, or AdamW with decoupled weight decay.
        schedule: Constant rate, or one cycle: a linear rise, then a cosine to nothing.
        selection: ``last`` takes the weights after the last epoch; ``best_on_test``
            takes the epoch with the fewest test errors, which flatters the result.
        families: Settings for each family of networks.
    """

    name: str
    summary: str
    optimizer: Literal["adam", "adamw"]
    weight_decay: float
    schedule: Literal["constant", "one_cycle"]
    batch_size: int
    selection: Literal["last", "best_on_test"]
    families: Mapping[Family, Settings]

    def settings(self, spec: NetworkSpec) -> Settings:
        """Epochs and learning rate for one network."""
        return self.families[family(spec)]


def family(spec: NetworkSpec) -> Family:
    """The kind of network, by what limits its training.

    Narrow networks (a hidden layer of 16 units or fewer) underfit and gain from
    more epochs; wide ones (1,000 units or more) overfit and need fewer.
    """
    if spec.convolutions:
        return "convolutional"
    widths = spec.hidden_widths or (10,)
    if min(widths) <= 16:
        return "narrow"
    return "wide" if max(widths) >= 1000 else "dense"


PAPER = Recipe(
    name="paper",
    summary="the paper's own set-up: Adam at 0.001, batches of 128; the best epoch on the test set is reported",
    optimizer="adam",
    weight_decay=0.0,
    schedule="constant",
    batch_size=128,
    selection="best_on_test",
    # The paper trains "5 epochs at a time" and sees overfitting from 10 to 15; its learning rate is Adam's default.
    families=dict.fromkeys(("narrow", "dense", "wide", "convolutional"), Settings(15, 0.001)),
)

DEFAULT = Recipe(
    name="default",
    summary="AdamW, one-cycle rate, a fixed number of epochs; the last epoch counts, the test set decides nothing",
    optimizer="adamw",
    weight_decay=0.01,
    schedule="one_cycle",
    batch_size=128,
    selection="last",
    # Peak rates: three were tried for 16-10, 64-64-10, 128-10, 1000-500-10 and LeNet-5, one seed each, on 10,000
    # held-out training images (--validation); each is the best of its three or close to it. The convolutional rate
    # stays below LeNet-5's best, 0.008, for the sake of the deeper networks. Epochs were not tried.
    families={
        "narrow": Settings(20, 0.02),
        "dense": Settings(15, 0.008),
        "wide": Settings(10, 0.003),
        "convolutional": Settings(10, 0.003),
    },
)

RECIPES: tuple[Recipe, ...] = (DEFAULT, PAPER)
"""Every recipe, the one used by default first."""


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        TrainingError: When there is none.
    """
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise TrainingError(f"unknown recipe {name!r}; expected one of {', '.join(recipe.name for recipe in RECIPES)}")
