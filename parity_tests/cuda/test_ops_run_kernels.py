"""Ops on a card: the kernels run, and give what the CPU gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad as torch
from minigrad.cuda import stand_in
from parity_tests.cuda import cards
from parity_tests.cuda.engines import compiler

F = torch.nn.functional
pytestmark = compiler


class Case(NamedTuple):
    """What is called, with which shapes, and the kernels that it must be done by."""

    name: str
    run: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    kernels: tuple[str, ...]


def unary(name: str, call: Any = None, *kernels: str) -> Case:
    return Case(name, call or getattr(F, name), ((3, 37),), kernels or (name, f"{name}_backward"))


def classes(n: int, count: int, device: Any, ignored: int = -100) -> Any:
    found = torch.arange(n) * 7 % count
    found[1] = ignored
    return found.to(device)


CASES = [
    unary("relu"),
    unary("leaky_relu", lambda x: F.leaky_relu(x, 0.2)),
    unary("hardtanh"),
    unary("sigmoid", torch.sigmoid),
    unary("tanh_back", torch.tanh, "tanh_backward"),
    unary("silu"),
    unary("gelu"),
    unary("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
    unary("elu"),
    unary("softplus"),
    unary("softmax", lambda x: x.softmax(1), "softmax_warps", "softmax_backward_warps"),
    unary("log_softmax", lambda x: x.log_softmax(1), "softmax_warps", "softmax_backward_warps"),
    Case("softmax of long rows", lambda x: x.softmax(1), ((2, 1500),),
         ("softmax_blocks", "softmax_backward_blocks")),
    Case("softmax of columns", lambda x: x.softmax(0), ((5, 40),),
         ("softmax_columns", "softmax_backward_columns")),
    Case("conv2d", lambda x, w, b: F.conv2d(x, w, b, padding=1, stride=2),
         ((2, 8, 9, 7), (16, 8, 3, 3), (16,)),
         ("conv_forward_plain_narrow", "conv_input_plain_narrow", "conv_weight_plain_narrow")),
    Case("conv1d", lambda x, w: F.conv1d(x, w, dilation=2), ((2, 3, 19), (4, 3, 3)),
         ("conv_forward_direct", "conv_input_direct", "conv_weight_direct")),
    Case("depthwise", lambda x, w: F.conv2d(x, w, groups=6, padding=1),
         ((2, 6, 7, 7), (6, 1, 3, 3)),
         ("conv_forward_direct", "conv_input_direct", "conv_weight_direct")),
    Case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2),
         ((2, 8, 5, 4), (8, 8, 3, 3), (8,)),
         ("conv_input_plain_narrow", "conv_forward_plain_narrow", "conv_weight_plain_narrow")),
    Case("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), ((2, 3, 9, 8),),
         ("max_pool", "max_pool_backward")),
    Case("max_pool2d places", lambda x: F.max_pool2d(x, 2, return_indices=True)[0], ((2, 3, 8, 8),),
         ("max_pool", "max_pool_places")),
    Case("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1), ((2, 3, 9, 8),),
         ("avg_pool", "avg_pool_backward")),
    Case("avg_pool3d", lambda x: F.avg_pool3d(x, 2), ((1, 2, 4, 6, 4),),
         ("avg_pool", "avg_pool_backward")),
    Case("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
         ((4, 5, 6, 3), (5,), (5,)),
         ("batch_sums", "batch_finish", "batch_apply", "batch_backward_apply")),
    Case("batch_norm of rows", lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
         ((9, 5), (5,), (5,)), ("batch_sums_columns", "batch_backward_sums_columns")),
    Case("layer_norm", lambda x, w, b: F.layer_norm(x, (33,), w, b), ((7, 33), (33,), (33,)),
         ("row_norm_warps", "row_norm_backward_warps", "row_norm_weights_columns")),
    Case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), ((3, 4, 5, 5), (4,), (4,)),
         ("row_norm_warps", "row_norm_backward_warps", "row_norm_weights_planes")),
    Case("cross_entropy", lambda x: F.cross_entropy(x, classes(6, 10, x.device)), ((6, 10),),
         ("class_rows_warps", "class_loss", "class_gradient_warps")),
    Case("cross_entropy sum", lambda x: F.cross_entropy(
        x, classes(6, 1200, x.device, 3), ignore_index=3, reduction="sum"), ((6, 1200),),
        ("class_rows_blocks", "class_loss", "class_gradient_blocks")),
    Case("cross_entropy, each", lambda x: F.cross_entropy(
        x, classes(6, 10, x.device), reduction="none"), ((6, 10),),
        ("cross_entropy_warps", "cross_entropy_backward_warps", "out_of_range")),
    Case("cross_entropy, all ignored", lambda x: F.cross_entropy(
        x, torch.full((6,), -100, device=x.device)), ((6, 10),), ("class_loss",)),
    Case("embedding", lambda w: F.embedding(torch.tensor([[1, 4], [4, 0]]).to(w.device), w),
         ((6, 10),), ("take_rows", "add_rows_atomic", "out_of_range")),
    Case("index_select", lambda x: x.index_select(1, torch.tensor([3, 0, 3]).to(x.device)),
         ((4, 5),), ("take_rows", "add_rows_atomic")),
    Case("gather", lambda x: x.gather(1, torch.tensor([[1, 1, 0], [2, 0, 2]]).to(x.device)),
         ((2, 3),), ("take_along", "add_along_atomic")),
    Case("index_add", lambda x, y: x.index_add(0, torch.tensor([2, 0, 2]).to(x.device), y),
         ((4, 5), (3, 5)), ("add_rows_atomic",)),
    Case("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False),
         ((2, 3, 6, 5), (2, 4, 4, 2)),
         ("sample_planes", "sample_planes_input_atomic", "sample_planes_places")),
    Case("interpolate", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
         ((1, 2, 5, 4),), ("map_axis",)),
    Case("rnn", lambda x, h, *w: torch.rnn_relu(
        x, h, w, False, 1, 0.0, True, False, False), ((3, 2, 4), (1, 2, 5), (5, 4), (5, 5)),
        ("rnn_step", "rnn_step_backward")),
    Case("gru", lambda x, h, *w: torch.gru(
        x, h, w, True, 1, 0.0, True, False, False),
        ((3, 2, 4), (1, 2, 5), (15, 4), (15, 5), (15,), (15,)), ("gru_step", "gru_step_backward")),
    Case("lstm", lambda x, h, c, *w: torch.lstm(
        x, (h, c), w, True, 1, 0.0, True, False, False),
        ((3, 2, 4), (1, 2, 5), (1, 2, 5), (20, 4), (20, 5), (20,), (20,)),
        ("lstm_step", "lstm_step_backward")),
    Case("sum", lambda x: (x.sum(), x.sum(0), x.sum(1), x.sum((0, 2)), x.mean((1, 2))),
         ((5, 6, 40),), ("reduce_warps", "reduce_columns")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernels_do_it(case: Case, launched: list[str]) -> None:
    torch.manual_seed(3)
    inputs = [torch.randn(*shape, requires_grad=True) for shape in case.shapes]
    before = len(launched)
    wanted, found = cards.both_ways(case.run, *inputs)
    assert set(case.kernels) <= set(launched[before:])
    cards.agree(found, wanted, "float32")


HALVES = {
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, padding=1), ((2, 8, 6, 5), (16, 8, 3, 3), (16,))),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w), ((2, 8, 5, 4), (8, 16, 3, 3))),
    "depthwise": (lambda x, w: F.conv2d(x, w, groups=6), ((2, 6, 7, 7), (6, 1, 3, 3))),
    "sigmoid": (torch.sigmoid, ((3, 37),)),
    "silu": (F.silu, ((3, 37),)),
    "gelu": (F.gelu, ((3, 37),)),
    "elu": (F.elu, ((3, 37),)),
    "softplus": (F.softplus, ((3, 37),)),
    "relu": (F.relu, ((3, 37),)),
    "leaky_relu": (F.leaky_relu, ((3, 37),)),
    "softmax": (lambda x: x.softmax(1), ((3, 37),)),
    "log_softmax": (lambda x: x.log_softmax(0), ((5, 40),)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 3, 2, 1), ((2, 3, 9, 8),)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1), ((2, 3, 9, 8),)),
    "layer_norm": (lambda x: F.layer_norm(x, (33,)), ((7, 33),)),
    "group_norm": (lambda x: F.group_norm(x, 2), ((3, 4, 5, 5),)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", HALVES)
def test_halves_are_read_as_they_are(name: str, kind: str, launched: list[str]) -> None:
    """One launch, which computes in float32 and rounds once: no pass that widens them before."""
    run, shapes = HALVES[name]
    torch.manual_seed(3)
    inputs = [torch.randn(*shape).to(getattr(torch, kind)).requires_grad_() for shape in shapes]
    given = cards.moved(inputs, "cuda")
    with torch.no_grad():
        before = stand_in.counts.launches
        assert run(*given).dtype is inputs[0].dtype
        assert stand_in.counts.launches == before + 1
    wanted, found = cards.both_ways(run, *inputs)
    cards.agree(found, wanted, kind)


MIXED = {
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (4, 5, 6, 3), (5,)),
    "batch_norm of rows": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (9, 5), (5,)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (33,), w, b), (7, 33), (33,)),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), (3, 4, 5, 5), (4,)),
}


@pytest.mark.parametrize("weights", ["float32", "halves"])
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", MIXED)
def test_norms_of_halves_forward_and_backward(
    name: str, kind: str, weights: str, launched: list[str]
) -> None:
    """Beside float32 weights, as autocast has them, nothing is converted: all is our kernels'."""
    run, shape, some = MIXED[name]
    torch.manual_seed(3)
    half = getattr(torch, kind)
    learned = half if weights == "halves" else torch.float32
    inputs = [torch.randn(*shape).to(half).requires_grad_()]
    inputs += [torch.randn(*some).to(learned).requires_grad_() for _ in range(2)]
    wanted, found = cards.both_ways(run, *inputs)
    cards.agree(found, wanted, kind)
    given, g = cards.moved(inputs, "cuda"), torch.ones(shape, device="cuda", dtype=half)
    before = stand_in.counts.launches, len(launched)
    torch.autograd.grad(run(*given), given, g)
    kernels = len(launched) - before[1]
    small = 5 if weights == "halves" else 0  # w, b, w again, gw, gb: one number for a channel
    assert kernels > 0
    assert stand_in.counts.launches - before[0] == kernels + small


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_of_halves(reduction: str, kind: str, launched: list[str]) -> None:
    """The scores are read once and their slopes written once, both in halves."""

    def run(x: Any) -> Any:
        return F.cross_entropy(x, classes(6, 10, x.device), reduction=reduction)

    torch.manual_seed(3)
    inputs = [torch.randn(6, 10).to(getattr(torch, kind)).requires_grad_()]
    before = len(launched)
    wanted, found = cards.both_ways(run, *inputs)
    forms = ("class_rows_warps", "class_gradient_warps")
    if reduction == "none":
        forms = ("cross_entropy_warps", "cross_entropy_backward_warps")
    assert set(forms) <= set(launched[before:])
    cards.agree(found, wanted, kind)


OF_THE_HOST = {
    "a list": [2, 0, 2],
    "a list of one": [1],
    "two lists": ([0, 2], [1, 1]),
    "behind a slice": (slice(None), [3, 1]),
    "a list of bools": [True, False, True],
    "an array": np.array([2, 0]),
    "a tensor": torch.tensor([2, 0]),
    "a mask": torch.tensor([True, False, True]),
}


@pytest.mark.parametrize("key", OF_THE_HOST.values(), ids=OF_THE_HOST.keys())
def test_an_index_may_lie_on_the_host(key: Any, launched: list[str]) -> None:
    """As torch's may: read, added to backward, and written at."""
    x = torch.arange(12.0).reshape(3, 4).requires_grad_()
    found, wanted = cards.both_ways(lambda t: t[key] * t[key], x)
    cards.agree(found, wanted, "float32")

    def written(t: Any) -> Any:
        t = t.clone()
        t[key] = 5.0
        return t

    cards.agree(*cards.both_ways(written, x), "float32")


def test_an_index_of_a_card_is_refused_by_the_host(launched: list[str]) -> None:
    for key in (torch.tensor([1]).to("cuda"), ([0], torch.tensor([1]).to("cuda"))):
        with pytest.raises(RuntimeError, match="indices should be either on cpu or on the same"):
            torch.ones(3, 2)[key]
