"""The command group, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

import click

from mnistbench._version import __version__
from mnistbench.cli.bench import bench
from mnistbench.cli.breakdown import breakdown
from mnistbench.cli.card import card
from mnistbench.cli.compare import compare_accuracy
from mnistbench.cli.compare_runs import compare
from mnistbench.cli.data import data
from mnistbench.cli.demo import demo
from mnistbench.cli.doctor import doctor
from mnistbench.cli.embed import embed
from mnistbench.cli.ensemble import ensemble
from mnistbench.cli.evaluate import evaluate
from mnistbench.cli.export import export
from mnistbench.cli.list import list_command
from mnistbench.cli.load import load
from mnistbench.cli.precisions import precisions
from mnistbench.cli.predict import predict
from mnistbench.cli.report import report
from mnistbench.cli.reproduce import reproduce
from mnistbench.cli.results import results
from mnistbench.cli.runs import runs
from mnistbench.cli.train import train
from mnistbench.errors import (
    CombinationError,
    MissingExtraError,
    MnistbenchError,
    NotationError,
    UnknownDeviceError,
    UnknownNetworkError,
)
from mnistbench.report.sheet import one_line

FAILED = 1
USAGE = 2
SOME_FAILED = 3
INTERRUPTED = 130

_EXTRA_OF_MODULE = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "matplotlib": "plots",
}


class Root(click.Group):
    """A group whose commands never print a traceback unless asked to."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run and exit with a documented code; ``standalone_mode=False`` lets errors through."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        given = list(sys.argv[1:] if args is None else args)
        _end_as_interrupted()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a dash that the stream cannot say is no reason to fail
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, obj=given, **extra)
        except click.UsageError as error:
            _complain_of_usage(error)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _complain(error.format_message())
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort) as error:
            # click turns KeyboardInterrupt into Abort; what was interrupted stands in the cause.
            _complain(str(error.__cause__ or error) or "interrupted", label="")
            sys.exit(INTERRUPTED)
        except Exception as error:
            if "--debug" in given or os.environ.get("MNISTBENCH_DEBUG"):
                raise
            sys.exit(_explain(error))
        sys.exit(code if isinstance(code, int) else 0)


def _end_as_interrupted() -> None:
    """Treat a request to end as Ctrl-C, so that children are ended and what was done is kept."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # Only the main thread may, and what the caller has set stays.
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)


def _explain(error: Exception) -> int:
    """Print one line for an error and return the exit code."""
    match error:
        case BrokenPipeError():
            # The reader of our output has gone; what is still buffered has no reader either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        case UnknownNetworkError() | NotationError() | UnknownDeviceError() | CombinationError():
            _complain(str(error))
            return USAGE
        case MnistbenchError():
            _complain(str(error))
        case ModuleNotFoundError() if error.name in _EXTRA_OF_MODULE:
            _complain(str(MissingExtraError(_EXTRA_OF_MODULE[error.name], error.name)))
        case OSError():
            where = f"cannot use {error.filename}: " if error.filename else ""
            _complain(f"{where}{error.strerror or error}; free it, or name another place (see --help)")
        case MemoryError():
            _complain("out of memory; try smaller batches or fewer networks")
        case _:
            _complain(
                f"internal error: {type(error).__name__}: {error}; run again with --debug and report what it prints"
            )
    return FAILED


def _complain_of_usage(error: click.UsageError) -> None:
    """Say how a command is used and what is wrong with this use, on one line as :func:`_complain` does."""
    if error.ctx is None or error.message != error.ctx.get_help():  # which it is where nothing was asked for
        vars(error)["message"] = one_line(error.message)
    error.show()


def _complain(text: str, label: str = "error: ") -> None:
    # A file's name can hold newlines and escape codes; an error stays one plain line.
    click.echo(f"{label}{one_line(text)}", err=True)


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Example: mnistbench reproduce quick",
)
@click.version_option(__version__, prog_name="mnistbench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def root(debug: bool) -> None:
    """Train the MNIST networks of a paper, export them to ONNX and measure them.

    NAMES are names of networks (see 'mnistbench list'), aliases such as lenet5,
    groups such as table4, quick or all, or any notation such as 24-P-48-P-96-10.

    Exit codes: 0 done, 1 failed, 2 wrong usage or unknown name, 3 some of
    several networks failed or could not be compared, 4 'compare' found something
    slower or 'load' missed its bound, 130 interrupted.
    """
    # Read from the arguments by Root.main, since an error can come before any option is parsed.
    _ = debug


_COMMANDS = (
    list_command,
    data,
    train,
    runs,
    export,
    ensemble,
    embed,
    demo,
    evaluate,
    predict,
    bench,
    precisions,
    breakdown,
    compare,
    report,
    card,
    load,
    reproduce,
    results,
    compare_accuracy,
    doctor,
)
for _command in _COMMANDS:
    root.add_command(_command)
