"""Build hook: puts onnxruntime-web into the wheel, so that ``mnistbench demo`` needs neither npm nor network.

A build without npm works too: its wheel has the page without it, and ``mnistbench demo`` then fetches it once.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorRuntime(BuildHookInterface):
    """Called by hatchling for each wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files for the wheel; an editable install has none."""
        if version == "editable":
            return
        # The package itself, of which these modules need the standard library only.
        sys.path.insert(0, self.root)
        from mnistbench.demo.vendored import CARRIED, vendored_files
        from mnistbench.errors import PackageError

        try:
            contents = vendored_files(on_progress=self.app.display_info)
        except PackageError as error:
            self.app.display_warning(f"the wheel gets no runtime for the demo page: {error}")
            return
        finally:
            sys.path.remove(self.root)
        # It removes itself when the builder ends, after the files were read.
        self._folder = tempfile.TemporaryDirectory(prefix="mnistbench-")
        target = CARRIED.relative_to(self.root).as_posix()
        for name, content in contents.items():
            path = Path(self._folder.name) / name
            path.write_bytes(content)
            build_data["force_include"][str(path)] = f"{target}/{name}"
