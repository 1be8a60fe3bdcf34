"""The paper's 29 networks in its order, and how a text finds one of them.

A name is safe in file names and says notation and dropout: ``64-10``,
``64-10-dropout`` (the paper says that there was dropout, but not its rate) and
``1500-1000-500-10-dropout0.15``. A notation that the paper does not have gets
its name the same way. Published errors stand here and nowhere else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mnistbench.errors import NotationError, UnknownNetworkError
from mnistbench.spec import NetworkSpec


@dataclass(frozen=True)
class PaperRow:
    """What the paper says of one network.

    Attributes:
        table: Number of the table, 1 to 6.
        row: Position in that table, from 1; a dropout variant is a row of its own.
        error: Published test error as a fraction; the best over the epochs.
        dropout: ``"-"`` for none, ``"yes"`` when the rate is not stated, or the rate.

    Source: Tables 1 to 6 of the paper.
    """

    table: int
    row: int
    error: float
    dropout: str


@dataclass(frozen=True)
class Network:
    """A spec under its stable name, with the paper's row when it has one.

    Attributes:
        name: Safe in file names on every system, such as ``32-P-32-10-dropout``.
        spec: Layers and dropout rate.
        paper: The published figures; ``None`` for a network of the user's own.
        aliases: Other names that find it.
    """

    name: str
    spec: NetworkSpec
    paper: PaperRow | None = None
    aliases: tuple[str, ...] = ()

    @classmethod
    def from_spec(cls, spec: NetworkSpec) -> Network:
        """The catalogue's network with this spec, or a new one named after it."""
        for network in NETWORKS:
            if network.spec == spec:
                return network
        return cls(_name_of(spec), spec)


_LENET5 = "6-P-16-P-120-84-10"

_UNSTATED_RATE = 0.2
"""Dropout rate used where the paper only says that there was dropout."""

_NARROW_RATE = 0.1
"""Likewise where the dropped layer has only 16 units, none of which the network can spare."""

_KERNELS: dict[str, dict[str, tuple[int, ...]]] = {_LENET5: {"kernel_sizes": (5, 5), "paddings": (2, 0)}}
"""Notations whose kernels are not 3x3 with same padding. Source: LeCun et al. 1998 for LeNet-5."""


def _row(
    table: int,
    row: int,
    notation: str,
    dropout: str,
    percent: float,
    *,
    rate: float = 0.0,
    aliases: tuple[str, ...] = (),
) -> Network:
    """One line of the tables below; ``rate`` is ours where the paper states none."""
    if dropout == "yes":
        name, spec_rate = f"{notation}-dropout", rate or _UNSTATED_RATE
    elif dropout == "-":
        name, spec_rate = notation, 0.0
    else:
        name, spec_rate = f"{notation}-dropout{dropout}", float(dropout)
    spec = NetworkSpec.from_notation(notation, dropout=spec_rate, **_KERNELS.get(notation, {}))
    return Network(name, spec, PaperRow(table, row, round(percent / 100, 6), dropout), aliases)


_LARGEST = "32-32-P-64-64-P-256-128-64-10"

NETWORKS: tuple[Network, ...] = (
    _row(1, 1, "16-10", "-", 5.01),
    _row(1, 2, "16-10", "yes", 5.77, rate=_NARROW_RATE),
    _row(1, 3, "64-10", "-", 2.39),
    _row(1, 4, "64-10", "yes", 2.57),
    _row(1, 5, "128-10", "-", 2.18),
    _row(1, 6, "128-10", "yes", 2.14),
    _row(2, 1, "16-16-10", "-", 4.92),
    _row(2, 2, "64-16-10", "-", 2.61),
    _row(2, 3, "64-64-10", "-", 2.65),
    _row(2, 4, "1000-500-10", "-", 1.78),
    _row(3, 1, "1500-1000-500-10", "-", 1.71),
    _row(3, 2, "1500-1000-500-10", "0.15", 1.47),
    _row(3, 3, "1500-1000-500-10", "0.2", 1.57),
    _row(3, 4, "1500-1000-500-10", "0.25", 1.90),
    _row(3, 5, "1500-1000-500-10", "0.5", 1.89),
    _row(4, 1, "32-P-32-10", "-", 1.39),
    _row(4, 2, "32-P-32-10", "yes", 1.46),
    _row(4, 3, "32-P-100-50-10", "-", 1.04),
    _row(4, 4, "32-P-100-50-10", "yes", 1.03),
    _row(4, 5, "32-P-150-100-50-10", "-", 1.40),
    _row(4, 6, "32-P-150-100-50-10", "yes", 1.28),
    _row(5, 1, "32-P-32-P-100-50-10", "-", 0.77),
    _row(5, 2, "32-P-32-P-100-50-10", "yes", 0.71),
    _row(5, 3, "32-P-32-P-1000-500-10", "-", 0.92),
    _row(5, 4, "32-P-32-P-1000-500-10", "yes", 0.95),
    _row(5, 5, _LENET5, "-", 1.10, aliases=("lenet5", "lenet-5")),
    _row(5, 6, _LENET5, "yes", 0.98, aliases=("lenet5-dropout", "lenet-5-dropout")),
    _row(6, 1, _LARGEST, "-", 0.68, aliases=("largest",)),
    _row(6, 2, _LARGEST, "yes", 0.46, rate=0.3, aliases=("largest-dropout", "best")),
)
"""Every network of the paper, table by table."""

QUICK: tuple[str, ...] = ("16-10", "64-64-10", "32-P-32-10", _LENET5)
"""Small ones of several kinds that train in seconds an epoch; the group ``quick``."""

GROUPS: tuple[str, ...] = ("all", "quick", "table1", "table2", "table3", "table4", "table5", "table6")
"""Names that stand for several networks."""

MAX_NAME_LENGTH = 200

_NAME_PATTERN = re.compile(
    r"(?P<notation>[^_]+?)(?P<kernels>-k[0-9.]+p[0-9.]+)?(?:-dropout(?P<rate>[0-9.]*))?", re.IGNORECASE
)


def group(name: str) -> tuple[Network, ...]:
    """The networks of a group such as ``table4``, in the paper's order.

    Raises:
        UnknownNetworkError: When there is no such group.
    """
    key = name.strip().lower()
    if key == "all":
        return NETWORKS
    if key == "quick":
        return tuple(network for network in NETWORKS if network.name in QUICK)
    found = tuple(n for n in NETWORKS if n.paper is not None and key == f"table{n.paper.table}")
    if not found:
        raise UnknownNetworkError(f"unknown group {name!r}; expected one of {', '.join(GROUPS)}")
    return found


def find(text: str, *, dropout: float | None = None) -> Network:
    """The network that a name, an alias or a notation means.

    Args:
        text: Such as ``lenet5``, ``64-10-dropout`` or ``24-P-48-P-96-10``; case does not matter.
        dropout: Replaces the rate that the name says.

    Raises:
        UnknownNetworkError: When nothing fits; the message suggests near names.
        NotationError: When it is a notation, but not one of a usable network.
    """
    known = _known(text)
    if known is not None:
        if dropout is None or dropout == known.spec.dropout:
            return known
        return Network.from_spec(NetworkSpec(known.spec.layers, dropout))
    match = _NAME_PATTERN.fullmatch(text.strip())
    if match is None or not re.match(r"[0-9]|P(-|$)", match["notation"], re.IGNORECASE):
        raise UnknownNetworkError(_unknown(text))
    rate = dropout if dropout is not None else _rate_of(match, text)
    plain = _known(match["notation"])
    try:
        if match["kernels"]:
            kernels, paddings = (
                [int(part) for part in side.split(".")]
                for side in match["kernels"].lower().removeprefix("-k").split("p")
            )
            spec = NetworkSpec.from_notation(match["notation"], dropout=rate, kernel_sizes=kernels, paddings=paddings)
        elif plain is not None:
            spec = NetworkSpec(plain.spec.layers, rate)
        else:
            spec = NetworkSpec.from_notation(match["notation"], dropout=rate)
    except NotationError as error:
        raise NotationError(f"{error}{_suggestion(text)}") from None
    except ValueError:
        raise UnknownNetworkError(_unknown(text)) from None
    return Network.from_spec(spec)


def resolve(texts: Iterable[str], *, dropout: float | None = None) -> tuple[Network, ...]:
    """Networks for names, aliases, notations and groups, each once, in the order given.

    Raises:
        UnknownNetworkError: As :func:`find`, or when nothing is named.
        NotationError: As :func:`find`.
    """
    chosen: dict[str, Network] = {}
    for text in texts:
        if text.strip().lower() in GROUPS:
            members = group(text)
            if dropout is not None:
                members = tuple(find(member.name, dropout=dropout) for member in members)
        else:
            members = (find(text, dropout=dropout),)
        for network in members:
            chosen.setdefault(network.name, network)
    if not chosen:
        raise UnknownNetworkError("no network named; name one, such as lenet5, or a group, such as quick or all")
    return tuple(chosen.values())


def _known(text: str) -> Network | None:
    key = text.strip().lower()
    for network in NETWORKS:
        if key == network.name.lower() or key in network.aliases:
            return network
    return None


def _rate_of(match: re.Match[str], text: str) -> float:
    """The dropout rate a name says; no suffix is none, a bare suffix our rate for the unstated."""
    said = match["rate"]
    if said is None:
        return 0.0
    if said == "":
        return _UNSTATED_RATE
    try:
        return float(said)
    except ValueError:
        raise NotationError(f"{said!r} in {text!r} is not a dropout rate; expected such as -dropout0.25") from None


def _name_of(spec: NetworkSpec) -> str:
    """Notation, kernels where they are not what the notation means by default, dropout rate."""
    name = spec.notation
    usual = next((network.spec.layers for network in NETWORKS if network.name == name), None)
    if usual is None:
        usual = NetworkSpec.from_notation(name).layers
    if spec.layers != usual:
        kernels = ".".join(str(layer.kernel_size) for layer in spec.convolutions)
        paddings = ".".join(str(layer.padding) for layer in spec.convolutions)
        name += f"-k{kernels}p{paddings}"
    if spec.dropout:
        # Every digit, and never an exponent: two rates must not share a name.
        name += f"-dropout{Decimal(repr(spec.dropout)):f}"
    if len(name) > MAX_NAME_LENGTH:
        raise NotationError(
            f"the network's name would have {len(name)} characters; at most {MAX_NAME_LENGTH} fit a file name"
        )
    return name


def _suggestion(text: str) -> str:
    names = [*(n.name for n in NETWORKS), *(alias for n in NETWORKS for alias in n.aliases), *GROUPS]
    by_key = {name.lower(): name for name in names}
    near: dict[str, str] = {}
    for key in difflib.get_close_matches(text.strip().lower(), by_key, n=6, cutoff=0.6):
        # Two aliases of one network are one suggestion.
        known = _known(by_key[key])
        near.setdefault(known.name if known else key, by_key[key])
    return f"; did you mean {', '.join(list(near.values())[:3])}?" if near else ""


def _unknown(text: str) -> str:
    advice = _suggestion(text) or "; 'mnistbench list' shows the names, and a notation such as 16-P-32-10 works too"
    return f"unknown network {text!r}{advice}"
