"""How networks are trained, as data: optimiser, schedule, epochs, choice of the epoch.

Knows nothing of torch. How each setting was chosen stands beside it; the test
set chose none of those in ``default``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from mnistbench.errors import TrainingError
from mnistbench.spec import NetworkSpec

ADAM_BETAS = (0.9, 0.999)
"""Adam's own defaults. Source: Kingma and Ba 2014."""

Family = Literal["narrow", "dense", "wide", "convolutional", "deep"]

Initialization = Literal["torch", "glorot", "he"]
"""Distribution of the initial weights, all uniform around 0.

``torch``: its defaults, variance ``1 / (3 * fan_in)``, biases alike. ``glorot``: variance
``2 / (fan_in + fan_out)``, biases 0, Keras' default; Glorot and Bengio 2010. ``he``: variance
``2 / fan_in``, biases 0, which keeps the scale of the signal through layers with ReLU; He et al. 2015.
"""

INITIALIZATIONS: tuple[Initialization, ...] = get_args(Initialization)


@dataclass(frozen=True)
class Settings:
    """What differs between the families of networks within one recipe.

    Attributes:
        epochs: Passes over the training images.
        learning_rate: Constant, or the peak of the cycle.
        max_shift: Random shift of each training image along each axis, at most so many pixels.
        max_rotation: Random turn of each training image either way, at most so many degrees.
        max_scaling: Random change of each training image's width and height, each by itself: with 0.1 they become
            1/1.1 to 1/0.9 of what they were.
        label_smoothing: Part of each target that is spread evenly over the ten classes.
        initialization: Distribution of the initial weights.
    """

    epochs: int
    learning_rate: float
    max_shift: int = 0
    label_smoothing: float = 0.0
    initialization: Initialization = "torch"
    max_rotation: float = 0.0
    max_scaling: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A complete way to train any network.

    Attributes:
        optimizer: Adam, or AdamW with decoupled weight decay.
        betas: Adam's memory of the gradient and of its square.
        schedule: Constant rate, or one cycle: a linear rise, then a cosine to nothing.
        selection: ``last`` takes the weights after the last epoch; ``best_on_test``
            takes the epoch with the fewest test errors, which flatters the result.
        families: Settings for each family of networks.
    """

    name: str
    summary: str
    optimizer: Literal["adam", "adamw"]
    betas: tuple[float, float]
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
    more epochs; wide ones (1,000 units or more) overfit and need fewer. Deep ones
    have more than two convolutions.
    """
    if spec.convolutions:
        return "deep" if len(spec.convolutions) > 2 else "convolutional"
    widths = spec.hidden_widths or (10,)
    if min(widths) <= 16:
        return "narrow"
    return "wide" if max(widths) >= 1000 else "dense"


FAMILIES: tuple[Family, ...] = get_args(Family)

SPEEDRUN_NETWORK = "8-P-32-P-128-10-k5.3p0.0"
"""What the recipe ``speedrun`` is made for: few operations, and hardly more of them bound by memory."""

PAPER = Recipe(
    name="paper",
    summary="the paper's own set-up: Adam at 0.001, batches of 128; the best epoch on the test set is reported",
    optimizer="adam",
    betas=ADAM_BETAS,
    weight_decay=0.0,
    schedule="constant",
    batch_size=128,
    selection="best_on_test",
    # The paper trains "5 epochs at a time" and sees overfitting from 10 to 15; its learning rate is Adam's default.
    # Initial weights are Keras' defaults, as the paper used Keras.
    families=dict.fromkeys(FAMILIES, Settings(15, 0.001, initialization="glorot")),
)

DEFAULT = Recipe(
    name="default",
    summary="AdamW, one-cycle rate, a fixed number of epochs; the last epoch counts, the test set decides nothing",
    optimizer="adamw",
    betas=ADAM_BETAS,
    weight_decay=0.01,
    schedule="one_cycle",
    batch_size=128,
    selection="last",
    # Chosen on 10,000 held-out training images (--validation); bench/results/recipe-search.json has every trial.
    families={
        "narrow": Settings(20, 0.02),
        "dense": Settings(15, 0.008),
        "wide": Settings(10, 0.003),
        "convolutional": Settings(10, 0.006, max_shift=1),
        "deep": Settings(20, 0.003, max_shift=2, max_rotation=10, max_scaling=0.1, initialization="he"),
    },
)

SPEEDRUN = Recipe(
    name="speedrun",
    summary=f"one epoch, for 99% as soon as possible; made for {SPEEDRUN_NETWORK}",
    optimizer="adamw",
    # A short memory suits 469 steps in all.
    betas=(0.7, 0.9),
    weight_decay=0.01,
    schedule="one_cycle",
    batch_size=128,
    selection="last",
    families=dict.fromkeys(FAMILIES, Settings(1, 0.01, label_smoothing=0.1)),
)

RECIPES: tuple[Recipe, ...] = (DEFAULT, PAPER, SPEEDRUN)
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
