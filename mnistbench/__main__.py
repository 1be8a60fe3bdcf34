"""``python -m mnistbench`` is the same as ``mnistbench``."""

from mnistbench.cli import main

main()
