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


@same_as_torch
def test_strides_of_axes_that_a_view_inserts(torch):
    x = torch.arange(24.0).reshape(2, 3, 4)
    views = [x[:, None], x[..., None], x[None], x.unsqueeze(2), x.unsqueeze(-1), x[:1].mT]
    return [(v.stride(), v.stride(1)) for v in (*views, x.expand(5, 2, 3, 4))]


# Functions whose results torch lays in rows, whatever the layout of what they are given.
IN_ROWS = {
    "sum": lambda torch, x: x.sum(0),
    "sum of two": lambda torch, x: x.sum((0, 2), keepdim=True),
    "sum of integers": lambda torch, x: (x * 9).long().sum(0),
    "sum of bools": lambda torch, x: (x > 0.5).sum(0),
    "mean": lambda torch, x: x.mean(0, keepdim=True),
    "prod": lambda torch, x: x.prod(0),
    "std": lambda torch, x: x.std(0),
    "var_mean": lambda torch, x: torch.var_mean(x, 0)[1],
    "amax": lambda torch, x: x.amax(0),
    "min": lambda torch, x: x.min(0)[0],
    "max of the last axis": lambda torch, x: x.repeat(9, 9, 9).mT.max(-1)[0],
    "norm": lambda torch, x: x.norm(p=float("inf"), dim=0),
    "logsumexp": lambda torch, x: x.logsumexp(0),
    "all": lambda torch, x: (x > 0.5).all(0),
    "count_nonzero": lambda torch, x: (x > 0.5).count_nonzero(0),
    "cumsum": lambda torch, x: x.cumsum(0),
    "cumprod": lambda torch, x: x.cumprod(-1),
    "cummax": lambda torch, x: x.cummax(1)[1],
    "logcumsumexp": lambda torch, x: x.logcumsumexp(0),
    "softmax": lambda torch, x: x.softmax(0),
    "log_softmax": lambda torch, x: x.log_softmax(-1),
    "topk": lambda torch, x: x.topk(2)[1],
    "kthvalue": lambda torch, x: x.kthvalue(2, 0)[1],
    "median": lambda torch, x: x.median(1)[1],
    "nonzero": lambda torch, x: x.nonzero(as_tuple=True)[1],
    "masked_fill": lambda torch, x: x.masked_fill(x[..., :1] > 0.5, 0.0),
    "matmul": lambda torch, x: x.expand(2, *x.shape).transpose(0, 1) @ x.mT[:, None],
    "tril": lambda torch, x: x.tril(),
    "triu": lambda torch, x: x.triu(1),
    "logsigmoid": lambda torch, x: torch.nn.functional.logsigmoid(x),
    "batch_norm": lambda torch, x: torch.nn.functional.batch_norm(x, None, None, training=True),
    "group_norm": lambda torch, x: torch.nn.functional.group_norm(x, 1),
    "double": lambda torch, x: x[:1].contiguous().expand(3, -1, -1).double(),
}


@pytest.mark.parametrize("name", IN_ROWS)
@same_as_torch
def test_results_that_programs_flatten_lie_in_rows(torch, name):
    x = torch.linspace(0, 1, 60).sin().reshape(4, 5, 3)
    found = [IN_ROWS[name](torch, y) for y in (x, x.transpose(1, 2), x.permute(2, 0, 1))]
    return [(y.is_contiguous(), y.view(-1)) for y in found]
