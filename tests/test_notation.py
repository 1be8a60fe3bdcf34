from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench import notation
from mnistbench.errors import NotationError
from mnistbench.layers import INPUT_SHAPE, Conv2d, Layer, Linear, MaxPool2d

WIDTHS = st.integers(1, notation.MAX_WIDTH)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Layer, ...]:
    """Layers of any usable network, kernels and paddings of every kind included."""
    layers: list[Layer] = []
    size = INPUT_SHAPE[1]
    for _ in range(draw(st.integers(0, 5))):
        for _ in range(draw(st.integers(0, 3))):
            kernel = draw(st.integers(1 if size > 1 else 2, 28))
            # What is left for the pool must be two pixels wide.
            padding = draw(st.integers(max(0, (kernel + 2 - size) // 2), kernel - 1))
            layers.append(Conv2d(draw(WIDTHS), kernel, padding))
            size += 2 * padding - kernel + 1
        if size < 2:
            break
        layers.append(MaxPool2d())
        size //= 2
    layers += [Linear(width) for width in draw(st.lists(WIDTHS, max_size=6))]
    return (*layers, Linear(10))


@st.composite
def notations(draw: st.DrawFn) -> str:
    """Notations of networks with same padding: at most four pools, since 28 halves four times."""
    tokens: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        tokens += [str(width) for width in draw(st.lists(WIDTHS, max_size=3))]
        tokens.append("P")
    tokens += [str(width) for width in draw(st.lists(WIDTHS, max_size=6))]
    return "-".join([*tokens, "10"])


@given(notations())
def test_format_undoes_parse(text: str) -> None:
    assert notation.format(notation.parse(text)) == text


@given(networks())
def test_parse_undoes_format(layers: tuple[Layer, ...]) -> None:
    convolutions = [layer for layer in layers if isinstance(layer, Conv2d)]
    parsed = notation.parse(
        notation.format(layers),
        kernel_sizes=[layer.kernel_size for layer in convolutions],
        paddings=[layer.padding for layer in convolutions],
    )
    assert parsed == layers


@given(notations())
def test_small_letters_and_space_around_mean_the_same(text: str) -> None:
    assert notation.parse(f"  {text.lower()}\n") == notation.parse(text)


@given(st.one_of(st.text(), st.text("0123456789P-p +._", max_size=40)))
def test_any_text_is_a_network_or_a_typed_error(text: str) -> None:
    try:
        layers = notation.parse(text)
    except NotationError:
        return
    assert notation.format(layers) == text.strip().upper()


def test_the_largest_network_of_the_paper() -> None:
    assert notation.parse("32-32-P-64-64-P-256-128-64-10") == (
        Conv2d(32, 3, 1),
        Conv2d(32, 3, 1),
        MaxPool2d(2),
        Conv2d(64, 3, 1),
        Conv2d(64, 3, 1),
        MaxPool2d(2),
        Linear(256),
        Linear(128),
        Linear(64),
        Linear(10),
    )


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("10", (Linear(10),)),
        ("16-10", (Linear(16), Linear(10))),
        ("P-10", (MaxPool2d(), Linear(10))),
        ("4-P-P-10", (Conv2d(4), MaxPool2d(), MaxPool2d(), Linear(10))),
    ],
)
def test_small_networks(text: str, layers: tuple[Layer, ...]) -> None:
    assert notation.parse(text) == layers


def test_kernels_and_paddings_one_for_each_or_one_for_all() -> None:
    lenet5 = notation.parse("6-P-16-P-120-84-10", kernel_sizes=5, paddings=[2, 0])
    assert [layer for layer in lenet5 if isinstance(layer, Conv2d)] == [Conv2d(6, 5, 2), Conv2d(16, 5, 0)]
    assert notation.parse("4-8-P-10", kernel_sizes=[1, 5]) == (
        Conv2d(4, 1, 0),
        Conv2d(8, 5, 2),
        MaxPool2d(),
        Linear(10),
    )
    assert notation.parse("4-P-10", kernel_sizes=2, paddings=0)[0] == Conv2d(4, 2, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("32-Q-10", "unknown layer 'Q' at position 2 of '32-Q-10'; expected an integer from 1 to 65536 or 'P'"),
        ("", "unknown layer '' at position 1"),
        ("-10", "unknown layer '' at position 1"),
        ("16-10-", "unknown layer '' at position 3"),
        ("16--10", "unknown layer '' at position 2"),
        ("0-10", "unknown layer '0' at position 1"),
        ("65537-10", "unknown layer '65537'"),
        ("9" * 5000 + "-10", "unknown layer"),
        ("1_6-10", "unknown layer '1_6'"),
        ("+16-10", "unknown layer"),
        ("16 -10", "unknown layer '16 '"),
        ("\uff11\uff16-10", "unknown layer"),
        ("\u00b2-10", "unknown layer"),
        ("016-10", "leading zero; write '16'"),
        ("16", "ends in '16'; the last layer must be the 10 outputs"),
        ("16-P", "ends in 'P'; the last layer must be the 10 outputs"),
        ("10-P", "ends in 'P'"),
        ("P-P-P-P-P-10", "2x2 max-pool leaves nothing of a 1x1 image"),
        ("-".join(["1"] * 100 + ["10"]), "101 layers; at most 100"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(NotationError) as caught:
        notation.parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_sizes": [3]}, "kernel_sizes has 1 values for 2 convolutions"),
        ({"kernel_sizes": [3, 3, 3]}, "kernel_sizes has 3 values for 2 convolutions"),
        ({"paddings": [1]}, "paddings has 1 values for 2 convolutions"),
        ({"kernel_sizes": 4}, "no same padding; give paddings"),
        ({"kernel_sizes": 0}, "even one"),
        ({"kernel_sizes": -1}, "kernel_size -1 is not positive"),
        ({"paddings": -1}, "padding -1 does not fit a kernel of 3; expected 0 to 2"),
        ({"paddings": 3}, "padding 3 does not fit a kernel of 3; expected 0 to 2"),
        ({"kernel_sizes": [3, 1], "paddings": 1}, "padding 1 does not fit a kernel of 1; expected 0 to 0"),
        ({"kernel_sizes": 29, "paddings": 0}, "kernel_size 29 is too large; expected at most 28"),
        ({"kernel_sizes": [28, 2], "paddings": 0}, "leaves nothing of a 1x1 image"),
    ],
)
def test_kernels_that_cannot_be_used_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(NotationError) as caught:
        notation.parse("4-4-P-10", **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "layers",
    [
        (Conv2d(4), Linear(10)),
        (MaxPool2d(), Conv2d(4), Linear(10)),
        (Linear(4), MaxPool2d(), Linear(10)),
        (Linear(4), Conv2d(4), MaxPool2d(), Linear(10)),
    ],
)
def test_layers_without_a_notation_are_refused(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(NotationError, match="cannot be written"):
        notation.format(layers)


@pytest.mark.parametrize("size", [1, 3, 14])
def test_a_pool_of_another_size_has_no_notation(size: int) -> None:
    with pytest.raises(NotationError, match=f"layer 2 is a {size}x{size} pool; the notation has 2x2 only"):
        notation.format((MaxPool2d(), MaxPool2d(size), Linear(10)))


def test_check_shapes_gives_the_last_shape() -> None:
    assert notation.check_shapes(notation.parse("6-P-10")) == (10,)
    assert notation.check_shapes((Conv2d(6), MaxPool2d())) == (6, 14, 14)
    assert notation.check_shapes((), (2, 3, 4)) == (2, 3, 4)
    assert notation.check_shapes((MaxPool2d(),), (1, 4, 8)) == (1, 2, 4)
