"""``mnistbench demo``: a page on which digits are drawn and read, served here or written as files."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.options import PathType, debug_option, dropout_option, json_option, names_argument, work_dir_option
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results

if TYPE_CHECKING:
    from mnistbench.demo.server import DemoServer
    from mnistbench.demo.site import Site

SHOWN = ("64-64-10", "lenet5", "32-P-32-P-100-50-10-dropout", "largest-dropout")
"""Bundled networks that the page has when none is named: one of each family, from small to large."""

FIRST_PORT = 8000
TRIED_PORTS = 20


@click.command(
    epilog="Example: mnistbench demo lenet5 largest-dropout --export page",
    short_help="Draw digits on a page in the browser.",
)
@names_argument("[NAMES|FILES...]", required=False)
@click.option(
    "--export",
    "folder",
    metavar="DIR",
    type=PathType(),
    help="Write the page as static files to DIR instead.",
)
@click.option("--force", is_flag=True, help="With --export: write into a folder that is not empty.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on; 0.0.0.0 for other machines.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 for any.  [default: the first free from 8000]")
@click.option(
    "--open/--no-open", "opens", default=None, help="Open the page in a browser.  [default: where there is one]"
)
@dropout_option
@work_dir_option
@json_option
@debug_option
def demo(
    names: tuple[str, ...],
    folder: Path | None,
    force: bool,
    host: str,
    port: int | None,
    opens: bool | None,
    dropout: float | None,
    work_dir: Path,
    as_json: bool,
) -> None:
    """Serve one page on which a digit is drawn, and networks read it.

    The page shows the exact 28x28 input while one draws, ten bars for each
    network, how long each takes in that browser, and what the paper's tables say
    of it. A picture can be dropped in place of a drawing. The networks run in the
    browser; nothing is sent or fetched from elsewhere. Ctrl-C ends it.

    Without NAMES there are the four bundled networks.
    """
    if folder is None and force:
        raise click.BadParameter("it belongs to --export", param_hint="--force")
    with stdout_for_results(as_json):
        site = _build(names, work_dir, dropout)
        if folder is not None:
            from mnistbench.embed.folder import write_folder

            write_folder(folder, site.files, force=force)
    if folder is not None:
        _tell(site, {"folder": str(folder), "files": sorted(site.files)}, f"Demo page in {folder}", as_json)
        if not as_json:
            say(f"\nAny static server shows it, such as: python3 -m http.server --directory {folder}")
        return
    _serve(site, host, port, opens, as_json)


def _build(names: tuple[str, ...], work_dir: Path, dropout: float | None) -> Site:
    """The page with these networks; with the bundled ones, whatever was exported since, when none is named.

    Raises:
        MnistbenchError: When one cannot be found, or the runtime cannot be had.
    """
    from mnistbench.artifacts import bundled_zoo
    from mnistbench.cli.sources import find_models
    from mnistbench.demo.site import build_site
    from mnistbench.demo.vendored import vendored_files
    from mnistbench.embed.model import read_model
    from mnistbench.locate import locate, locate_all
    from mnistbench.pictures.refuse import JUDGES
    from mnistbench.published import read_published

    files = find_models(names, work_dir, dropout) if names else locate_all(SHOWN, [bundled_zoo()], dropout=dropout)
    models = [read_model(file) for file in files]
    judges = [read_model(locate(name, [bundled_zoo()])) for name in JUDGES]
    return build_site(models, judges, read_published().runs, vendored_files(on_progress=say))


def _serve(site: Site, host: str, port: int | None, opens: bool | None, as_json: bool) -> None:
    """Serve the page until interrupted.

    Raises:
        click.ClickException: When the address cannot be had.
    """
    from mnistbench.demo.server import open_server

    ports = range(FIRST_PORT, FIRST_PORT + TRIED_PORTS) if port is None else (port,)
    try:
        server = open_server(host, ports, site.files)
    except OSError as error:
        where = f"{host}:{port}" if port is not None else f"{host}, ports {ports[0]} to {ports[-1]}"
        raise click.ClickException(
            f"cannot serve on {where}: {error.strerror or error}; name another --host or --port"
        ) from None
    with server:
        _tell(site, {"url": server.url}, "Demo page", as_json)
        if not as_json:
            say(f"\nThe page is at {server.url} (Ctrl-C ends it)")
        sys.stdout.flush()
        if opens if opens is not None else _has_browser():
            webbrowser.open(server.url)
        _run(server)


def _run(server: DemoServer) -> None:
    """Until interrupted; what is said of that is the command line's."""
    server.serve_forever(poll_interval=0.2)


def _has_browser() -> bool:
    """Whether someone sits here who could look at one: a terminal, and on Linux a screen."""
    if not sys.stderr.isatty():
        return False
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _tell(site: Site, where: dict[str, Any], title: str, as_json: bool) -> None:
    if as_json:
        print_json({**where, "first_load_bytes": site.first_load_bytes, "networks": list(site.networks)})
        return
    from mnistbench.report.demo_sheets import site_sheet

    print_sheets([site_sheet(site, title)])
