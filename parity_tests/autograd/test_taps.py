"""Listening to ops: everything is heard while somebody listens, and nothing is left behind."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd.registry import ALL_OPS, REGISTRY, Record
from minigrad.autograd.taps import Heard, listen
from minigrad.nn import functional as F
from parity_tests.ops.samples import arrays_of, domains_of, ours, result_of, tensors_of, values

WITH_OP = [r for r in REGISTRY.values() if r.op is not None and r.samples_or_default()]


def places() -> list[Any]:
    """Whatever stands where a tap would stand."""
    found: list[Any] = []
    for op in ALL_OPS:
        found += [op.forward, op.pulls, op.joint]
        for cut in op.cuts:
            if "forward" in cut.__code__.co_freevars:
                cell = cut.__closure__[cut.__code__.co_freevars.index("forward")]
                found.append(cell.cell_contents)
    return found


def test_a_first_call_may_be_one_that_is_heard() -> None:
    arguments = {op: inspect.signature(op.forward) for op in ALL_OPS}
    with listen(lambda heard: None):
        assert {op: inspect.signature(op.forward) for op in ALL_OPS} == arguments


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("record", WITH_OP, ids=lambda r: r.name)
def test_every_op_is_heard(record: Record) -> None:
    sample = record.samples_or_default()[0]
    kind = "float32" if "float32" in record.dtypes else record.dtypes[0]
    rng = np.random.default_rng(0)
    domains = domains_of(record, sample)
    drawn = arrays_of(record, sample, kind, lambda s, d, k: values(rng, s, d, k))
    made, _ = tensors_of(drawn, ours)
    heard: list[Heard] = []
    with listen(heard.append):
        result_of(record, record.function, made, domains)
    assert heard, "no op was heard"
    assert all(h.node is None and h.ended >= h.began for h in heard)


COMPOSED = [
    lambda x: F.mse_loss(x, x),
    lambda x: F.cosine_similarity(x, x),
    lambda x: F.triplet_margin_loss(x, x, x),
    lambda x: F.gaussian_nll_loss(x, x, minigrad.ones(3, 3)),
    lambda x: minigrad.cdist(x, x),
    lambda x: F.smooth_l1_loss(x, x),
    lambda x: F.kl_div(x, x, reduction="batchmean"),
]


@pytest.mark.parametrize("number", range(len(COMPOSED)))
def test_a_composed_function_is_heard_with_and_without_gradients(number: int) -> None:
    names: list[list[str]] = []
    values = []
    for needs in (False, True):
        heard: list[Heard] = []
        x = minigrad.arange(9.0).reshape(3, 3).requires_grad_(needs)
        with listen(heard.append):
            values.append(COMPOSED[number](x))
        names.append([h.op.name for h in heard])
    assert names[0] == names[1] != []
    assert minigrad.equal(*values)


def test_nothing_is_left_behind() -> None:
    before = places()
    with pytest.raises(ZeroDivisionError), listen(lambda heard: 1 / 0):
        minigrad.ones(1) + 1
    with listen(lambda heard: None), listen(lambda heard: None):
        pass
    after = places()
    assert len(before) == len(after)
    assert all(
        a is b or (isinstance(a, tuple) and a == b) for a, b in zip(before, after, strict=True)
    )


def test_forward_and_backward_of_a_network_in_order() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    heard: list[Heard] = []
    with listen(heard.append):
        loss = F.cross_entropy(net(minigrad.zeros(2, 1, 4, 4)), minigrad.tensor([0, 1]))
        loss.backward()
    forward = [h for h in heard if h.node is None]
    backward = [h for h in heard if h.node is not None]
    ops = [h.op for h in forward]
    assert len(ops) == 5 and set(ops) == {h.op for h in backward}
    ticks = [h.tick for h in heard]
    assert ticks == sorted(ticks)
    assert backward[0].tick > forward[-1].tick and backward[0].op is ops[-1]


def test_a_listener_may_use_ops() -> None:
    told: list[float] = []
    with listen(lambda heard: told.append(float(minigrad.ones(2).sum() * 3))):
        minigrad.ones(3).exp()
    assert told and set(told) == {6.0}


def test_results_do_not_depend_on_a_listener() -> None:
    minigrad.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))
    x = minigrad.randn(5, 4)

    def step() -> list[Any]:
        net.zero_grad()
        net(x).square().mean().backward()
        return [p.grad.numpy().copy() for p in net.parameters()]

    alone = step()
    with listen(lambda heard: None):
        watched = step()
    for one, other in zip(alone, watched, strict=True):
        np.testing.assert_array_equal(one, other)
