from __future__ import annotations

import pytest
from svg import inside, overlaps, read

from mnistbench.catalog import NETWORKS, find
from mnistbench.notation import MAX_LAYERS, MAX_WIDTH
from mnistbench.report.drawings.architecture import WIDEST, draw_architecture
from mnistbench.spec import NetworkSpec

OWN = [
    "10",
    "1-10",
    "1-P-P-P-P-1-10",
    "8-P-32-P-128-10-k5.3p0.0",
    "8-P-10-k28p27",
    "-".join(["4"] * 40 + ["P", "10"]),
    "-".join(["32"] * 10 + ["P"] + ["64"] * 12 + ["P"] + ["128"] * 6 + ["P", "1500", "65536", "10"]),
]
LONGEST = "-".join(["8"] * (MAX_LAYERS - 1) + ["10"])
WIDE = f"{MAX_WIDTH}-P-{MAX_WIDTH}-{MAX_WIDTH}-10"
GROWING = NetworkSpec.from_notation("-".join(["2"] * 20 + ["P", "10"]), kernel_sizes=28, paddings=27)
SPECS = [
    *((network.name, network.spec) for network in NETWORKS),
    *((text, find(text).spec) for text in OWN),
    ("longest", NetworkSpec.from_notation(LONGEST)),
    ("wide", NetworkSpec.from_notation(WIDE)),
    ("growing", GROWING),
]


@pytest.mark.parametrize(("name", "spec"), SPECS, ids=[name[:40] for name, _ in SPECS])
def test_every_network_fits_its_paper_and_no_words_cover_others(name, spec):
    text = draw_architecture(spec, name)
    svg = read(text)
    assert inside(svg)
    assert overlaps(svg) == []
    assert svg.width <= WIDEST
    assert svg.height <= 200 + 120 * (1 + len(spec.layers) // 7) + 150
    assert text == draw_architecture(spec, name)
    steps = [word.text for word in svg.words if word.quiet]
    assert steps.count("convolution") == len(spec.convolutions)
    assert steps.count("fully") == len(spec.hidden_widths) + 1
    assert steps.count("max-pool") == len(spec.layers) - len(spec.convolutions) - len(spec.hidden_widths) - 1
    assert steps.count("flatten") == 1


def test_lenet_5_says_its_sizes():
    svg = read(draw_architecture(find("lenet5").spec, "lenet5"))
    above = [word.text for word in svg.words if not word.quiet]
    assert sorted(above[::2]) == sorted(["image", "6 maps", "6 maps", "16 maps", "16 maps", "400", "120", "84", "10"])
    for size in ("28×28", "14×14", "10×10", "5×5", "classes"):
        assert size in above
    assert svg.title == "Architecture of lenet5"
    assert svg.description == (
        "image of 28×28; 5×5 convolution: 6 maps of 28×28; 2×2 max-pool: 6 maps of 14×14; 5×5 convolution: 16 maps of "
        "10×10; 2×2 max-pool: 16 maps of 5×5; flattened: 400 values; fully connected: 120 units; fully connected: 84 "
        "units; fully connected: 10 classes."
    )


def test_the_largest_is_one_row_as_in_the_paper():
    svg = read(draw_architecture(find("largest").spec, "largest"))
    assert len({word.baseline for word in svg.words}) == 4
    assert svg.height < 350


def test_a_long_one_goes_on_in_further_rows():
    svg = read(draw_architecture(find(OWN[-1]).spec, "long"))
    assert len({word.baseline for word in svg.words}) == 4 * 4


def test_dark_and_light_are_both_drawn():
    text = draw_architecture(find("16-10").spec, "16-10")
    assert "prefers-color-scheme:dark" in text
    assert 'class="paper"' in text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><b>', "a & b", "\x1b[31m", "]]>"])
def test_a_name_is_text_whatever_it_says(name):
    text = draw_architecture(find("16-10").spec, name)
    assert "<script" not in text
    assert "<b>" not in text
    assert read(text).title.startswith("Architecture of ")
