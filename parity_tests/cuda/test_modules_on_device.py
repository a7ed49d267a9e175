"""Every layer and every optimizer on a card, against torch on the CPU.

Layers: what torch's own database makes of them, results and gradients. Optimizers: torch's own
configurations, all parameters after each step.
"""

from __future__ import annotations

import itertools
import warnings

import pytest
import torch

import minigrad
from parity_tests import module_cases, torch_modules, torch_optimizers
from parity_tests.cuda.device import card
from parity_tests.cuda.differing import LAYERS_NOT_ON_A_CARD, OPTIMIZERS_NOT_ON_A_CARD
from parity_tests.cuda.test_ops_on_device import assert_near
from parity_tests.ops.samples import outputs

__all__ = ["card"]
pytestmark = [
    pytest.mark.any_device,
    pytest.mark.filterwarnings("ignore::minigrad.backend.scientific.OnHostWarning"),
]


def named(names, table):
    found = []
    for name in names:
        marks = [pytest.mark.xfail(reason=table[name], strict=True)] if name in table else []
        found.append(pytest.param(name, id=name, marks=marks))
    return found


def brought(value, card):
    """Tensors in lists, tuples and dicts, as leaves on the card."""
    if isinstance(value, minigrad.Tensor):
        return value.detach().to(card).requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: brought(one, card) for key, one in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(brought(one, card) for one in value)
    return value


def tensors_in(value, library):
    if isinstance(value, library.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for one in value for t in tensors_in(one, library)]
    return tensors_in(list(value.values()), library) if isinstance(value, dict) else []


def ran(case, library, card):
    """Results, and gradients of a weighted sum of them, for the inputs and the parameters."""
    layer = torch_modules.fitted(torch_modules.make(case, library), case, library)
    args, kwargs = torch_modules.both(case.called_with, library)
    if library is minigrad:
        layer = layer.to(card)
        args, kwargs = brought(args, card), brought(kwargs, card)
    library.default_generator.manual_seed(42)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = layer(*args, **kwargs)
    found = [t for t in tensors_in(outputs(result), library)]
    leaves = [t for t in tensors_in((args, kwargs), library) if t.requires_grad]
    leaves += [p for p in layer.parameters() if p.requires_grad]
    wanted = [t for t in found if t.requires_grad]
    if not wanted or not leaves:
        return found, []
    total = sum((t * t).sum() for t in wanted)
    return found, library.autograd.grad(total, leaves, allow_unused=True)


@pytest.mark.parametrize("name", named(module_cases.names(), LAYERS_NOT_ON_A_CARD))
def test_layer(name, card):
    compared = 0
    for case in module_cases.cases(name, "float64"):
        try:
            theirs = ran(case, torch, card)
        except Exception:
            continue  # what torch refuses, minigrad refuses before it asks for the device
        mine = ran(case, minigrad, card)
        for one, other in zip(itertools.chain(*mine), itertools.chain(*theirs), strict=True):
            assert (one is None) == (other is None), str(case)
            if one is not None:
                assert_near(one, other, str(case))
                assert one.device == card, str(case)
        compared += 1
    assert compared


@pytest.mark.parametrize(
    "name", named(sorted(torch_optimizers.database()), OPTIMIZERS_NOT_ON_A_CARD)
)
def test_optimizer(name, card):
    for kwargs in torch_optimizers.configurations(name, drawn=6):
        sides = [stepped(name, kwargs, library, card) for library in (minigrad, torch)]
        for one, other in zip(*sides, strict=True):
            assert_near(one, other, f"{name} {kwargs}")


def stepped(name, kwargs, library, card):
    """The parameters after some steps."""
    shapes = torch_optimizers.SHAPES_OF.get(name, torch_optimizers.SHAPES[:4])
    draw = torch.Generator().manual_seed(0)

    def drawn(shape):
        values = torch.randn(shape, dtype=torch.float64, generator=draw)
        return values if library is torch else minigrad.from_numpy(values.numpy().copy()).to(card)

    params = [drawn(shape).requires_grad_() for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = torch_modules.both(dict(kwargs), library)
        if library is minigrad:
            options = brought(options, card)
        optimizer = getattr(library.optim, name)(params, **options)
        for _ in range(3):
            for p in params:
                p.grad = drawn(tuple(p.shape))

            def closure():
                return sum((p * p).sum() for p in params)

            optimizer.step(closure) if name == "LBFGS" else optimizer.step()
    return [p.detach() for p in params]
