"""Plain ``pickle`` and ``copy``: of tensors, storages, modules, generators and small objects."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from parity_tests.files.trees import Leaf, facts, leaves, loaded, saved


def not_a_parameter(leaf: Leaf) -> bool:
    """A parameter is copied by itself, whatever shares its memory."""
    return leaf.kind not in ("parameter", "frozen")


PROTOCOLS = st.integers(2, 5)


@given(leaves(), PROTOCOLS)
def test_a_pickled_tensor_keeps_its_values_and_kind(leaf: Leaf, protocol: int) -> None:
    tensor = leaf.make(mg, {})
    found = pickle.loads(pickle.dumps(tensor, protocol))
    assert type(found) is type(tensor) and facts(found)[2] == facts(tensor)[2]
    assert found.shape == tensor.shape and found.dtype == tensor.dtype
    assert found.requires_grad == tensor.requires_grad and found.is_leaf
    found.detach().fill_(0)  # its memory is its own


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_the_order_in_memory_is_kept(axes: tuple[int, ...]) -> None:
    for lib in (mg, torch):
        x = lib.arange(24).view(2, 3, 4).permute(axes)
        assert pickle.loads(pickle.dumps(x)).stride() == x.stride()


def test_a_computed_tensor_becomes_a_leaf() -> None:
    for lib in (mg, torch):
        found = pickle.loads(pickle.dumps(lib.ones(2, requires_grad=True) * 2))
        assert found.requires_grad and found.is_leaf


@given(st.lists(leaves().filter(not_a_parameter), min_size=1, max_size=4))
def test_deep_copies_are_torchs(plans: list[Leaf]) -> None:
    """Attributes, and memory that is shared, too."""
    rows = []
    for lib in (mg, torch):
        blocks: dict[Any, Any] = {}
        tensors = [leaf.make(lib, blocks) for leaf in plans]
        copies = copy.deepcopy([*tensors, tensors[0]])
        assert copies[-1] is copies[0]
        rows.append([facts(copies), [type(t).__name__ for t in copies if lib is mg]])
        before = facts(tensors)
        for found in copies:
            if found.numel():
                found.detach().fill_(1)
        assert facts(tensors) == before
    assert rows[0][0] == rows[1][0]


def test_gradients_and_attributes_of_a_deep_copy() -> None:
    for lib in (mg, torch):
        x = lib.ones(2, requires_grad=True)
        (x * 3).sum().backward()
        x.note = [1]
        found = copy.deepcopy(x)
        assert found.grad.tolist() == [3.0, 3.0] and found.grad is not x.grad
        assert found.note == [1] and found.note is not x.note


def test_modules_and_generators() -> None:
    net = mg.nn.Sequential(mg.nn.Linear(2, 3), mg.nn.BatchNorm1d(3), mg.nn.ReLU()).eval()
    for found in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert facts(found.state_dict()) == facts(net.state_dict())
        x = mg.ones(4, 2)
        assert found(x).tolist() == net(x).tolist()
    generator = mg.Generator().manual_seed(3)
    mg.rand(5, generator=generator)
    for found in (pickle.loads(pickle.dumps(generator)), copy.deepcopy(generator)):
        state = generator.get_state()
        assert mg.rand(3, generator=found).tolist() == mg.rand(3, generator=generator).tolist()
        generator.set_state(state)


def test_the_state_of_a_generator_goes_through_a_file_to_torch_and_back() -> None:
    mine, theirs = mg.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    mg.rand(7, generator=mine), torch.rand(7, generator=theirs)
    other = torch.Generator()
    other.set_state(loaded(torch, saved(mg, mine.get_state())))
    mine.set_state(loaded(mg, saved(torch, theirs.get_state())))
    expected = torch.rand(5, generator=theirs).tolist()
    assert mg.rand(5, generator=mine).tolist() == expected
    assert torch.rand(5, generator=other).tolist() == expected


def test_storages() -> None:
    for storage in (mg.arange(3.0).untyped_storage(), mg.arange(3.0).storage()):
        for found in (pickle.loads(pickle.dumps(storage)), copy.deepcopy(storage)):
            assert type(found) is type(storage) and found.tolist() == storage.tolist()
            assert found.data_ptr() != storage.data_ptr()


@pytest.mark.parametrize("name", ["float32", "bool", "bfloat16", "strided", "contiguous_format"])
def test_words_are_the_same_again(name: str) -> None:
    word = getattr(mg, name)
    assert pickle.loads(pickle.dumps(word)) is word and copy.deepcopy(word) is word


@pytest.mark.parametrize("obj", [mg.Size([1, 2]), mg.device("cpu"), mg.device("cuda:1")], ids=str)
def test_small_objects(obj: Any) -> None:
    for found in (pickle.loads(pickle.dumps(obj)), copy.deepcopy(obj)):
        assert found == obj and type(found) is type(obj)
