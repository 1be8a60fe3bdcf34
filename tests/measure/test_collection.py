from __future__ import annotations

import gc

import pytest

from mnistbench.measure.collection import without_collection


@pytest.fixture(autouse=True)
def as_before():
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("error", [None, ValueError])
def test_there_is_no_collection_within_and_all_is_as_before_afterwards(enabled, error) -> None:
    (gc.enable if enabled else gc.disable)()
    frozen = gc.get_freeze_count()
    counts = [stage["collections"] for stage in gc.get_stats()]
    try:
        with without_collection():
            counts = [stage["collections"] for stage in gc.get_stats()]
            many = [[] for _ in range(100_000)]
            assert [stage["collections"] for stage in gc.get_stats()] == counts
            assert many
            if error is not None:
                raise error
    except ValueError:
        assert error is not None
    assert gc.isenabled() == enabled
    assert gc.get_freeze_count() == frozen == 0
