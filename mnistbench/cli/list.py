"""``mnistbench list``: the paper's networks and what is derived from them."""

from __future__ import annotations

from typing import Any

import click

from mnistbench import catalog
from mnistbench.catalog import Network
from mnistbench.cli.options import debug_option, dropout_option, json_option, names_argument
from mnistbench.cli.output import print_json, print_sheets


@click.command("list", epilog="Example: mnistbench list table5", short_help="Show the networks and their sizes.")
@names_argument("[NAMES]...", required=False)
@dropout_option
@json_option
@debug_option
def list_command(names: tuple[str, ...], dropout: float | None, as_json: bool) -> None:
    """Show networks: notation, parameters, MACs, the paper's error.

    Without NAMES, the 29 networks of the paper.
    """
    networks = catalog.resolve(names or ("all",), dropout=dropout)
    if as_json:
        print_json([_row(network) for network in networks])
        return
    from mnistbench.report.sheets import networks_sheets

    print_sheets(networks_sheets(networks))


def _row(network: Network) -> dict[str, Any]:
    paper = network.paper
    return {
        "name": network.name,
        **network.spec.as_dict(),
        "table": paper.table if paper else None,
        "row": paper.row if paper else None,
        "paper_error": paper.error if paper else None,
        "paper_dropout": paper.dropout if paper else None,
        "num_parameters": network.spec.num_parameters,
        "macs": network.spec.macs,
        "aliases": list(network.aliases),
    }
