from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from mnistbench.catalog import NETWORKS, Network, find
from mnistbench.layers import Conv2d, Linear, MaxPool2d
from mnistbench.training.module import PIXEL_SCALE, Dropout, build_module, dropouts
from mnistbench.training.recipes import INITIALIZATIONS, Initialization

by_name = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
DISTINCT = [network for network in NETWORKS if not network.spec.dropout and network.spec.num_parameters < 2e6]


def reference(network: Network, module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The network as the paper describes it: ReLU right after each layer, then the pool."""
    weights = dict(module.named_parameters())
    convs = fcs = 0
    value = images
    for index, layer in enumerate(network.spec.layers):
        match layer:
            case Conv2d():
                convs += 1
                weight, bias = weights[f"conv{convs}.weight"], weights[f"conv{convs}.bias"]
                value = functional.relu(functional.conv2d(value, weight, bias, padding=layer.padding))
            case MaxPool2d():
                value = functional.max_pool2d(value, 2)
            case Linear():
                fcs += 1
                value = functional.linear(value.flatten(1), weights[f"fc{fcs}.weight"], weights[f"fc{fcs}.bias"])
                if index + 1 < len(network.spec.layers):
                    value = functional.relu(value)
    return value


@by_name
def test_the_module_has_the_parameters_that_the_spec_counts(network: Network) -> None:
    with torch.device("meta"):
        module = build_module(network.spec, 0)
    assert sum(parameter.numel() for parameter in module.parameters()) == network.spec.num_parameters
    assert [layer.rate for layer in dropouts(module)] == (
        [network.spec.dropout] * len(network.spec.hidden_widths) if network.spec.dropout else []
    )


@pytest.mark.parametrize(
    "network",
    [
        *DISTINCT,
        *map(find, ["10", "P-10", "P-P-10", "3-P-P-10", "P-3-P-4-10", "2-3-P-5-P-6-10", "2-P-8-10-dropout0.5"]),
    ],
    ids=lambda network: network.name,
)
def test_the_module_computes_what_the_paper_describes(network: Network) -> None:
    module = build_module(network.spec, 3).eval()
    images = torch.rand((2, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        # On a copy: ReLU works in place, and must not reach the caller's images.
        got = module(images.clone())
        expected = reference(network, module, images)
    assert got.shape == (2, 10)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_the_callers_images_are_left_alone() -> None:
    images = torch.rand((2, 1, 28, 28)) - 0.5
    for name in ("10", "P-10", "2-P-10", "4-10"):
        before = images.clone()
        build_module(find(name).spec, 0)(images)
        assert torch.equal(images, before), name


def test_layers_have_the_names_of_the_graph() -> None:
    names = [name for name, _ in build_module(find("2-3-P-4-P-8-6-10-dropout0.5").spec, 0).named_children()]
    convolutions = ["conv1", "relu1", "conv2", "pool1", "relu2", "conv3", "pool2", "relu3"]
    assert names == [*convolutions, "flatten", "fc1", "relu4", "dropout1", "fc2", "relu5", "dropout2", "fc3"]


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    spec = find("2-P-8-10").spec
    first, again, other = (build_module(spec, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first)


VARIANCES = {
    "torch": lambda fan_in, fan_out: 1 / (3 * fan_in),
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
}


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_first_weights_have_the_variance_of_their_initialization(initialization: Initialization) -> None:
    weights = dict(build_module(find("24-P-48-P-64-10").spec, 1, initialization).named_parameters())
    # Weights of enough elements that chance moves their variance by a few percent only; a 3x3 kernel has 9.
    for name, fan_in, fan_out in (("conv2", 24 * 9, 48 * 9), ("fc1", 48 * 49, 64)):
        weight = weights[f"{name}.weight"]
        expected = VARIANCES[initialization](fan_in, fan_out)
        assert weight.var().item() == pytest.approx(expected, rel=0.05)
        assert weight.abs().max().item() == pytest.approx((3 * expected) ** 0.5, rel=0.01)
    assert all(bool(weights[f"{name}.bias"].any()) == (initialization == "torch") for name in ("conv1", "fc1", "fc2"))


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_another_initialization_too_follows_from_the_seed(initialization: Initialization) -> None:
    spec = find("2-P-8-10").spec
    first, again, other = (build_module(spec, seed, initialization).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first if key.endswith("weight"))


def test_dropout_changes_neither_names_nor_first_weights() -> None:
    plain, dropped = (build_module(find(name).spec, 1).state_dict() for name in ("8-8-10", "8-8-10-dropout0.5"))
    assert list(plain) == list(dropped)
    assert all(torch.equal(plain[key], dropped[key]) for key in plain)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_building_leaves_the_process_wide_generator_alone(initialization: Initialization) -> None:
    before = torch.get_rng_state()
    build_module(find("8-10").spec, 7, initialization)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_what_other_threads_draw_changes_no_weights(
    initialization: Initialization, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find("2-P-8-10").spec
    alone = build_module(spec, 1, initialization).state_dict()
    for name in ("kaiming_uniform_", "xavier_uniform_", "uniform_", "zeros_"):
        drawn = getattr(nn.init, name)

        def with_another_draw(*given: Any, _drawn: Any = drawn, **named: Any) -> torch.Tensor:
            torch.manual_seed(99)
            return _drawn(*given, **named)

        monkeypatch.setattr(nn.init, name, with_another_draw)
    beside = build_module(spec, 1, initialization).state_dict()
    assert all(torch.equal(alone[key], beside[key]) for key in alone)


@pytest.mark.parametrize("name", ["8-10", "2-P-8-10", "lenet5"])
def test_torchs_own_initialization_is_that_of_its_layers(name: str) -> None:
    spec = find(name).spec
    module = build_module(spec, 3)
    torch.manual_seed(3)
    for layer in module:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            ours = layer.weight.clone(), layer.bias.clone()
            layer.reset_parameters()
            assert torch.equal(ours[0], layer.weight)
            assert torch.equal(ours[1], layer.bias)


def test_images_are_scaled_to_one() -> None:
    assert PIXEL_SCALE * 255 == 1.0


def make_dropout(rate: float, seed: int = 0) -> Dropout:
    layer = Dropout(rate)
    layer.generator = torch.Generator().manual_seed(seed)
    return layer


@pytest.mark.parametrize("rate", [0.15, 0.5, 0.9])
def test_dropout_zeroes_its_share_and_scales_the_rest(rate: float) -> None:
    hidden = torch.ones(200, 100)
    out = make_dropout(rate)(hidden)
    zero = (out == 0).double().mean().item()
    assert zero == pytest.approx(rate, abs=0.02)
    torch.testing.assert_close(out[out != 0], torch.full_like(out[out != 0], 1 / (1 - rate)))
    assert out.mean().item() == pytest.approx(1.0, abs=0.1)
    assert torch.equal(hidden, torch.ones(200, 100))


def test_dropout_passes_gradients_where_it_passes_values() -> None:
    hidden = torch.ones(8, 8, requires_grad=True)
    out = make_dropout(0.5)(hidden)
    torch.autograd.backward(out.sum())
    assert hidden.grad is not None
    assert torch.equal(hidden.grad, out.detach())


def test_dropout_does_nothing_in_evaluation_or_at_rate_0() -> None:
    hidden = torch.rand(4, 4)
    assert make_dropout(0.5).eval()(hidden) is hidden
    assert make_dropout(0.0)(hidden) is hidden


def test_dropout_draws_from_its_own_generator_alone() -> None:
    hidden = torch.ones(16, 16)
    before = torch.get_rng_state()
    first = make_dropout(0.5, seed=1)(hidden)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert torch.equal(make_dropout(0.5, seed=1)(hidden), first)
    assert not torch.equal(make_dropout(0.5, seed=2)(hidden), first)


def test_two_dropouts_that_share_a_generator_draw_one_after_the_other() -> None:
    hidden = torch.ones(16, 16)
    first = make_dropout(0.5)
    second = Dropout(0.5)
    second.generator = first.generator
    assert not torch.equal(first(hidden), second(hidden))
