"""The user's folder for what was fetched once and can be fetched again.

Knows nothing of what is kept there. Needs platformdirs, and that only when asked.
"""

from __future__ import annotations

from pathlib import Path

from mnistbench.errors import DataError

_FOLDER = "mnistbench"


def user_cache_dir() -> Path:
    """The absolute path of the folder; it need not exist.

    Raises:
        DataError: When the system does not say where it is: a user without a home, as containers have them.
    """
    import platformdirs

    try:
        folder = platformdirs.user_cache_path(_FOLDER, appauthor=False)
    except (RuntimeError, OSError, KeyError):
        problem = "this user has no home folder"
    else:
        if folder.is_absolute():
            return folder
        problem = f"{str(folder)!r} is no absolute path"
    raise DataError(
        f"cannot tell where the user's cache is: {problem}; set XDG_CACHE_HOME (or HOME) to the absolute path of a "
        "folder that can be written, or name a folder with the data with --data-dir or MNISTBENCH_DATA"
    )
