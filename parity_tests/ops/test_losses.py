"""Losses, distances and attention where a record's samples are not enough.

Ties and distances of zero, lengths of zero, rows that may look at nothing, integers, old flags; and
first derivatives of ops of which torch has no second one to compare with.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch

X = np.random.default_rng(0).standard_normal((6, 5))
LABELS = [0, 2, 4, 1, 3, 2]
SPOKEN = np.log(np.random.default_rng(1).dirichlet(np.ones(4), size=(7, 3)))


def values_and_gradients(torch, loss, *arrays):
    """The result of a loss, and its gradients by all arguments."""
    leaves = [torch.tensor(a).requires_grad_() for a in arrays]
    out = loss(*leaves)
    weights = torch.arange(1.0, out.numel() + 1, dtype=out.dtype).reshape(out.shape)
    (out * weights).sum().backward()
    return [out, *[leaf.grad for leaf in leaves]]


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("shift", [0.0, 0.1])
@same_as_torch
def test_cdist_of_equal_and_other_rows(torch, p, shift):
    return values_and_gradients(torch, lambda x, y: torch.cdist(x, y, p), X, X[:4] + shift)


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0, 3.0, math.inf])
@same_as_torch
def test_pdist(torch, p):
    return values_and_gradients(torch, lambda x: torch.pdist(x, p), X)


@pytest.mark.parametrize("rows", [1, 6])
@same_as_torch
def test_cdist_by_a_product_of_matrices(torch, rows):
    return values_and_gradients(torch, torch.cdist, np.tile(X, (6, 1)), X[:rows] + 0.5)


def test_distances_in_bites(monkeypatch):
    import minigrad
    from minigrad.backend import native
    from minigrad.ops.network import distance_rows

    x, y = minigrad.tensor(X), minigrad.tensor(X[::-1].copy())
    before = native.level()
    native.use("numpy")
    try:
        whole = minigrad.cdist(x, y, 3.0), minigrad.pdist(x, 3.0)
        monkeypatch.setattr(distance_rows, "CHUNK", 1)
        bites = minigrad.cdist(x, y, 3.0), minigrad.pdist(x, 3.0)
    finally:
        native.use(before)
    assert all(minigrad.equal(a, b) for a, b in zip(whole, bites, strict=True))


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
@same_as_torch
def test_multi_margin_loss(torch, p, weighted):
    weight = torch.arange(1.0, 6.0, dtype=torch.float64) if weighted else None
    loss = torch.nn.functional.multi_margin_loss
    return values_and_gradients(
        torch, lambda x: loss(x, torch.tensor(LABELS), p=p, margin=0.7, weight=weight), X
    )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@same_as_torch
def test_multilabel_margin_loss_reads_up_to_the_first_minus_one(torch, reduction):
    right = [
        [0, 2, -1, 1, 1],
        [1, -1, 0, 0, 0],
        [-1, 1, 1, 1, 1],
        [4, 3, 2, 1, 0],
        [0, 0, -1, 2, 3],
        [2, 1, 0, -1, 4],
    ]
    loss = torch.nn.functional.multilabel_margin_loss
    return values_and_gradients(
        torch, lambda x: loss(x, torch.tensor(right), reduction=reduction), X
    )


@same_as_torch
def test_soft_margin_loss_has_a_second_derivative(torch):
    x = torch.tensor(X, requires_grad=True)
    sign = torch.sign(x.detach().flip(0))
    loss = torch.nn.functional.soft_margin_loss(x, sign, reduction="sum")
    (first,) = torch.autograd.grad(loss, x, create_graph=True)
    (second,) = torch.autograd.grad((first * first).sum(), x)
    return first.detach(), second


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("flat", [False, True])
@same_as_torch
def test_ctc_loss_with_repeated_labels_and_a_text_too_long(torch, reduction, zero_infinity, flat):
    targets = [1, 2, 2, 1, 1, 1, 3, 2] if flat else [[1, 2, 2], [1, 1, 1], [3, 2, 1]]
    options = {"reduction": reduction, "zero_infinity": zero_infinity}
    times, lengths = torch.tensor([7, 4, 3]), torch.tensor([3, 3, 2])
    loss = torch.nn.functional.ctc_loss
    return values_and_gradients(
        torch,
        lambda x: loss(x.log_softmax(2), torch.tensor(targets), times, lengths, **options),
        SPOKEN,
    )


@same_as_torch
def test_ctc_loss_of_no_time_and_no_text(torch):
    loss, targets = torch.nn.functional.ctc_loss, torch.tensor([1, 2])
    return loss(
        torch.tensor(SPOKEN), targets, (7, 0, 3), (2, 0, 0), blank=3, reduction="none"
    ), loss(torch.tensor(SPOKEN[:, 0]), targets, torch.tensor(7), torch.tensor(2), blank=3)


@both_raise
def test_ctc_loss_has_no_second_derivative(torch):
    x = torch.tensor(SPOKEN, requires_grad=True)
    loss = torch.nn.functional.ctc_loss(x, torch.tensor([1, 2, 1]), (7, 7, 7), (1, 1, 1))
    (first,) = torch.autograd.grad(loss, x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)


def attention_parts():
    rng = np.random.default_rng(4)
    return [rng.standard_normal(s) for s in ((2, 4, 6, 8), (2, 4, 5, 8), (2, 4, 5, 3))]


@pytest.mark.parametrize("kind", ["none", "bool", "float", "causal"])
@same_as_torch
def test_attention_where_a_query_may_look_at_nothing(torch, kind):
    mask = torch.tensor(np.random.default_rng(7).random((6, 5)) > 0.4)
    mask[2] = False
    options = {
        "none": {"scale": 0.2},
        "bool": {"attn_mask": mask},
        "float": {"attn_mask": torch.zeros(6, 5).double().masked_fill(~mask, -math.inf)},
        "causal": {"is_causal": True},
    }[kind]
    attend = torch.nn.functional.scaled_dot_product_attention
    return values_and_gradients(
        torch, lambda q, k, v: attend(q, k, v, **options), *attention_parts()
    )


@same_as_torch
def test_attention_of_grouped_heads(torch):
    query, key, value = attention_parts()
    attend = torch.nn.functional.scaled_dot_product_attention
    return values_and_gradients(
        torch, lambda q, k, v: attend(q, k, v, enable_gqa=True), query, key[:, :2], value[:, :2]
    )


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("batched", [False, True])
@same_as_torch
def test_heads_of_attention_with_masks(torch, need_weights, batched):
    rng = np.random.default_rng(2)
    shape = (3, 2, 4) if batched else (3, 4)
    padding = torch.zeros(*shape[1:-1], 3, dtype=torch.bool)
    padding[..., 2] = True
    w, b = torch.tensor(rng.standard_normal((12, 4))), torch.tensor(rng.standard_normal(12))
    out = torch.tensor(rng.standard_normal((4, 4)))
    first = torch.tensor(rng.standard_normal(shape), requires_grad=True)
    y, weights = torch.nn.functional.multi_head_attention_forward(
        *(first, first, first, 4, 2, w, b, None, None, True, 0.0, out, None),
        key_padding_mask=padding,
        attn_mask=torch.ones(3, 3, dtype=torch.bool).triu(1),
        need_weights=need_weights,
    )
    y.sum().backward()
    return [y, first.grad] + ([weights] if need_weights else [weights is None])


@pytest.mark.parametrize(
    "call",
    [
        lambda t, F: F.nll_loss(t.ones(2, 3), t.tensor([0, -100])),
        lambda t, F: F.nll_loss(t.ones(2, 3), t.tensor([-100, -100])),
        lambda t, F: F.nll_loss(t.ones(2, 3), t.tensor([1, 2]), ignore_index=1, reduction="none"),
        lambda t, F: F.nll_loss(t.tensor([[math.inf, 1.0]]), t.tensor([0]), t.tensor([0.0, 1.0])),
        lambda t, F: F.nll_loss(t.tensor([[-math.inf, 1.0]]), t.tensor([0]), ignore_index=0),
        lambda t, F: F.nll_loss(t.ones(2, 3), t.tensor([0, 1], dtype=t.uint8)),
        lambda t, F: F.nll_loss(t.ones(0, 3), t.ones(0).long()),
        lambda t, F: F.mse_loss(t.ones(3), t.zeros(3), size_average=False),
        lambda t, F: F.soft_margin_loss(t.ones(3), t.ones(3), reduce=False),
        lambda t, F: F.l1_loss(t.tensor([1, 2]), t.tensor([3, 5]), reduction="sum"),
        lambda t, F: F.pairwise_distance(t.tensor([1, 2]), t.tensor([3, 5])),
        lambda t, F: F.cosine_similarity(t.zeros(2, 3), t.ones(2, 3)),
        lambda t, F: F.normalize(t.ones(2, 3), dim=(0, 1)),
        lambda t, F: F.softmax(t.full((2, 2), -math.inf), 1),
        lambda t, F: F.softmax(t.tensor([1, 2]), 0, dtype=t.float32),
        lambda t, F: t.softmax(t.ones(2, 3), 1, out=t.empty(2, 3)),
    ],
)
@same_as_torch
def test_single_calls(torch, call):
    return call(torch, torch.nn.functional)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm", "instance_norm"])
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@same_as_torch
def test_norms_of_half_precision_with_single_parameters(torch, name, kind):
    F, half = torch.nn.functional, getattr(torch, kind)
    x = torch.tensor(X.reshape(3, 2, 5)).to(half)
    w, b = torch.tensor([1.5, -2.0]), torch.tensor([0.25, 0.5])
    mean, var = torch.zeros(2), torch.ones(2)
    y = {
        "layer_norm": lambda: F.layer_norm(x.transpose(1, 2), (2,), w, b),
        "group_norm": lambda: F.group_norm(x, 1, w, b),
        "batch_norm": lambda: F.batch_norm(x, mean, var, w, b, True),
        "instance_norm": lambda: F.instance_norm(x, mean, var, w, b),
    }[name]()
    return y.dtype is half, y.float(), mean, var


@pytest.mark.parametrize("name", ["l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@same_as_torch
def test_losses_of_which_the_target_alone_wants_a_gradient(torch, name, reduction):
    target = torch.tensor(X + 1.25).requires_grad_()
    loss = getattr(torch.nn.functional, name)(
        torch.tensor(X[::-1].copy()), target, reduction=reduction
    )
    (slope,) = torch.autograd.grad(loss.sum(), target, create_graph=True)
    (slope * slope).sum().backward()
    return loss, slope, target.grad


@pytest.mark.parametrize("shape, groups", [((1, 2), 2), ((1, 4, 1, 1), 4), ((1, 3), 3)])
@both_raise
def test_groups_of_one_number(torch, shape, groups):
    return torch.nn.functional.group_norm(torch.ones(shape), groups)


@pytest.mark.parametrize("zero_infinity", [False, True])
@same_as_torch
def test_ctc_stops_where_the_longest_input_does(torch: Any, zero_infinity: bool) -> Any:
    torch.manual_seed(0)
    scores = torch.randn(400, 3, 5, requires_grad=True)
    loss = torch.nn.functional.ctc_loss(
        scores.log_softmax(2),
        torch.tensor([[1, 2], [3, 3], [4, 1]]),
        torch.tensor([12, 7, 2]),
        torch.tensor([2, 2, 1]),
        zero_infinity=zero_infinity,
        reduction="none",
    )
    (g,) = torch.autograd.grad(loss.sum(), scores)
    return loss.detach(), g


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("labels", [[1, 1], [1, 0]])
@same_as_torch
def test_a_row_that_does_not_count_has_no_slope(torch: Any, labels: Any, reduction: str) -> Any:
    """Even where the cotangent is NaN, which is a NumPy number behind a product."""
    scores = torch.ones(2, 3, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        scores, torch.tensor(labels), ignore_index=1, reduction=reduction
    )
    (loss * float("nan")).backward()
    return scores.grad.abs()


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
@same_as_torch
def test_a_row_that_does_not_count_prints_a_plain_zero(torch: Any, shape: Any, weight: Any) -> Any:
    scores = torch.linspace(0, 1, math.prod(shape)).reshape(shape)
    labels = torch.tensor([1, 0]).reshape(2, *[1] * (len(shape) - 2)).expand(2, *shape[2:])
    loss = torch.nn.functional.cross_entropy(
        scores,
        labels,
        weight if weight is None else torch.tensor(weight),
        ignore_index=1,
        reduction="none",
    )
    return str(loss)


@pytest.mark.parametrize("name", ["l1_loss", "mse_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@same_as_torch
def test_what_a_weighted_loss_is_divided_by(torch: Any, name: str, reduction: str) -> Any:
    """The sum of the weights; Huber's the number of elements."""
    weight = torch.tensor([2.0, 1.0, 0.5])
    loss = getattr(torch.nn.functional, name)
    return loss(torch.tensor(X[0, :3]), torch.ones(3), reduction=reduction, weight=weight)


ADDED_UP = [
    lambda t, x, w: x + w,
    lambda t, x, w: x.abs() / w,
    lambda t, x, w: w.expand(3000) * x.abs(),
    lambda t, x, w: w.expand(3000).gather(0, t.arange(3000) % 2),
    lambda t, x, w: w * t.zeros(2, dtype=x.dtype).scatter_add(0, t.arange(3000) % 2, x.abs()),
    lambda t, x, w: w * x.logsumexp(0),
    lambda t, x, w: w * t.nn.functional.binary_cross_entropy_with_logits(x, x.sigmoid()),
    lambda t, x, w: t.nn.functional.linear(x.abs()[:, None], w[:, None], w),
    lambda t, x, w: t.nn.functional.conv1d(x.abs()[None], w[:, None, None], w),
    lambda t, x, w: t.nn.functional.conv_transpose1d(x.abs()[None], w[:, None, None], w),
]


@pytest.mark.parametrize("program", ADDED_UP)
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_is_added_up_in_full(program: Any, kind: str) -> None:
    """Three thousand ones are 256 where bfloat16 itself is added up; here nearly as in float64."""
    x = np.random.default_rng(2).standard_normal(3000)
    found = []
    for name in (kind, "float64"):
        w = minigrad.tensor([1.5], dtype=getattr(minigrad, name), requires_grad=True)
        y = program(minigrad, minigrad.tensor(x).bfloat16().to(w.dtype), w)
        y.mean().backward()
        found.append((y.mean().item(), w.grad.item()))
    np.testing.assert_allclose(*found, rtol=2.0**-6)
