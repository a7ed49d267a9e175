"""Strategies for layers and small networks, each with an input that fits.

A drawn layer is a function of its input and of its parameters, so that ``gradcheck`` looks at all
of their gradients. The layers are smooth; ``relu`` and its like are checked as ops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn
from minigrad.autograd.record import reals
from minigrad.func import functional_call
from minigrad.testing.drawing import generator, values
from minigrad.testing.needs import st

__all__ = ["ModuleCase", "modules", "small_nets"]

SMOOTH: tuple[Callable[[], nn.Module], ...] = (nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.Softplus)
Made = tuple[nn.Module, tuple[int, ...]]  # a layer and the shape of an input


class ModuleCase:
    """A module in float64 with an input: a function of the input and of the parameters.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> case = torch.testing.ModuleCase(layer, torch.ones(3, 2))
    >>> case
    Linear(in_features=2, out_features=1, bias=True) of an input of (3, 2)
    >>> torch.testing.gradcheck(case, case.inputs)
    True
    """

    def __init__(self, module: nn.Module, input: torch.Tensor) -> None:
        self.module = module.double()
        self.names = [name for name, _ in module.named_parameters()]
        parameters = [p.detach().clone().requires_grad_() for p in module.parameters()]
        self.inputs = (input.detach().double().requires_grad_(), *parameters)
        self.buffers = {name: b.clone() for name, b in module.named_buffers()}
        self.__name__ = type(module).__name__

    def __call__(self, input: Any, *parameters: Any) -> tuple[Any, ...]:
        """The outputs of the module with these parameters; chance and buffers begin anew."""
        torch.manual_seed(0)
        state = {k: b.clone() for k, b in self.buffers.items()}
        state.update(zip(self.names, parameters, strict=True))
        return tuple(_flat(functional_call(self.module, state, (input,))))

    def __repr__(self) -> str:
        return f"{self.module!r} of an input of {tuple(self.inputs[0].shape)}"


def _flat(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)):
        return [t for part in result for t in _flat(part)]
    return [result]


def _case(draw: Any, made: Made) -> ModuleCase:
    """A layer with drawn weights and a drawn input."""
    module, shape = made
    rng = generator(draw(st.integers(0, 2**32 - 1)))
    for number, parameter in enumerate(module.parameters(), 1):
        drawn = values(rng, tuple(parameter.shape), reals(-1, 1), "float64", number)
        parameter.data = torch.from_numpy(np.array(drawn))
    array = values(rng, shape, reals(-2, 2), "float64")
    return ModuleCase(module, torch.from_numpy(np.array(array)))


@st.composite
def layers(draw: Any) -> Made:
    """Draw a layer and the shape of an input."""
    n, c, out = (draw(st.integers(1, 3)) for _ in range(3))
    size, bias = draw(st.integers(3, 4)), draw(st.booleans())
    kernel, pad = draw(st.integers(1, 3)), draw(st.integers(0, 1))
    makers: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
        (lambda: nn.Linear(c, out, bias), (n, c)),
        (draw(st.sampled_from(SMOOTH)), (n, c)),
        (lambda: nn.Conv1d(c, out, kernel, padding=pad, bias=bias), (n, c, size)),
        (lambda: nn.Conv2d(c, out, kernel, padding=pad, bias=bias), (1, c, size, 3)),
        (lambda: nn.ConvTranspose2d(c, out, kernel, 2, bias=bias), (1, c, 2, 2)),
        (lambda: nn.AvgPool2d(2, 1, pad), (n, c, 3, size)),
        (lambda: nn.LayerNorm(size), (n, c, size)),
        (lambda: nn.GroupNorm(c, 2 * c), (n, 2 * c, 3)),
        (lambda: nn.BatchNorm1d(c), (n + 2, c)),
        (lambda: nn.BatchNorm2d(c).eval(), (n, c, 2, 2)),
        (lambda: nn.Softmax(pad), (n, size)),
        (lambda: nn.RNN(c, 2, bias=bias), (2, n, c)),
        (lambda: nn.GRU(c, 2, bias=bias), (2, n, c)),
        (lambda: nn.LSTM(c, 2, bias=bias, bidirectional=bias), (2, n, c)),
        (lambda: nn.TransformerEncoderLayer(2, 1, 3, 0.0, nn.functional.gelu), (2, n, 2)),
    ]
    make, shape = makers[draw(st.integers(0, len(makers) - 1))]
    return make(), shape


@st.composite
def modules(draw: Any) -> ModuleCase:
    """Draw a layer with its weights and an input.

    >>> from hypothesis import given, settings
    >>> from minigrad.testing import gradcheck, modules
    >>> @settings(max_examples=5, deadline=None)
    ... @given(modules())
    ... def test_layers(layer):
    ...     assert gradcheck(layer, layer.inputs)
    >>> test_layers()
    """
    return _case(draw, draw(layers()))


@st.composite
def small_nets(draw: Any, *, max_layers: int = 3) -> ModuleCase:
    """Draw a perceptron or a small convolutional network, with weights and an input.

    >>> from hypothesis import given, settings
    >>> from minigrad.testing import gradcheck, small_nets
    >>> @settings(max_examples=5, deadline=None)
    ... @given(small_nets())
    ... def test_networks(net):
    ...     assert gradcheck(net, net.inputs)
    >>> test_networks()
    """
    parts: list[nn.Module] = []
    width = draw(st.integers(1, 3))
    images = draw(st.booleans())
    shape: tuple[int, ...] = (2, width, 4, 4) if images else (2, width)
    for _ in range(draw(st.integers(1, max_layers))):
        out = draw(st.integers(1, 3))
        parts.append(nn.Conv2d(width, out, 3, padding=1) if images else nn.Linear(width, out))
        if draw(st.booleans()):
            parts.append(nn.BatchNorm2d(out) if images else nn.LayerNorm(out))
        parts.append(draw(st.sampled_from(SMOOTH))())
        width = out
    if images:
        parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2)]
    return _case(draw, (nn.Sequential(*parts), shape))
