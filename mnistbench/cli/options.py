"""Options that several commands share; each means the same everywhere."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnistbench.runtime.threads import MOST_THREADS

MOST_SEEDS = 1000
"""In one command; more is a slip of the keyboard."""

NO_PATH = "the path is empty; name a file or folder, or '.' for the current one"
"""What is wrong with an empty text where a path is expected."""

Function = TypeVar("Function", bound=Callable[..., Any])


if TYPE_CHECKING:
    _Path = click.Path[Path]
else:  # older versions of click have no type in brackets
    _Path = click.Path


class FiniteRange(click.FloatRange):
    """Numbers of a range, which NaN is not: it passes every comparison with the ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number


class PathType(_Path):
    """Paths, which an empty text is not: Python takes it for the current folder, which nobody has named.

    Args:
        exists: Whether only what is there can be named.
        file_okay: Whether it may be a file.
        dir_okay: Whether it may be a folder.
    """

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or a usage error."""
        if value == "":
            self.fail(NO_PATH, param, ctx)
        return super().convert(value, param, ctx)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
debug_option = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
data_dir_option = click.option(
    "--data-dir",
    type=PathType(),
    envvar="MNISTBENCH_DATA",
    show_envvar=True,
    help="Folder with the four IDX files, raw or .gz. Default: the user's cache, filled by download.",
)
work_dir_option = click.option(
    "--work-dir",
    type=PathType(),
    envvar="MNISTBENCH_WORK",
    show_envvar=True,
    default=Path("runs"),
    show_default=True,
    help="Folder for training runs, exported models and results.",
)
dropout_option = click.option(
    "--dropout",
    type=FiniteRange(0, 1, max_open=True),
    help="Dropout rate of the hidden fully connected layers, in place of what the names say.",
)


device_option = click.option(
    "--device", help="cpu, cuda, cuda:N, or all: the CPU and every NVIDIA GPU. Default: cpu, or the provider's."
)
providers_option = click.option(
    "--provider",
    "providers",
    metavar="NAME",
    callback=lambda _context, _parameter, text: () if text is None else words(text, "--provider"),
    help="cpu, cuda, tensorrt, openvino, or any other that is installed; several with commas.",
)


quick_option = click.option("--quick", is_flag=True, help="A tenth of the time: enough to look, too little to publish.")
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help="Threads within an operator. Default: every usable processor.",
)
spin_option = click.option(
    "--spin/--no-spin", default=True, show_default=True, help="Whether idle threads wait busily."
)


def names_argument(metavar: str = "NAMES...", *, required: bool = True) -> Callable[[Function], Function]:
    """The networks (or files) a command works on."""
    return click.argument("names", nargs=-1, required=required, metavar=metavar, shell_complete=_complete_names)


def precisions_option(text: str, *, default: str | None = None) -> Callable[[Function], Function]:
    """Precisions that a command works on; ``text`` is its help."""

    def read(_context: click.Context, _parameter: click.Parameter, given: str | None) -> tuple[str, ...]:
        from mnistbench.errors import UnknownNetworkError
        from mnistbench.precisions import check_precision

        try:
            return () if given is None else tuple(dict.fromkeys(map(check_precision, words(given, "--precision"))))
        except UnknownNetworkError as error:
            raise click.BadParameter(str(error), param_hint="--precision") from None

    return click.option(
        "--precision",
        "precisions",
        metavar="NAME",
        default=default,
        show_default=default is not None,
        callback=read,
        help=text,
    )


def without_precision(names: Sequence[str]) -> None:
    """Refuse ``lenet5@int8`` where ``--precision`` says it.

    Raises:
        click.BadParameter: When a name has a precision.
    """
    for name in names:
        if "@" in name:
            raise click.BadParameter(f"{name!r} says a precision; here --precision does, for all networks")


def combined(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Several option decorators as one, shown in ``--help`` in the order given."""

    def decorate(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def with_folders(*command: str, work_dir: Path, data_dir: Path | None = None) -> str:
    """A command to be typed next, with the same folders as the one that names it."""
    words = ["mnistbench", *command]
    if work_dir != Path("runs"):
        words += ["--work-dir", str(work_dir)]
    if data_dir is not None:
        words += ["--data-dir", str(data_dir)]
    return shlex.join(words)


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """Positive integers from ``1,32,256``.

    Raises:
        click.BadParameter: When one is not a positive integer.
    """
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise click.BadParameter(f"{text!r} is not a list of positive integers such as 1,32,256", param_hint=option)
    return tuple(dict.fromkeys(numbers))


def words(text: str, option: str) -> tuple[str, ...]:
    """Names from ``e2e,bound``, each once, in the order given.

    Raises:
        click.BadParameter: When one is empty.
    """
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise click.BadParameter(f"{text!r} is not a list of names separated by commas", param_hint=option)
    return tuple(dict.fromkeys(parts))


def seed_numbers(text: str, option: str = "--seeds") -> tuple[int, ...]:
    """Seeds from ``0..4``, ``0,2,5`` or ``0..2,7``, each once, in the order given; both ends count.

    Raises:
        click.BadParameter: When one is not a whole number below 2**32, a range
            runs backwards, or there are too many.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        first, dots, last = (piece.strip() for piece in part.partition(".."))
        ends = (first, last if dots else first)
        # int() would take signs, underscores and the digits of other scripts.
        if not all(end.isascii() and end.isdecimal() and len(end) <= 10 for end in ends):
            raise click.BadParameter(f"{text!r} is not a list of seeds such as 0..4 or 0,2,5", param_hint=option)
        low, high = map(int, ends)
        too_many = click.BadParameter(f"{text!r:.60} is more than {MOST_SEEDS} seeds", param_hint=option)
        if not low <= high < 2**32:
            raise click.BadParameter(
                f"{part.strip()!r} is no range of seeds; expected a smaller number first, and below 2**32",
                param_hint=option,
            )
        if high - low >= MOST_SEEDS:  # before a range of thousands of millions is written out
            raise too_many
        seeds.update(dict.fromkeys(range(low, high + 1)))
        if len(seeds) > MOST_SEEDS:
            raise too_many
    return tuple(seeds)


def _complete_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from mnistbench import catalog

    names = [*(n.name for n in catalog.NETWORKS), *(a for n in catalog.NETWORKS for a in n.aliases), *catalog.GROUPS]
    return [name for name in names if name.lower().startswith(incomplete.lower())]
