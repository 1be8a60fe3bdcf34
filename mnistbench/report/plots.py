"""Accuracy against parameters, and learning curves, as PNG pictures through matplotlib.

Colours and markers differ both, so that neither colour-blind eyes nor a grey
print lose a table. The same figures give the same bytes with the same
matplotlib. Needs the extra ``plots``; knows nothing of files.

Source: the colours are those of Okabe and Ito 2008.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mnistbench import catalog
from mnistbench.catalog import Network
from mnistbench.measure.stats import median
from mnistbench.measure.summary import DEFAULT_RECIPE, PAPER_RECIPE, NetworkSummary
from mnistbench.report.labels import place_labels
from mnistbench.report.sheets import TABLE_TITLES
from mnistbench.results import RunRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
WIDTH_INCHES = 8.0

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

LINE_STYLES: Mapping[str, Any] = {DEFAULT_RECIPE: "-", PAPER_RECIPE: (0, (4, 1.5))}
"""The recipes that learning curves are drawn of."""

LABELLED = {
    "16-10": "16-10",
    "64-64-10": "64-64-10",
    "1000-500-10": "1000-500-10",
    "1500-1000-500-10": "1500-1000-500-10",
    "32-P-32-10": "32-P-32-10",
    "32-P-32-P-100-50-10-dropout": "32-P-32-P-100-50-10, dropout",
    "6-P-16-P-120-84-10": "LeNet-5",
    "32-32-P-64-64-P-256-128-64-10-dropout": "largest, dropout",
}
"""Networks named in the picture, and how."""

DROPOUT_STEP = 1.08
"""Variants of a network have equally many parameters; each stands so much to the right of the one before."""

TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50, 100)
"""Errors in percent that an axis may name."""

_QUIET = "#666666"


LEGEND_LINE = 0.045
"""Height of a line of a panel's legend, as a part of the panel's."""

MOST_NAMED = 12
"""Networks that a panel's legend names; the paper's tables have fewer, one's own can be any number."""


def accuracy_against_parameters(summaries: Sequence[NetworkSummary]) -> bytes:
    """Error against parameters, both logarithmic: the paper's error joined to our median with its range.

    Args:
        summaries: Networks; those that neither the paper nor the default recipe has a figure for are left out.

    Returns:
        The bytes of a PNG file, 1200 pixels wide.
    """
    with _style():
        from matplotlib.lines import Line2D

        figure = _figure(5.4)
        axes = figure.add_subplot()
        axes.set(
            xscale="log", yscale="log", xlabel="parameters (variants with dropout moved right)", ylabel="test error, %"
        )
        variants: dict[str, int] = {}
        anchors: list[tuple[str, float, float]] = []
        points: list[tuple[float, float]] = []
        tables: list[int | None] = []
        for summary in summaries:
            network, ours = summary.network, summary.default
            if network.paper is None and ours is None:
                continue
            step = variants[network.spec.notation] = variants.get(network.spec.notation, -1) + 1
            x = network.spec.num_parameters * DROPOUT_STEP**step
            table = _table(network)
            tables.append(table)
            colour, marker = _look(table)
            ys = []
            if ours is not None:
                # As in the curves: zero has no logarithm, so half an error of one run stands for it.
                least = 0.5 * len(ours.seeds) / ours.num_images
                middle, low, high = (100 * max(v, least) for v in (ours.median_error, ours.min_error, ours.max_error))
                axes.errorbar(
                    [x], [middle], [[middle - low], [high - middle]],
                    fmt=marker, color=colour, markersize=5.5, elinewidth=1.4, capsize=2.2, zorder=3,
                )  # fmt: skip
                ys += [middle, low, high]
            if network.paper is not None:
                ys.append(100 * network.paper.error)
                axes.plot([x], [ys[-1]], marker, color=colour, markersize=5.5, markerfacecolor="white", zorder=2)
                if ours is not None:
                    axes.plot([x, x], [ys[0], ys[-1]], color=colour, linewidth=0.8, alpha=0.7, zorder=1)
            points += [(x, y) for y in ys]
            if network.name in LABELLED:
                anchors.append((LABELLED[network.name], x, ys[0]))
        axes.margins(0.06, 0.08)
        _plain_ticks(axes, [y for _, y in points])
        known = [table for table in TABLE_TITLES if table in tables]
        handles = [
            Line2D([], [], linestyle="", marker=_look(table)[1], color=_look(table)[0], label=TABLE_TITLES[table])
            for table in known
        ]
        handles += [
            Line2D([], [], linestyle="", marker="o", color=_QUIET, label="ours: median and range over seeds"),
            Line2D([], [], linestyle="", marker="o", color=_QUIET, markerfacecolor="white", label="the paper"),
        ]
        axes.legend(handles=handles, loc="upper right")
        figure.draw_without_rendering()
        place_labels(axes, anchors, points)
        return _png(figure)


def learning_curves(records: Iterable[RunRecord]) -> bytes:
    """Test error after each epoch in a panel for each of the paper's tables: median and range over seeds.

    Args:
        records: Runs; only those of the recipes ``default`` and ``paper`` are drawn.

    Returns:
        The bytes of a PNG file, 1200 pixels wide.
    """
    curves: dict[int | None, dict[str, dict[str, list[RunRecord]]]] = {}
    known = {network.name: network for network in catalog.NETWORKS}
    for record in records:
        if record.recipe in LINE_STYLES and record.epoch_errors:
            table = _table(known[record.name]) if record.name in known else None
            curves.setdefault(table, {}).setdefault(record.name, {}).setdefault(record.recipe, []).append(record)
    tables = [table for table in TABLE_TITLES if table in curves]
    columns = min(2, max(1, len(tables)))
    rows = max(1, math.ceil(len(tables) / columns))
    with _style():
        from matplotlib.lines import Line2D

        figure = _figure(0.5 + 2.9 * rows)
        for position, table in enumerate(tables, start=1):
            axes = figure.add_subplot(rows, columns, position)
            _draw_panel(axes, curves[table])
            axes.set_title(TABLE_TITLES[table], loc="left")
            if position > len(tables) - columns:
                axes.set_xlabel("epoch")
            if position % columns == 1 or columns == 1:
                axes.set_ylabel("test error, %")
        styles = [
            Line2D([], [], color=_QUIET, linestyle=style, label=f"recipe {recipe}")
            for recipe, style in LINE_STYLES.items()
            if any(recipe in found for networks in curves.values() for found in networks.values())
        ]
        figure.legend(handles=styles, loc="outside lower center", ncols=2)
        return _png(figure)


def _draw_panel(axes: Axes, networks: dict[str, dict[str, list[RunRecord]]]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    handles, shown = [], []
    order = {network.name: position for position, network in enumerate(catalog.NETWORKS)}
    for position, name in enumerate(sorted(networks, key=lambda name: (order.get(name, len(order)), name))):
        colour = COLOURS[position % len(COLOURS)]
        for recipe, runs in networks[name].items():
            length = max(len(run.epoch_errors) for run in runs)
            epochs, middles, lows, highs = [], [], [], []
            for epoch in range(1, length + 1):
                # Zero has no logarithm; half an error is below everything that can be seen.
                errors = [
                    100 * max(run.epoch_errors[epoch - 1], 0.5) / run.num_images
                    for run in runs
                    if len(run.epoch_errors) >= epoch
                ]
                epochs.append(epoch)
                middles.append(median(errors))
                lows.append(min(errors))
                highs.append(max(errors))
            axes.plot(epochs, middles, color=colour, linestyle=LINE_STYLES[recipe], linewidth=1.2)
            if length == 1:
                axes.plot(epochs, middles, "o", color=colour, markersize=3)
            axes.fill_between(epochs, lows, highs, color=colour, alpha=0.15, linewidth=0)
            shown += [*lows, *highs]
        handles.append(Line2D([], [], color=colour, label=name))
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    _plain_ticks(axes, shown)
    if len(handles) > MOST_NAMED:
        more = f"and {len(handles) - MOST_NAMED} more"
        handles = [*handles[:MOST_NAMED], Line2D([], [], linestyle="", label=more)]
    axes.legend(handles=handles, loc="upper right", fontsize=7)
    # Room above the curves for the legend, a line for each network.
    low, high = axes.get_ylim()
    axes.set_ylim(low, low * (high / low) ** (1 / (1 - LEGEND_LINE * len(handles))))


def _plain_ticks(axes: Axes, values: Sequence[float]) -> None:
    """Error rates as plain numbers where the axis needs them, 0.5 and not 5x10^-1."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    if not values:
        return
    low, high = min(values), max(values)
    ticks = [t for t in TICKS if low * 0.98 <= t <= high * 1.02]
    # A curve that hardly falls lies between two of these.
    axes.yaxis.set_major_locator(FixedLocator(ticks) if len(ticks) > 1 else MaxNLocator(4))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _table(network: Network) -> int | None:
    return network.paper.table if network.paper else None


def _look(table: int | None) -> tuple[str, str]:
    position = list(TABLE_TITLES).index(table)
    return COLOURS[position], MARKERS[position]


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """The library's own defaults with ours on top, whatever the user's settings are; restored afterwards."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.size": 8.5,
                "axes.titlesize": 9,
                "axes.grid": True,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.axisbelow": True,
                "grid.color": "#e6e6e6",
                "grid.linewidth": 0.6,
                "legend.fontsize": 7.5,
                "legend.frameon": True,
                "legend.framealpha": 0.9,
                "legend.edgecolor": "none",
            }
        )
        yield


def _figure(height_inches: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)  # no pyplot: a figure of its own that no global list keeps
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the version of matplotlib in it.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
