"""Tensors made from data, sizes and ranges, as torch makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.both import assert_same, built_in, outcome, same_as_torch

oracle = pytest.importorskip("torch")

GOOD = """
torch.tensor([[1, 2], [3, 4]])
torch.tensor([1, 2.5])
torch.tensor([True, 2])
torch.tensor([[], []])
torch.tensor(range(3))
torch.tensor([torch.tensor([1.5]), torch.tensor(2.0)])
torch.tensor([torch.tensor([1.5]), 2])
torch.tensor([[3, torch.tensor(2)], [1, 0]])
torch.tensor([np.float32(1), np.float32(2)])
torch.tensor([np.float64(1), 2.0])
torch.tensor([np.int32(1)])
torch.tensor([np.zeros(2, np.int32)])
torch.tensor([np.array([1.0, 2.0]), np.array([1, 2])])
torch.tensor(np.bool_(True))
torch.tensor(-1, dtype=torch.uint8)
torch.tensor(1.7, dtype=torch.int32)
torch.tensor(2.5, dtype=bool)
torch.tensor(2**63 - 1)
torch.tensor(np.arange(3, dtype=np.uint16)).to(torch.int32)
torch.as_tensor([1, 2], dtype=torch.float16)
torch.asarray(3.0, requires_grad=True)
torch.asarray(bytearray(b"abcd"), dtype=torch.int16)
torch.frombuffer(bytearray(b"abcdefgh"), dtype=torch.int16, count=2, offset=2)
torch.scalar_tensor(3)
torch.Tensor([1, 2])
torch.Tensor((1, 2))
torch.Tensor(torch.arange(2))
torch.Tensor()
torch.Tensor(2, 3).shape
torch.Tensor(np.int64(2)).shape
torch.FloatTensor([1, 2])
torch.LongTensor(np.array([1.5, 2]))
torch.ShortTensor(2).dtype
torch.zeros(2, dtype=torch.int64).new([1, 2])
torch.zeros(2).new(2, 3).shape
torch.zeros(2).new_tensor([1, 2], dtype=torch.int8)
torch.zeros(2).new_zeros(size=(2,))
torch.zeros((2, 3), dtype=int)
torch.full((2,), True)
torch.full((2,), 1.5, dtype=torch.int32)
torch.zeros([2, 3], out=torch.zeros(1, dtype=torch.int32))
torch.rand(3, out=torch.zeros(3, dtype=torch.float64)).dtype
torch.arange(0, 3, 0.5, dtype=torch.int32)
torch.arange(end=5)
torch.range(0, 1, 0.25)
torch.range(1, 3, dtype=torch.int64)
torch.arange(0, 1, 0.1)
torch.arange(3, 0, -1.5)
torch.arange(2**40, 2**40 + 3)
torch.linspace(4.3, -3, 50, dtype=torch.int64)
torch.linspace(torch.tensor(0.0), 1, 7)
torch.logspace(0, 3, 4, base=-2)
torch.eye(2, 3, dtype=torch.bool)
list(torch.empty_strided((2, 3), (1, 2)).stride())
list(torch.empty_permuted((2, 3, 5), (2, 0, 1)).stride())
list(torch.empty(2, 3, 4, 5, memory_format=torch.channels_last).stride())
torch.hann_window(7)
torch.hamming_window(6, False, 0.6, 0.3)
torch.kaiser_window(5, True, beta=3.0)
torch.bartlett_window(6, dtype=torch.float64)
torch.signal.windows.gaussian(5, std=2.0)
torch.signal.windows.exponential(6, sym=False, center=2.0, tau=3.0)
torch.signal.windows.general_cosine(5, a=[0.4, 0.3, 0.2])
torch.signal.windows.nuttall(1)
torch.signal.windows.cosine(5, sym=False)
torch.randint(5, (2,), dtype=torch.int8).dtype
torch.randint(low=2, high=9, size=(3,)).shape
torch.empty(0).random_(5).shape
""".strip().splitlines()

BAD = """
torch.tensor([[1, 2], [3]])
torch.tensor([[1], 2])
torch.tensor("a")
torch.tensor(["a"])
torch.tensor([None])
torch.tensor({1: 2})
torch.tensor([torch.tensor([1, 2]), torch.tensor([3, 4])])
torch.tensor(2**63)
torch.tensor(300, dtype=torch.uint8)
torch.tensor([1], dtype="float32")
torch.tensor([1, 2], requires_grad=True)
torch.tensor(np.array([1, 2], dtype=">f4"))
torch.from_numpy(np.zeros(3)[::-1])
torch.from_numpy([1])
torch.frombuffer(bytearray(b"abc"), dtype=torch.int16)
torch.Tensor(5.0)
torch.Tensor("abc")
torch.Tensor(-1)
torch.FloatTensor(torch.arange(2))
torch.zeros(-1)
torch.zeros(2.0)
torch.zeros()
torch.zeros(2, out=torch.zeros(2, dtype=torch.int32), dtype=torch.float32)
torch.full(2, 3)
torch.full((2,), 300, dtype=torch.uint8)
torch.empty_strided((2, 3), (1,))
torch.empty_permuted((2, 3), (0, 0))
torch.arange(5, dtype=torch.bool)
torch.arange(1e20)
torch.arange(0, 3, 0.5, dtype=torch.int64)
torch.arange(0, float("inf"))
torch.linspace(0, 1, -1)
torch.linspace(torch.tensor([0.0]), 1, 3)
torch.eye(-1)
torch.ones_like([1])
torch.hann_window(-1)
torch.signal.windows.gaussian(5, std=-1.0)
torch.signal.windows.hann(5, dtype=torch.float16)
torch.randint(3, 3, (2,))
torch.normal(torch.zeros(2), -torch.ones(2))
torch.poisson(-torch.ones(2))
torch.zeros(2).set_(torch.zeros(2, dtype=torch.int64))
""".strip().splitlines()


@pytest.mark.parametrize("line", GOOD)
def test_makes_torchs_tensor(line: str) -> None:
    same_as_torch(lambda torch: eval(line, {"torch": torch, "np": np}))()


@pytest.mark.parametrize("line", BAD)
def test_raises_as_torch(line: str) -> None:
    kinds = []
    for torch in (minigrad, oracle):
        with pytest.raises(Exception) as error:
            eval(line, {"torch": torch, "np": np})
        kinds.append(built_in(error.value))
    assert kinds[0] == kinds[1]


@given(
    ends=st.tuples(*[st.decimals(-1000, 1000, places=3).map(float)] * 2),
    steps=st.integers(2, 300),
    kind=st.sampled_from(["float32", "float16", "bfloat16"]),
)
def test_numbers_between_two_ends_have_torchs_bits(
    ends: tuple[float, float], steps: int, kind: str
) -> None:
    ours, theirs = (t.linspace(*ends, steps, dtype=getattr(t, kind)) for t in (minigrad, oracle))
    assert ours.tolist() == theirs.tolist()


@same_as_torch
def test_random_parameters_get_zeros(torch: Any) -> Any:
    x = torch.tensor([0.3, 0.7], requires_grad=True)
    made = [torch.normal(x, 1.0), torch.normal(0.0, x), torch.normal(x, x), torch.bernoulli(x)]
    grads = [torch.autograd.grad(y.sum(), x)[0] for y in (*made, torch.poisson(x))]
    return grads, [y.grad_fn.name() for y in made]


@pytest.mark.parametrize("layout", ["x", "x.t()", "x[:, ::2]", "x.t()[::2]", "x[0].expand(3, 16)"])
@same_as_torch
def test_numbers_fall_where_torchs_do_in_every_layout(torch: Any, layout: str) -> Any:
    x = eval(layout, {"x": torch.linspace(0.1, 0.9, 96).reshape(6, 16)})
    draws = [
        torch.bernoulli,
        lambda x: torch.multinomial(x, 2),
        lambda x: torch.multinomial(x, 2, replacement=True),
        torch.poisson,
        torch.rand_like,
        torch.randn_like,
        lambda x: torch.normal(x, 1.0),
        lambda x: torch.distributions.Categorical(x).sample((2,)),
    ]
    found = []
    for draw in draws:
        torch.manual_seed(0)
        found.append(draw(x))
    return found


@same_as_torch
def test_a_block_of_its_own_stream(torch: Any) -> Any:
    torch.manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        inside = torch.rand(2)
    state = torch.get_rng_state()
    after = torch.rand(2)
    torch.set_rng_state(state)
    return inside, after, torch.rand(2), state, torch.initial_seed()


def test_states_are_tensors() -> None:
    state = minigrad.Generator().get_state()
    assert isinstance(state, minigrad.Tensor) and state.dtype is minigrad.uint8
    theirs = oracle.Generator().set_state(oracle.from_numpy(state.numpy()))
    same = minigrad.Generator().set_state(state)
    assert_same(
        outcome(lambda m: minigrad.rand(2, generator=same).tolist(), minigrad),
        outcome(lambda m: oracle.rand(2, generator=theirs).tolist(), oracle),
    )
