"""Jobs whose runs tests of stores send, and a look into a store."""

from __future__ import annotations

from collections.abc import Callable

from tiny import tiny_job

from mnistbench.training.stores import Store

JOBS = tuple(tiny_job(seed=seed, epochs=2) for seed in range(2))


def inside(store: Store) -> dict[str, Callable[[bytes | None], None]]:
    """How to replace or remove each file of a store, by its name."""
    import fsspec

    files, root = fsspec.core.url_to_fs(store.url)

    def change(path: str) -> Callable[[bytes | None], None]:
        return lambda content: files.rm(path) if content is None else files.pipe_file(path, content)

    return {path.rsplit("/", 1)[1]: change(path) for path in files.find(root)}
