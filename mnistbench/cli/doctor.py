"""``mnistbench doctor``: what is installed, what each device really runs, what is missing and how to mend it."""

from __future__ import annotations

from pathlib import Path

import click

from mnistbench.cli.options import data_dir_option, debug_option, json_option, work_dir_option
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results


@click.command(epilog="Example: mnistbench doctor --json", short_help="Say what each device runs, and what is missing.")
@data_dir_option
@work_dir_option
@json_option
@debug_option
def doctor(data_dir: Path | None, work_dir: Path, as_json: bool) -> int:
    """Say what is installed, what each device really runs, and what is missing.

    Models are run on every device by every provider, each in a process of its
    own, and their answers compared with the CPU's. Nothing is changed or
    downloaded. Below the tables stand the commands that mend what can be mended.

    The exit code is 1 when something is broken; what is optional, such as a GPU,
    may be missing.
    """
    with stdout_for_results(as_json):
        from mnistbench.measure.doctor import examine

        diagnosis = examine(work_dir=work_dir, data_dir=data_dir, on_step=lambda place: say(f"trying {place}"))
    if as_json:
        print_json(diagnosis.as_dict())
    else:
        from mnistbench.report.doctor_sheets import doctor_sheets, remedy_lines, summary_line

        print_sheets(doctor_sheets(diagnosis))
        if lines := remedy_lines(diagnosis):
            # Past the tables' console, which would break a command that is longer than the screen is wide.
            click.echo("\n".join(("", *lines)))
        say(summary_line(diagnosis))
    return 0 if diagnosis.is_sound else 1
