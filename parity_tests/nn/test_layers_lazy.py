"""Lazy layers: what is there before the first call, and what stays the same object."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch
from parity_tests.sidebyside import both_agree, raised

USES = (
    "x.dtype", "x.device.type", "x.ndim", "x.size()", "x.is_leaf", "x.requires_grad", "x.grad",
    "x.is_floating_point()", "x.is_cuda", "repr(x)", "str(x)", "isinstance(x, torch.nn.Buffer)",
    "isinstance(x, torch.nn.Parameter)", "x.to(torch.float64).dtype", "x.half().dtype",
    "hash(x) == id(x)", "x.shape", "x.numel()", "x + 1", "x * x", "x[0]", "x == x", "x.sum()",
    "len(x)", "bool(x)", "x.clone()", "x.detach()", "x.share_memory_()", "torch.zeros_like(x)",
    "torch.nn.Parameter(x)", "torch.nn.parameter.is_lazy(x)",
)  # fmt: skip


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", ["UninitializedParameter", "UninitializedBuffer"])
@both_agree
def test_what_has_no_shape_yet(torch: Any, kind: str, use: str) -> Any:
    names = {"torch": torch, "x": getattr(torch.nn, kind)()}
    try:
        return eval(use, names)
    except Exception as error:
        return raised(lambda: eval(use, names)).split(":")[0], "uninit" in str(error)


@pytest.mark.parametrize("kind", ["UninitializedParameter", "UninitializedBuffer"])
@both_agree
def test_materialize_keeps_the_object(torch: Any, kind: str) -> Any:
    tensor = getattr(torch.nn, kind)(dtype=torch.float64)
    before = id(tensor)
    tensor.materialize((2, 3))
    tensor.data.fill_(1.5)
    return [id(tensor) == before, type(tensor).__name__, tensor]


@same_as_torch
def test_an_optimizer_made_before_trains_the_layer(torch: Any) -> Any:
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.LazyLinear(4), torch.nn.ReLU(), torch.nn.LazyLinear(1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    held = [id(p) for p in net.parameters()]
    x, losses = torch.arange(12.0).reshape(4, 3) / 10, []
    for _ in range(3):
        loss = net(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [held == [id(p) for p in net.parameters()], repr(net), torch.tensor(losses)]


@pytest.mark.parametrize(
    "made", ["LazyLinear(3)", "LazyConv2d(4, 3)", "LazyConvTranspose1d(2, 3)", "LazyBatchNorm2d()"]
)
@both_agree
def test_state_of_a_lazy_layer(torch: Any, made: str) -> Any:
    layer = eval(made, vars(torch.nn).copy())
    state = layer.state_dict()
    same = layer.load_state_dict(eval(made, vars(torch.nn).copy()).state_dict())
    return [repr(layer), {k: repr(v) for k, v in state.items()}, repr(same)]


@both_agree
def test_loading_gives_the_shapes(torch: Any) -> Any:
    torch.manual_seed(1)
    full, lazy = torch.nn.Linear(5, 3), torch.nn.LazyLinear(3)
    weight = id(lazy.weight)
    lazy.load_state_dict(full.state_dict())
    out = [repr(lazy), type(lazy.weight).__name__, id(lazy.weight) == weight]
    return [*out, lazy(torch.ones(2, 5)), repr(lazy)]


@both_raise
def test_loading_what_is_lazy_into_what_is_not(torch: Any) -> Any:
    return torch.nn.Linear(2, 3).load_state_dict(torch.nn.LazyLinear(3).state_dict())


@both_raise
def test_the_loaded_shape_does_not_fit_the_input(torch: Any) -> Any:
    lazy = torch.nn.LazyLinear(3)
    lazy.load_state_dict(torch.nn.Linear(2, 3).state_dict())
    return lazy(torch.ones(1, 5))


@both_agree
def test_copies_of_a_lazy_layer_are_independent(torch: Any) -> Any:
    layer = torch.nn.LazyLinear(2)
    twin, other = copy.deepcopy(layer), pickle.loads(pickle.dumps(torch.nn.LazyLinear(2)))
    twin(torch.ones(1, 3)), other(torch.ones(1, 4))
    return [repr(layer), repr(twin), repr(other), layer.has_uninitialized_params()]


@both_agree
def test_a_lazy_module_of_ones_own(torch: Any) -> Any:
    from importlib import import_module

    mixin = import_module(f"{torch.__name__}.nn.modules.lazy").LazyModuleMixin

    class Scale(mixin, torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = torch.nn.UninitializedParameter()
            self.offset = torch.nn.UninitializedBuffer()

        def initialize_parameters(self, x: Any, times: int = 1) -> None:
            with torch.no_grad():
                self.factor.materialize(x.shape[-1:])
                self.factor.fill_(2.0)
                self.offset.materialize((1,))
                self.offset.fill_(float(times))

        def forward(self, x: Any, times: int = 1) -> Any:
            return x * self.factor + self.offset

    layer = Scale()
    before = [name for name, _ in (*layer.named_parameters(), *layer.named_buffers())]
    return [before, layer(torch.ones(3), times=5), list(layer.state_dict()), type(layer).__name__]


@both_raise
def test_a_lazy_module_that_forgets_a_parameter(torch: Any) -> Any:
    from importlib import import_module

    mixin = import_module(f"{torch.__name__}.nn.modules.lazy").LazyModuleMixin

    class Nothing(mixin, torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.UninitializedParameter()

        def initialize_parameters(self, x: Any) -> None:
            pass

    return Nothing()(torch.ones(1))


def test_a_lazy_network_is_saved_and_loaded() -> None:
    net = minigrad.nn.Sequential(minigrad.nn.LazyLinear(2))
    net(minigrad.ones(1, 3))
    file = io.BytesIO()
    minigrad.save(net.state_dict(), file)
    file.seek(0)
    fresh = minigrad.nn.Sequential(minigrad.nn.LazyLinear(2))
    fresh.load_state_dict(minigrad.load(file))
    assert fresh(minigrad.ones(1, 3)).tolist() == net(minigrad.ones(1, 3)).tolist()
