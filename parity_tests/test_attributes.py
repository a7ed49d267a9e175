"""Small attributes of tensors, constants and types, beside torch's."""

from __future__ import annotations

import pytest

from parity_tests.both import same_as_torch


@same_as_torch
def test_what_a_tensor_says_of_itself(torch):
    x = torch.arange(6.0).reshape(2, 3)
    return [
        (x.dim(), x.ndim, x.ndimension(), x.nelement(), x.element_size(), x.get_device()),
        (x.is_cuda, x.is_inference(), x.is_signed(), x.is_same_size(x.T), x.is_nonzero.__name__),
        (x.mT, x.mH, x.H, x.int().is_signed(), x.byte().is_signed()),
        torch.get_device(x),
        torch.is_inference(x),
        torch.is_same_size(x, x + 1),
        torch.is_signed(x),
        x.const_data_ptr() == x.data_ptr(),
    ]


@same_as_torch
def test_is_nonzero(torch):
    return [torch.tensor(v).is_nonzero() for v in (0, 1, 0.0, -0.5, True, False)]


@same_as_torch
def test_constants(torch):
    return [torch.e, torch.inf, torch.nan != torch.nan, torch.pi, torch.newaxis]


@same_as_torch
def test_types_by_name(torch):
    names = ("uint16", "uint32", "uint64", "int8", "bfloat16")
    found = [str(getattr(torch, name)) for name in names]
    kinds = [isinstance(torch.float32, torch.dtype), isinstance(torch.strided, torch.layout)]
    return [found, kinds, isinstance(torch.contiguous_format, torch.memory_format)]


@pytest.mark.parametrize(
    "name", ["BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "IntTensor", "ShortTensor"]
)
@same_as_torch
def test_old_constructors(torch, name):
    make = getattr(torch, name)
    _ = torch.BoolTensor, torch.ByteTensor, torch.CharTensor  # for the list of what is compared
    _ = torch.DoubleTensor, torch.IntTensor, torch.ShortTensor
    return [make([1, 0, 1]), make(2, 3).shape]


@same_as_torch
def test_new_tensors_like_another(torch):
    x = torch.zeros(2, dtype=torch.float64)
    return [x.new_tensor([1, 2]), x.new([1.0, 2.0]), x.new(2, 3).shape]


@same_as_torch
def test_sizes_changed_in_place(torch):
    x = torch.arange(6.0)
    y = torch.arange(6.0)
    return [x.resize_(2, 3), y.resize_as_(torch.zeros(3, 2))]


@pytest.mark.parametrize("name", ["relu_", "selu_", "celu_", "rrelu_", "threshold_"])
@same_as_torch
def test_activations_in_place(torch, name):
    x = torch.tensor([-1.0, 0.5, 2.0])
    more = {"threshold_": (1.0, 20.0)}.get(name, ())
    _ = torch.relu_, torch.selu_, torch.celu_, torch.rrelu_, torch.threshold_
    return [getattr(torch, name)(x, *more), x]


@same_as_torch
def test_hardtanh_in_place(torch):
    x = torch.tensor([-3.0, 0.5, 2.0])
    return [torch.nn.functional.hardtanh_(x), x]


@same_as_torch
def test_seeds_and_states(torch):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = torch.rand(3)
    torch.random.set_rng_state(state)
    again = torch.rand(3)
    torch.random.manual_seed(7)
    found = [torch.initial_seed(), torch.random.initial_seed(), first, again]
    torch.default_generator.manual_seed(7)
    found.append(torch.zeros(3).bernoulli_(0.5))
    found.append(torch.zeros(3).random_(10))
    torch.random.set_rng_state(torch.random.get_rng_state())
    return [*found, isinstance(torch.seed(), int), isinstance(torch.random.seed(), int)]


@same_as_torch
def test_memory_that_is_shared_or_pinned_already(torch):
    x = torch.ones(2)
    return [x.share_memory_() is x, x]
