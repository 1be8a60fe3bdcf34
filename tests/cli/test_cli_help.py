from __future__ import annotations

import re
import subprocess
import sys

import pytest

from mnistbench.cli import root

COMMANDS = [
    ["list"],
    ["data"],
    ["data", "show"],
    ["train"],
    ["runs"],
    ["export"],
    ["ensemble"],
    ["embed"],
    ["demo"],
    ["evaluate"],
    ["predict"],
    ["bench"],
    ["precisions"],
    ["breakdown"],
    ["compare"],
    ["report"],
    ["card"],
    ["load"],
    ["reproduce"],
    ["results"],
    ["compare-accuracy"],
    ["doctor"],
]

WITHOUT_HEAVY_PACKAGES = """
import sys
heavy = ("numpy", "torch", "onnx", "onnxruntime", "rich", "PIL", "pooch", "safetensors", "requests")
sys.modules.update(dict.fromkeys(heavy))  # an import of None raises
from mnistbench.cli import root
for command in {commands}:
    try:
        root.main([*command, "--help"], prog_name="mnistbench")
    except SystemExit as exit:
        assert not exit.code, (command, exit.code)
"""

LEAVES_OUT_HEAVY_PACKAGES = """
import sys
sys.argv = ["mnistbench", "--help"]
from mnistbench.cli import main
try:
    main()
except SystemExit as exit:
    assert not exit.code
heavy = {"torch", "onnx", "onnxruntime", "numpy", "rich", "PIL", "pooch"} & set(sys.modules)
assert not heavy, heavy
"""


def test_every_command_is_covered_here():
    assert {command[0] for command in COMMANDS} == set(root.commands)


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_has_an_example_that_names_the_command(cli, command):
    shown = cli(*command, "--help").succeeds().out
    example = re.search(r"Example: (mnistbench .+)", shown)
    assert example is not None
    assert example[1].startswith(" ".join(["mnistbench", *command]))
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_example_of_help_uses_options_that_exist(cli, command):
    shown = cli(*command, "--help").out
    example = re.search(r"Example: mnistbench (.+)", shown)[1]
    assert set(re.findall(r"--[a-z-]+", example)) <= set(re.findall(r"--[a-z-]+", shown.split("Example:")[0]))


def test_help_of_every_command_works_where_nothing_but_click_is_installed():
    script = WITHOUT_HEAVY_PACKAGES.format(commands=COMMANDS)
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_help_imports_nothing_heavy():
    subprocess.run([sys.executable, "-c", LEAVES_OUT_HEAVY_PACKAGES], check=True, stdout=subprocess.DEVNULL)


def test_help_says_the_exit_codes(cli):
    assert re.search(r"0\s+done, 1\s+failed, 2 .*130\s+interrupted", cli("--help").out, re.DOTALL)


def test_the_version_is_that_of_the_package(cli):
    import mnistbench

    assert mnistbench.__version__ in cli("--version").succeeds().out


def test_without_a_command_help_is_shown_as_wrong_usage(cli):
    outcome = cli()
    assert outcome.code == 2
    assert "Commands:" in outcome.out + outcome.err
