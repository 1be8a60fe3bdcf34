"""Was a run trained as its recipe says, with nothing changed by an option or by an older version?

Only such runs may stand under the recipe's name in a table. Knows nothing of torch.
"""

from __future__ import annotations

from typing import Literal, cast

from mnistbench import catalog
from mnistbench.data.sources import MNIST
from mnistbench.errors import MnistbenchError
from mnistbench.results import RunRecord
from mnistbench.training.job import Precision, make_job
from mnistbench.training.recipes import find_recipe


def follows_recipe(run: RunRecord) -> bool:
    """Whether the hash of a run's configuration is that of its recipe, as both are today.

    The hash covers everything that decides the weights, the revision of the
    training code included. Device and precision are the run's own.
    """
    if run.dataset != MNIST.name or run.precision not in ("float32", "bfloat16"):
        return False
    try:
        job = make_job(
            catalog.find(run.name),
            find_recipe(run.recipe),
            dataset=MNIST.name,
            dataset_sha256=MNIST.combined_sha256(),
            device=cast(Literal["cpu", "cuda"], run.device.partition(":")[0]),
            precision=cast(Precision, run.precision),
            seed=run.seed,
        )
    except MnistbenchError:  # a network or recipe of another version
        return False
    return job.key == run.job
