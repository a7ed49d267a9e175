"""nn.parallel: over any number of CPU devices the results and gradients of one device."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from random import Random
from typing import Any

import pytest
import torch as oracle

import minigrad as torch
from minigrad.nn import parallel
from parity_tests.nn.trees import WIDTH, tree
from parity_tests.sidebyside import agree, both_agree, raised

Pair = namedtuple("Pair", ["first", "second"])
SEEDS = pytest.mark.parametrize("seed", range(15))


def drawn_value(draw: Random, library: Any, depth: int = 2) -> Any:
    """A nest of tuples, lists and dictionaries with tensors of equal length at its leaves."""
    kind = draw.randrange(6 if depth else 1)
    if kind < 2:
        return library.arange(8.0).view(4, 2) * draw.randrange(1, 5)
    parts = [drawn_value(draw, library, depth - 1) for _ in range(2)]
    return [tuple(parts), parts, {"a": parts[0], "b": parts[1]}, Pair(*parts)][kind - 2]


def split_by_hand(value: Any, count: int, dim: int) -> list[Any]:
    """What scatter should give, by torch's own chunk."""
    if isinstance(value, oracle.Tensor):
        return list(value.chunk(count, dim))
    if isinstance(value, dict):
        rows = zip(*(split_by_hand(v, count, dim) for v in value.values()), strict=True)
        return [dict(zip(value, row, strict=True)) for row in rows]
    rows = zip(*(split_by_hand(v, count, dim) for v in value), strict=True)
    return [Pair(*row) if isinstance(value, Pair) else type(value)(row) for row in rows]


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
@SEEDS
def test_scatter_and_gather(seed: int, count: int, dim: int) -> None:
    mine, theirs = (drawn_value(Random(seed), library) for library in (torch, oracle))
    pieces = parallel.scatter(mine, ["cpu"] * count, dim)
    expected = split_by_hand(theirs, count, dim)
    assert len(pieces) == len(expected)
    for piece, other in zip(pieces, expected, strict=True):
        agree(piece, other)
        assert type(piece).__name__ == type(other).__name__
    agree(parallel.gather(pieces, "cpu", dim), theirs)


def test_scatter_hands_on_what_is_no_tensor() -> None:
    value = (3, "text", [], {}, (), None, {"n": 1})
    assert parallel.scatter(value, ["cpu", "cpu"]) == [value, value]
    tensors = parallel.scatter(torch.arange(4), [torch.device("cpu")] * 2)
    assert isinstance(tensors, tuple) and [t.tolist() for t in tensors] == [[0, 1], [2, 3]]


def test_scatter_and_gather_pass_gradients() -> None:
    x = torch.arange(6.0, requires_grad=True)
    one, two = parallel.scatter(x, ["cpu", "cpu"])
    parallel.gather([one * 2, two * 3], "cpu").sum().backward()
    assert x.grad.tolist() == [2.0] * 3 + [3.0] * 3


def test_gather_of_scalars_warns_and_makes_a_vector() -> None:
    with pytest.warns(UserWarning, match="all input tensors were scalars"):
        joined = parallel.gather([torch.tensor(1.0), torch.tensor(2.0)], -1)
    assert joined.tolist() == [1.0, 2.0]


def test_gather_refuses_dictionaries_that_differ() -> None:
    outputs = [{"a": torch.ones(1)}, {"a": torch.ones(1), "b": torch.ones(1)}]
    with pytest.raises(ValueError, match="same number of keys"):
        parallel.gather(outputs, "cpu")
    assert parallel.gather([None, None], "cpu") is None
    ordered = [OrderedDict(a=torch.ones(1), b=torch.zeros(1))] * 2
    assert type(parallel.gather(ordered, "cpu")) is OrderedDict


def settled(seed: int, **options: Any) -> Any:
    """A drawn net without batch statistics, which depend on how a batch is split."""
    return tree(torch, seed, **options).double().eval()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@SEEDS
def test_many_devices_do_what_one_does(seed: int, count: int) -> None:
    alone, shared = settled(seed), settled(seed)
    net = torch.nn.DataParallel(shared, device_ids=["cpu"] * count)
    x = torch.rand(7, WIDTH, dtype=torch.float64)
    ins = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    outs = [alone(ins[0]), net(ins[1])]
    weights = torch.rand_like(outs[0])
    for out in outs:
        (out * weights).sum().backward()
    assert torch.allclose(*outs) and torch.allclose(ins[0].grad, ins[1].grad)
    for (name, p), (other, q) in zip(alone.named_parameters(), net.named_parameters(), strict=True):
        assert other == f"module.{name}"
        assert (p.grad is None) == (q.grad is None), name
        assert p.grad is None or torch.allclose(p.grad, q.grad), name
    function = parallel.data_parallel(shared, x, [torch.device("cpu")] * count)
    assert torch.allclose(function, outs[0])


def test_training_goes_the_same_way() -> None:
    curves = []
    for devices in (None, ["cpu"] * 3):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        net = torch.nn.DataParallel(net, device_ids=devices)
        step = torch.optim.Adam(net.parameters(), 0.05)
        x = torch.randn(9, 3)
        curve = []
        for _ in range(10):
            loss = (net(x) - x.prod(1, keepdim=True)).square().mean()
            step.zero_grad()
            loss.backward()
            step.step()
            curve.append(loss.item())
        curves.append(curve)
    assert curves[0][-1] < curves[0][0]
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)


def test_keywords_and_no_arguments() -> None:
    class Net(torch.nn.Module):
        def forward(self, x: Any = None, *, gain: Any = 1.0, names: tuple[str, ...] = ()) -> Any:
            if x is None:
                return torch.ones(2) * gain
            assert names in ((), ("a", "b"))
            return {"y": x * gain, "n": [x + 1]}

    net = torch.nn.DataParallel(Net(), ["cpu", "cpu"])
    out = net(torch.arange(4.0), gain=torch.arange(4.0), names=("a", "b"))
    assert out["y"].tolist() == [0.0, 1.0, 4.0, 9.0] and out["n"][0].tolist() == [1, 2, 3, 4]
    assert net().tolist() == [1.0, 1.0]
    assert net(gain=torch.ones(2)).shape == (4,)


def test_running_statistics_move_on_in_the_original() -> None:
    norm = torch.nn.BatchNorm1d(2)
    net = torch.nn.DataParallel(norm, ["cpu", "cpu"])
    x = torch.arange(16.0).view(8, 2)
    net(x)
    expected = torch.nn.BatchNorm1d(2)
    expected(x[:4])  # the copy on the first device shares the buffers, as in torch
    assert torch.equal(norm.running_mean, expected.running_mean)
    assert int(norm.num_batches_tracked) == 1


def test_replicas() -> None:
    shared = torch.nn.Linear(2, 2)
    net = torch.nn.Sequential(shared, torch.nn.ReLU(), shared, torch.nn.BatchNorm1d(2))
    net.add_module("none", None)
    one, two = parallel.replicate(net, ["cpu", "cpu"])
    assert type(one) is type(net) and one[0] is one[2] and one[0] is not shared
    assert list(one.parameters()) == [] and one[0].weight.grad_fn is not None
    assert one[3].running_mean.data_ptr() == net[3].running_mean.data_ptr()
    assert two[3].running_mean.data_ptr() != net[3].running_mean.data_ptr()
    with pytest.warns(UserWarning, match="has no effect"):
        one.zero_grad()
    (detached,) = parallel.replicate(net, ["cpu"], detach=True)
    assert not detached[0].weight.requires_grad
    assert parallel.replicate(net, []) == []


def test_errors_say_in_which_copy() -> None:
    net = torch.nn.DataParallel(torch.nn.Linear(3, 1), ["cpu", "cpu"])
    with pytest.raises(RuntimeError) as caught:
        net(torch.ones(4, 2))
    assert caught.value.__notes__ == ["in replica 0 on device cpu"]
    with pytest.raises(RuntimeError, match="device cannot be resolved"):
        parallel.parallel_apply([torch.nn.ReLU()], [3])
    with pytest.raises(AssertionError, match="number of inputs 0"):
        parallel.parallel_apply([torch.nn.ReLU()], [])
    with pytest.raises(AssertionError, match="number of devices 2"):
        parallel.parallel_apply([torch.nn.ReLU()], [3], devices=["cpu", "cpu"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without CUDA")
def test_numbers_mean_cuda() -> None:
    net, x = torch.nn.Linear(2, 1), torch.ones(4, 2)
    calls = (
        lambda: torch.nn.DataParallel(net, device_ids=[0, 1]),
        lambda: parallel.scatter(x, [0]),
        lambda: parallel.gather([x], 0),
        lambda: parallel.replicate(net, [0]),
        lambda: parallel.data_parallel(net, x, [0]),
    )
    for call in calls:
        assert "CUDA is not available" in raised(call)
    assert "there is no CUDA" in raised(lambda: parallel.data_parallel(net, x))
    assert raised(lambda: parallel.scatter(x, [1.5])).startswith("TypeError")


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without CUDA")
@both_agree
def test_without_cards_the_module_is_called_as_it_is(torch: Any) -> Any:
    torch.manual_seed(0)
    net = torch.nn.DataParallel(torch.nn.Linear(2, 1))
    return [net, list(net.state_dict()), net.device_ids, net(torch.ones(3, 2)), net.module.weight]


def test_several_processes_are_left_out() -> None:
    with pytest.raises(NotImplementedError, match="left out of minigrad"):
        parallel.DistributedDataParallel(torch.nn.Linear(1, 1), device_ids=[0])
