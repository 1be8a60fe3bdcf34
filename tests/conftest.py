from __future__ import annotations

import pytest
from tiny import make_dataset

from mnistbench.data.dataset import Dataset


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    return make_dataset()
