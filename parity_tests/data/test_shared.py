"""Values through shared memory: what comes out is what went in, and lies where it should."""

from __future__ import annotations

import collections
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as torch
from minigrad.utils.data import pinning
from minigrad.utils.data.shared import Arena, Mail, Segments

DTYPES = ["float32", "float64", "int64", "uint8", "bool", "float16"]


class Post:
    """A worker's and a parent's side in one process."""

    def __init__(self) -> None:
        self.arena, self.segments = Arena(), Segments()
        self.new = 0

    def begin(self) -> None:
        for number, reusable in self.segments.released():
            self.arena.released(number, reusable)
        self.arena.begin()

    def carry(self, value: Any) -> Any:
        mail, handle = self.arena.pack(value)
        assert (handle is not None) == bool(mail.size)
        self.new += handle is not None
        self.segments.arrived(mail, collections.deque([] if handle is None else [handle]))
        return self.segments.unpack(Mail(*tuple(mail)))


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    """Tensors of any size, dtype and layout."""
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    dtype = draw(st.sampled_from(DTYPES))
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    tensor = torch.from_numpy(array)
    if shape:
        tensor = tensor.permute(draw(st.permutations(range(len(shape)))))
        steps = tuple(slice(None, None, draw(st.sampled_from([1, 1, 2]))) for _ in shape)
        tensor = tensor[steps]
    if draw(st.booleans()):
        tensor = tensor.expand(draw(st.integers(1, 3)), *tensor.shape)
    return tensor


def leaves() -> st.SearchStrategy[Any]:
    plain = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.binary(max_size=5))
    arrays = tensors().map(lambda t: np.array(t.numpy(), order="F"))
    long = st.integers(0, 3).map(lambda n: "x" * 30_000 * n)
    return st.one_of(tensors(), arrays, plain, long)


VALUES = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
    ),
    max_leaves=6,
)


def same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(other, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(other, dict):
        assert list(one) == list(other)
        same(list(one.values()), list(other.values()))
    elif isinstance(other, torch.Tensor):
        assert one.dtype is other.dtype and one.requires_grad == other.requires_grad
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())
    elif isinstance(other, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@given(st.lists(VALUES, max_size=12), st.integers(0, 3))
def test_values_come_out_as_they_went_in(values: list[Any], keep: int) -> None:
    post, kept = Post(), collections.deque[Any](maxlen=keep)
    for value in values:
        post.begin()
        kept.append((value, post.carry(value)))
        for sent, come in kept:  # nothing that is in use is written over
            same(come, sent)


@given(tensors())
def test_strides_are_kept_where_there_are_no_gaps(tensor: Any) -> None:
    found = Post().carry(tensor)
    if tensor.numel() and 0 not in tensor.stride():
        dense = np.sort(np.array(tensor.stride())[np.array(tensor.shape) > 1]).tolist()
        order = np.argsort(np.array(tensor.stride()))
        gapless = np.array(tensor.shape)[order].prod() - 1 == sum(
            (n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True)
        )
        if gapless and dense:
            assert found.stride() == tensor.stride()


def test_what_is_expanded_is_sent_once() -> None:
    post = Post()
    value = torch.arange(3.0).reshape(3, 1).expand(3, 100_000)
    post.begin()
    found = post.carry(value)
    assert found.stride() == (1, 0) and found[2, 99_999] == 2
    assert post.arena._wanted < 1000


def test_kinds_of_tensors() -> None:
    post = Post()
    leaf = torch.ones(2, requires_grad=True)
    half = torch.ones(3, dtype=torch.bfloat16)
    parameter = torch.nn.Parameter(torch.ones(2))
    found = post.carry([leaf, half, parameter, leaf, torch.tensor(3)])
    assert found[0].requires_grad and found[0].is_leaf and found[0] is found[3]
    assert found[1].dtype is torch.bfloat16 and found[1]._array.dtype == ml_dtypes.bfloat16
    assert type(found[2]) is torch.nn.Parameter
    assert found[4].item() == 3 and found[4].shape == ()
    with pytest.raises(RuntimeError, match="Cowardly refusing"):
        post.carry(leaf * 2)


def test_batches_are_made_in_place_from_the_second_on() -> None:
    post = Post()
    for number in range(20):
        post.begin()
        rows = post.arena.empty((50, 3), np.float32)
        rows[...] = number
        before = rows.__array_interface__["data"][0]
        inside = post.arena._array is not None and np.shares_memory(rows, post.arena._array)
        found = post.carry([torch.from_numpy(rows), torch.arange(5)])
        assert inside == (number > 0), "the first one says how much room is needed"
        assert found[0].eq(number).all() and found[1].tolist() == [0, 1, 2, 3, 4]
        assert found[0].data_ptr() != before, "another view of the same memory"
        found[0].add_(1)
        if inside:
            assert rows[0, 0] == number + 1
        del rows, found
    assert post.new <= 3


def test_memory_that_the_worker_keeps_is_not_written_again() -> None:
    post, kept = Post(), []
    for number in range(6):
        post.begin()
        rows = post.arena.empty((4,), np.int64)
        rows[...] = number
        kept.append(rows)
        post.carry(torch.from_numpy(rows))
    assert [int(rows[0]) for rows in kept] == list(range(6))


def test_lengths_that_grow() -> None:
    post = Post()
    for size in range(1, 400):
        post.begin()
        assert post.carry(torch.full((size * 64,), size)).eq(size).all()
    assert post.new < 40
    post.begin()
    post.carry(torch.ones(1))
    assert len(post.segments._memories) < 6, "those too small were dropped on both sides"


class FakeCupyx:
    """Stands for cupyx: there is no card here."""

    asked = 0

    def empty_pinned(self, shape: Any, dtype: Any) -> Any:
        self.asked += 1
        return np.empty(shape, dtype)


class Custom:
    def pin_memory(self) -> str:
        return "pinned itself"


Pair = collections.namedtuple("Pair", ["x", "y"])


def test_pinning_goes_through_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCupyx()
    monkeypatch.setitem(__import__("sys").modules, "cupyx", fake)
    monkeypatch.setattr(pinning, "available", lambda: True)
    t = torch.ones(2)
    batch = {"a": [t, "text", 3], "b": (t, Custom()), "c": Pair(t, b"x"), "d": range(2)}
    same(pinning.pin_memory(batch), {**batch, "b": (t, "pinned itself"), "d": [0, 1]})
    assert fake.asked == 3
    loader = torch.utils.data.DataLoader([t, t], 2, pin_memory=True, num_workers=1)
    same(list(loader), [torch.ones(2, 2)])
    assert fake.asked == 4
