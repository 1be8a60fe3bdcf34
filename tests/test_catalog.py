from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnistbench import catalog
from mnistbench.catalog import GROUPS, NETWORKS, Network
from mnistbench.errors import NotationError, UnknownNetworkError
from mnistbench.layers import Conv2d
from mnistbench.spec import NetworkSpec

LENET5 = "6-P-16-P-120-84-10"
LARGEST = "32-32-P-64-64-P-256-128-64-10"

# Typed from the paper's tables a second time, apart from the catalogue: name, table, row, error in percent,
# our dropout rate, parameters. A name stands in file names and results for ever: never change one.
GOLDEN = (
    ("16-10", 1, 1, 5.01, 0.0, 12_730),
    ("16-10-dropout", 1, 2, 5.77, 0.1, 12_730),
    ("64-10", 1, 3, 2.39, 0.0, 50_890),
    ("64-10-dropout", 1, 4, 2.57, 0.2, 50_890),
    ("128-10", 1, 5, 2.18, 0.0, 101_770),
    ("128-10-dropout", 1, 6, 2.14, 0.2, 101_770),
    ("16-16-10", 2, 1, 4.92, 0.0, 13_002),
    ("64-16-10", 2, 2, 2.61, 0.0, 51_450),
    ("64-64-10", 2, 3, 2.65, 0.0, 55_050),
    ("1000-500-10", 2, 4, 1.78, 0.0, 1_290_510),
    ("1500-1000-500-10", 3, 1, 1.71, 0.0, 3_184_010),
    ("1500-1000-500-10-dropout0.15", 3, 2, 1.47, 0.15, 3_184_010),
    ("1500-1000-500-10-dropout0.2", 3, 3, 1.57, 0.2, 3_184_010),
    ("1500-1000-500-10-dropout0.25", 3, 4, 1.90, 0.25, 3_184_010),
    ("1500-1000-500-10-dropout0.5", 3, 5, 1.89, 0.5, 3_184_010),
    ("32-P-32-10", 4, 1, 1.39, 0.0, 201_386),
    ("32-P-32-10-dropout", 4, 2, 1.46, 0.2, 201_386),
    ("32-P-100-50-10", 4, 3, 1.04, 0.0, 633_180),
    ("32-P-100-50-10-dropout", 4, 4, 1.03, 0.2, 633_180),
    ("32-P-150-100-50-10", 4, 5, 1.40, 0.0, 961_930),
    ("32-P-150-100-50-10-dropout", 4, 6, 1.28, 0.2, 961_930),
    ("32-P-32-P-100-50-10", 5, 1, 0.77, 0.0, 172_028),
    ("32-P-32-P-100-50-10-dropout", 5, 2, 0.71, 0.2, 172_028),
    ("32-P-32-P-1000-500-10", 5, 3, 0.92, 0.0, 2_084_078),
    ("32-P-32-P-1000-500-10-dropout", 5, 4, 0.95, 0.2, 2_084_078),
    ("6-P-16-P-120-84-10", 5, 5, 1.10, 0.0, 61_706),
    ("6-P-16-P-120-84-10-dropout", 5, 6, 0.98, 0.2, 61_706),
    ("32-32-P-64-64-P-256-128-64-10", 6, 1, 0.68, 0.0, 909_866),
    ("32-32-P-64-64-P-256-128-64-10-dropout", 6, 2, 0.46, 0.3, 909_866),
)

ALIASES = {
    "lenet5": LENET5,
    "lenet-5": LENET5,
    "lenet5-dropout": f"{LENET5}-dropout",
    "lenet-5-dropout": f"{LENET5}-dropout",
    "largest": LARGEST,
    "largest-dropout": f"{LARGEST}-dropout",
    "best": f"{LARGEST}-dropout",
}

by_name = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)


def test_the_papers_29_networks_in_its_order() -> None:
    rows = [
        (n.name, n.paper.table, n.paper.row, round(n.paper.error * 100, 4), n.spec.dropout, n.spec.num_parameters)
        for n in NETWORKS
        if n.paper is not None
    ]
    assert tuple(rows) == GOLDEN
    assert len(NETWORKS) == 29


def test_published_errors_are_clean_fractions() -> None:
    assert [n.paper.error for n in NETWORKS if n.paper] == [float(f"{row[3] / 100:.4f}") for row in GOLDEN]


@by_name
def test_the_papers_word_on_dropout_fits_the_name(network: Network) -> None:
    assert network.paper is not None
    notation = network.spec.notation
    if network.paper.dropout == "-":
        assert (network.name, network.spec.dropout) == (notation, 0.0)
    elif network.paper.dropout == "yes":
        assert network.name == f"{notation}-dropout"
        assert network.spec.dropout > 0
    else:
        assert network.name == f"{notation}-dropout{network.paper.dropout}"
        assert network.spec.dropout == float(network.paper.dropout)


@by_name
def test_only_lenet5_has_other_than_3x3_same_kernels(network: Network) -> None:
    expected = {(5, 2), (5, 0)} if network.spec.notation == LENET5 else {(3, 1)}
    assert {(layer.kernel_size, layer.padding) for layer in network.spec.convolutions} <= expected
    assert all(isinstance(layer, Conv2d) for layer in network.spec.convolutions)


def test_names_and_aliases_are_unique_whatever_their_case() -> None:
    names = [n.name.lower() for n in NETWORKS] + [alias for n in NETWORKS for alias in n.aliases] + list(GROUPS)
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(alias == alias.lower() for n in NETWORKS for alias in n.aliases)
    assert len({n.spec for n in NETWORKS}) == 29


@by_name
def test_names_are_safe_in_file_names(network: Network) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,80}[A-Za-z0-9]", network.name)
    assert ".." not in network.name


@by_name
def test_every_name_finds_its_network(network: Network) -> None:
    for text in (network.name, network.name.lower(), f" {network.name}\n", *network.aliases):
        assert catalog.find(text) is network
    assert Network.from_spec(network.spec) is network


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias: str, name: str) -> None:
    assert catalog.find(alias).name == name
    assert catalog.find(alias.upper()).name == name


def test_there_are_no_other_aliases() -> None:
    assert {alias for network in NETWORKS for alias in network.aliases} == set(ALIASES)


@pytest.mark.parametrize(
    ("text", "name", "dropout"),
    [
        ("24-P-48-P-96-10", "24-P-48-P-96-10", 0.0),
        ("24-p-10-DROPOUT", "24-P-10-dropout0.2", 0.2),
        ("24-P-10-dropout0.35", "24-P-10-dropout0.35", 0.35),
        ("24-P-10-dropout0.350", "24-P-10-dropout0.35", 0.35),
        ("64-10-dropout0", "64-10", 0.0),
        ("64-10-dropout0.2", "64-10-dropout", 0.2),
        ("1500-1000-500-10-dropout", "1500-1000-500-10-dropout0.2", 0.2),
        ("lenet5", LENET5, 0.0),
        (f"{LENET5}-dropout0.4", f"{LENET5}-dropout0.4", 0.4),
        (f"{LENET5}-k3.3p1.1", f"{LENET5}-k3.3p1.1", 0.0),
        (f"{LENET5}-k5.5p2.0", LENET5, 0.0),
        ("8-P-10-k5p0-dropout0.1", "8-P-10-k5p0-dropout0.1", 0.1),
        ("8-P-10-k3p1", "8-P-10", 0.0),
    ],
)
def test_a_notation_works_wherever_a_name_does(text: str, name: str, dropout: float) -> None:
    found = catalog.find(text)
    assert (found.name, found.spec.dropout) == (name, dropout)
    assert catalog.find(found.name) == found


def test_lenet5_keeps_its_kernels_at_every_dropout_rate() -> None:
    for found in (catalog.find(f"{LENET5}-dropout0.4"), catalog.find("lenet5", dropout=0.4)):
        assert [(c.kernel_size, c.padding) for c in found.spec.convolutions] == [(5, 2), (5, 0)]
        assert found.spec.num_parameters == 61_706


def test_a_dropout_rate_given_apart_replaces_the_names() -> None:
    assert catalog.find("64-10", dropout=0.2).name == "64-10-dropout"
    assert catalog.find("64-10-dropout", dropout=0).name == "64-10"
    assert catalog.find("best", dropout=0.0) is catalog.find("largest")
    assert catalog.find("best", dropout=0.5).name == f"{LARGEST}-dropout0.5"
    assert catalog.find("24-10-dropout0.5", dropout=0.1).name == "24-10-dropout0.1"
    with pytest.raises(NotationError, match="out of range"):
        catalog.find("64-10", dropout=1.5)


@given(st.integers(0, 999), st.lists(st.integers(1, 200), max_size=3), st.sampled_from(["", "8-P-", "8-8-P-4-P-"]))
def test_a_name_finds_its_own_spec_again(thousandths: int, widths: list[int], head: str) -> None:
    spec = NetworkSpec.from_notation(head + "-".join(map(str, [*widths, 10])), dropout=thousandths / 1000)
    assert catalog.find(Network.from_spec(spec).name).spec == spec


KERNELS = st.integers(1, 9).flatmap(lambda kernel: st.tuples(st.just(kernel), st.integers(0, kernel - 1)))


@given(KERNELS, KERNELS)
def test_a_name_keeps_kernels_and_paddings(first: tuple[int, int], second: tuple[int, int]) -> None:
    for text in ("8-4-P-10", "6-P-16-P-120-84-10"):
        spec = NetworkSpec.from_notation(text, kernel_sizes=(first[0], second[0]), paddings=(first[1], second[1]))
        assert catalog.find(Network.from_spec(spec).name).spec == spec


@given(st.floats(0, 1, exclude_max=True, allow_subnormal=False))
@example(1e-7)
@example(0.1234567)
@example(math.nextafter(1.0, 0.0))
@example(math.nextafter(0.2, 1.0))
def test_a_name_keeps_every_dropout_rate_and_has_no_exponent(dropout: float) -> None:
    spec = NetworkSpec.from_notation("64-10", dropout=dropout)
    if dropout and len(f"64-10-dropout{Decimal(repr(dropout)):f}") > 200:
        # Rates such as 1e-200, written out.
        with pytest.raises(NotationError, match="at most 200"):
            Network.from_spec(spec)
        return
    name = Network.from_spec(spec).name
    assert catalog.find(name).spec == spec
    assert re.fullmatch(r"64-10(-dropout[0-9.]*)?", name)


def test_two_rates_never_share_a_name() -> None:
    rates = [0.2, math.nextafter(0.2, 1.0), 0.20000001, 1e-5, 1.0000001e-5]
    names = {Network.from_spec(NetworkSpec.from_notation("64-10", dropout=rate)).name for rate in rates}
    assert len(names) == len(rates)


def test_a_name_has_at_most_200_characters() -> None:
    fitting = "-".join(["100"] * 49 + ["10"])
    assert len(catalog.find(fitting).name) == 198
    for text in (f"{fitting}-dropout0.5", "-".join(["1000"] * 40 + ["10"])):
        with pytest.raises(NotationError, match=r"the network's name would have \d+ characters; at most 200 fit"):
            catalog.find(text)


@pytest.mark.parametrize("padding", [3, 99_999_999])
def test_a_padding_as_large_as_the_kernel_is_refused(padding: int) -> None:
    with pytest.raises(NotationError, match=f"padding {padding} does not fit a kernel of 3"):
        catalog.find(f"16-P-10-k3p{padding}")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("lenet-6", "lenet-5"),
        ("LeNet", "lenet5"),
        ("larges", "largest"),
        ("64_10", "64-10"),
        ("table9", "table"),
        ("64-11", "64-10"),
        ("64-10-dropoutt", "64-10-dropout"),
        ("32-p-32-q", "32-P-32-10"),
    ],
)
def test_a_mistyped_name_gets_near_ones(text: str, near: str) -> None:
    with pytest.raises((UnknownNetworkError, NotationError)) as caught:
        catalog.find(text)
    assert text in str(caught.value)
    assert near in str(caught.value).partition("did you mean ")[2]


@pytest.mark.parametrize(
    "text", ["", " ", "mlp", "../../etc/passwd", "64-10/x.onnx", "-10", "16-p-10-k3.p1", "all", "64-10-dropout1e-7"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises((UnknownNetworkError, NotationError)):
        catalog.find(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mlp", "unknown network 'mlp'; 'mnistbench list' shows the names"),
        ("32-Q-10", "unknown layer 'Q' at position 2 of '32-Q-10'"),
        ("64-10-dropout1.5", "dropout 1.5 is out of range"),
        ("64-10-dropout0.2.5", "'0.2.5' in '64-10-dropout0.2.5' is not a dropout rate"),
        ("64-10-k3p1", "kernel_sizes has 1 values for 0 convolutions"),
        ("P-P-P-P-P-10", "leaves nothing of a 1x1 image"),
    ],
)
def test_errors_name_what_was_given(text: str, message: str) -> None:
    with pytest.raises((UnknownNetworkError, NotationError)) as caught:
        catalog.find(text)
    assert message in str(caught.value)


@given(st.one_of(st.text(max_size=60), st.text("0123456789Pkp-.dropout_", max_size=40)))
def test_any_text_is_a_network_or_a_typed_error(text: str) -> None:
    try:
        network = catalog.find(text)
    except (UnknownNetworkError, NotationError):
        return
    assert re.fullmatch(r"[A-Za-z0-9.-]+", network.name)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("all", 29),
        ("quick", 4),
        ("table1", 6),
        ("table2", 4),
        ("table3", 5),
        ("table4", 6),
        ("table5", 6),
        ("table6", 2),
    ],
)
def test_groups(name: str, count: int) -> None:
    assert name in GROUPS
    members = catalog.group(name.upper())
    assert len(members) == count
    assert list(members) == [network for network in NETWORKS if network in members]
    if name.startswith("table"):
        assert {network.paper.table for network in members if network.paper} == {int(name[-1])}


def test_there_are_no_other_groups() -> None:
    assert len(GROUPS) == 8
    for name in ("table0", "table7", "table", ""):
        with pytest.raises(UnknownNetworkError, match="expected one of all, quick, table1"):
            catalog.group(name)


def test_quick_names_networks_that_exist() -> None:
    assert {network.name for network in catalog.group("quick")} == set(catalog.QUICK)


def test_resolve_keeps_the_order_and_names_each_network_once() -> None:
    found = catalog.resolve(["lenet5", "Table6", "best", "24-10", "64-10-dropout0.2", "24-10"])
    assert [network.name for network in found] == [LENET5, LARGEST, f"{LARGEST}-dropout", "24-10", "64-10-dropout"]


def test_resolve_gives_every_network_the_dropout_rate() -> None:
    found = catalog.resolve(["table1", "24-10"], dropout=0.5)
    assert [network.name for network in found] == [f"{n}-10-dropout0.5" for n in (16, 64, 128, 24)]


def test_resolve_refuses_nothing_and_the_unknown() -> None:
    with pytest.raises(UnknownNetworkError, match="no network named"):
        catalog.resolve([])
    with pytest.raises(UnknownNetworkError, match="mlp"):
        catalog.resolve(["64-10", "mlp"])


def test_networks_of_the_users_own_have_no_published_error() -> None:
    found = catalog.find("24-P-48-P-96-10")
    assert found.paper is None
    assert found.aliases == ()
