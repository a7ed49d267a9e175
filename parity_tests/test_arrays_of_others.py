"""Arrays that tensors share with NumPy and pandas: read-only ones, and their own shapes."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import minigrad
from minigrad.ops.creation import sources
from parity_tests.both import same_as_torch


def locked(*shape):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    array.flags.writeable = False
    return array


@same_as_torch
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize(
    "write",
    [
        lambda torch, x: x.sub_(x.mean(0)),
        lambda torch, x: x.__setitem__(0, 5.0),
        lambda torch, x: x[1:].mul_(2),
        lambda torch, x: torch.nn.init.ones_(x),
        lambda torch, x: x.zero_(),
    ],
)
@pytest.mark.parametrize("shape", [(4,), (2, 3), (0, 2)])
def test_a_tensor_of_a_read_only_array_is_written_to(torch, write, shape):
    if not shape[0]:
        return torch.from_numpy(locked(*shape)).zero_()
    array = locked(*shape)
    x = torch.from_numpy(array)
    write(torch, x)
    return x, array.copy(), torch.as_tensor(array), x.numpy().flags.writeable


@same_as_torch
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_columns_of_a_table_are_normalised_in_place(torch):
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 0.5]})
    x = torch.from_numpy(table.values)
    x -= x.mean(0)
    x /= x.std(0)
    w = torch.nn.Parameter(torch.from_numpy(table["a"].to_numpy()))
    (w * w).sum().backward()
    torch.optim.SGD([w], lr=0.1).step()
    return x, w


def test_it_is_said_once():
    sources._warn.cache_clear()
    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        minigrad.from_numpy(locked(2))
    with warnings.catch_warnings(action="error"):
        minigrad.from_numpy(locked(2))


@same_as_torch
def test_an_array_may_get_another_shape_without_the_tensor(torch):
    x = torch.arange(6.0).view(2, 3)
    x.numpy().shape = (6,)
    array = np.arange(6.0)
    y = torch.from_numpy(array)
    array.shape = (3, 2)
    return x, y, x.numpy() is x.numpy()


@same_as_torch
def test_copying_by_tensor_is_warned_of(torch):
    with pytest.warns(UserWarning, match="To copy construct from a tensor, it is recommended"):
        x = torch.tensor(torch.arange(3.0, requires_grad=True))
    return x, x.requires_grad
