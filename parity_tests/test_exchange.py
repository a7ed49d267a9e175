"""Tensors among Python's and NumPy's objects: what torch's do there, minigrad's do too."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch

oracle = pytest.importorskip("torch")


@same_as_torch
def test_numpy_functions_take_tensors(torch: Any) -> Any:
    t, a = torch.tensor([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0], np.float32)
    return [
        [t == a, a == t, t * a, t + a, t - a],
        [np.float64(2) * t, t * np.float64(2), np.float32(2) - t, np.int64(2) * torch.tensor([1])],
        [np.sin(t), np.exp(t), np.maximum(t, 1), np.abs(-t)],
        [np.asarray(t).tolist(), np.array(t, dtype=np.float64).tolist()],
        np.concatenate([t, t]).tolist(),
        np.allclose(t, a),
        np.arange(5)[torch.tensor([1, 2])].tolist(),
        np.zeros(3)[t > 1].tolist(),
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda t, a: a @ t,
        lambda t, a: a > t,
        lambda t, a: np.sum(t),
        lambda t, a: t.mul(a),
        lambda t, a: np.asarray(t.requires_grad_()),
        lambda t, a: t.requires_grad_().numpy(),
        lambda t, a: np.from_dlpack(t.requires_grad_()),
        lambda t, a: t.bfloat16().numpy(),
    ],
)
def test_what_numpy_cannot_do_with_tensors(call: Any) -> None:
    raised = []
    for torch in (minigrad, oracle):
        with pytest.raises(Exception) as error:
            call(torch.tensor([1.0, 2.0]), np.array([1.0, 2.0], np.float32))
        raised.append(error.type.__mro__[-4:])
    assert raised[0] == raised[1]


def test_memory_is_shared_with_numpy() -> None:
    a = np.zeros(3)
    for share in (minigrad.from_numpy, minigrad.as_tensor, minigrad.asarray, minigrad.from_dlpack):
        x = share(a)
        x[0] = a[1] = 7.0
        assert x.tolist() == a.tolist() == [7.0, 7.0, 0.0]
        a[:] = 0
    x = minigrad.zeros(2)
    for array in (x.numpy(), np.asarray(x), np.from_dlpack(x), x.detach().numpy()):
        x += 1
        assert array.tolist() == x.tolist()
    assert minigrad.tensor(a).numpy() is not a


def test_memory_is_shared_with_torch() -> None:
    theirs = oracle.zeros(2, 3)
    mine = minigrad.from_dlpack(theirs.T)
    mine[1, 0] = 5
    assert theirs[0, 1] == 5 and mine.stride() == (1, 3)
    back = oracle.from_dlpack(mine)
    back[2, 1] = 4
    assert mine[2, 1] == 4
    through = oracle.utils.dlpack.from_dlpack(minigrad.utils.dlpack.to_dlpack(mine))
    assert through.data_ptr() == mine.data_ptr()


@same_as_torch
def test_python_protocols(torch: Any) -> Any:
    t, i = torch.tensor([1.5, 2.5]), torch.tensor(3)
    return [
        [list(reversed(t)), reversed(t), [*t], len(t), 1.5 in t, i in torch.tensor([1, 3])],
        [float(i), int(t[0]), bool(i), [1, 2, 3, 4][i], list(range(i)), round(float(t[0]), 1)],
        [f"{i:5d}", f"{t[0]:.3f}", format(t, ""), str(complex(t[0]))],
        [t.tolist(), i.tolist(), torch.tensor([[True]]).tolist(), max(t), sorted(-t), sum(t)],
    ]


@pytest.mark.parametrize("call", [len, list, iter])
def test_a_number_is_no_sequence(call: Any) -> None:
    for torch in (minigrad, oracle):
        with pytest.raises(TypeError, match="0-d tensor"):
            call(torch.tensor(1))


@same_as_torch
def test_copies_and_pickles(torch: Any) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    deep = copy.deepcopy(x)
    things = (x, torch.float32, torch.device("cpu"), torch.Size([1]), torch.nn.Parameter(x.data))
    return [
        [deep, deep.grad, copy.copy(x), copy.copy(x * 2), copy.deepcopy([x, x])[0] is not x],
        [str(pickle.loads(pickle.dumps(thing))) for thing in things],
    ]


@both_raise
def test_only_leaves_are_copied(torch: Any) -> Any:
    return copy.deepcopy(torch.ones(1, requires_grad=True) * 2)


@same_as_torch
def test_memory_and_views(torch: Any) -> Any:
    x = torch.arange(12.0).reshape(3, 4)
    last = x[1:].T
    return [
        [last.storage_offset(), list(last.stride()), last.dim_order(), last.storage().size()],
        last.untyped_storage().nbytes(),
        last.untyped_storage().data_ptr() == x.data_ptr(),
        [x.storage()[5], x.storage().tolist(), torch.is_storage(x.storage())],
        torch.zeros(3).set_(x.storage(), 1, (2, 2), (4, 1)),
        torch.zeros(3).set_(x.untyped_storage(), 2, (3,), (2,)),
        list(torch.zeros(2).set_().shape),
        [x.is_set_to(x), x.is_set_to(x.clone()), x.is_same_size(x.T), x.is_shared(), x.is_pinned()],
        [x.get_device(), x.is_cpu, x.is_sparse, x.is_quantized, x.itemsize, x.nbytes, x.layout],
        torch.tensor([1.0, 2.0]).apply_(lambda v: v * 2),
        torch.tensor([1.0, 2.0]).map_(torch.tensor([3.0, 4.0]), lambda a, b: a + b),
    ]


@same_as_torch
def test_like_keeps_the_order_of_memory(torch: Any) -> Any:
    x, c = torch.zeros(3, 4), torch.zeros(2, 3, 4, 5)
    shapes = [x.T, x[:, ::2], x[0].expand(4, 4), c.permute(0, 2, 3, 1), c.permute(3, 1, 0, 2)]
    makers = (torch.zeros_like, torch.empty_like, torch.ones_like, torch.rand_like)
    return [[list(make(s).stride()) for make in makers] for s in shapes]


@same_as_torch
def test_draws_follow_the_order_of_memory(torch: Any) -> Any:
    found = []
    for method in ("uniform_", "normal_", "exponential_", "log_normal_", "cauchy_"):
        for shape in ((3, 5), (40, 5)):
            torch.manual_seed(3)
            x = torch.zeros(shape)
            if method != "exponential_":  # MKL's on some processors
                getattr(x.T, method)(), getattr(x[:, ::2], method)()
            found.append(x)
    torch.manual_seed(4)
    return found, torch.rand_like(found[1].T), torch.randn_like(found[1].T)


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "bfloat16", "int64", "bool"])
def test_kernels_know_the_dtype_of_what_was_pickled(kind: str) -> None:
    x = minigrad.ones(2, 3, dtype=getattr(minigrad, kind)).t()
    again = pickle.loads(pickle.dumps(x))
    assert again._array.dtype is x._array.dtype and again.stride() == x.stride()
    assert (again == x).all()
