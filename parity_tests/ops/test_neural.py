"""Layers where one sample call is not enough: state, random masks, ties, grids of shapes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import minigrad
import minigrad.nn.functional as F
from minigrad.ops.image import convolution
from parity_tests.both import same_as_torch
from parity_tests.ops.pairs import RNG, assert_close, assert_derivatives_close, both
from parity_tests.streams import scalar_bernoulli

# -- convolution ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
@pytest.mark.parametrize("padding", [0, 1, (2, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("few", [0, 1 << 20])
def test_conv2d_and_two_derivatives(stride, padding, dilation, groups, few, monkeypatch):
    monkeypatch.setattr(convolution, "FEW", few)  # both ways of working it out
    (x, tx), (w, tw), (b, tb) = both(3, 4, 7, 8), both(6, 4 // groups, 3, 2), both(6)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    assert_derivatives_close(
        F.conv2d(x, w, b, **options), TF.conv2d(tx, tw, tb, **options), [x, w, b], [tx, tw, tb]
    )


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(3, 3, 2), (3, 2, 1), (2, 2, 1), (3, 1, 2)]
)
def test_filters_of_one_place_may_stand_in_the_margin(size, stride, padding):
    (x, tx), (w, tw) = both(2, 2, size, size), both(3, 2, 1, 1)
    options = {"stride": stride, "padding": padding}
    assert_derivatives_close(
        F.conv2d(x, w, **options), TF.conv2d(tx, tw, **options), [x, w], [tx, tw]
    )


def test_third_derivative_of_conv2d():
    (x, tx), (w, tw) = both(1, 2, 5, 5), both(2, 2, 3, 3)

    def third(conv, grad, x, w):
        y = (conv(x, w) ** 3).sum()
        for _ in range(2):
            y = sum((g * g).sum() for g in grad(y, [x, w], create_graph=True))
        return grad(y, [x, w])

    want = third(TF.conv2d, torch.autograd.grad, tx, tw)
    for a, b in zip(third(F.conv2d, minigrad.autograd.grad, x, w), want, strict=True):
        assert_close(a, b, rtol=1e-7)


def test_conv2d_in_several_chunks_of_samples(monkeypatch):
    monkeypatch.setattr(convolution, "CHUNK", 1)
    monkeypatch.setattr(convolution, "FEW", 0)
    (x, tx), (w, tw) = both(5, 2, 6, 6), both(3, 2, 3, 3)
    assert_derivatives_close(
        F.conv2d(x, w, padding=1), TF.conv2d(tx, tw, padding=1), [x, w], [tx, tw]
    )


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (3, 1), (4, 3), (5, 2)])
def test_padding_same_puts_the_odd_place_at_the_end(kernel, dilation):
    (x, tx), (w, tw) = both(2, 2, 9, 8), both(3, 2, kernel, 2)
    options = {"padding": "same", "dilation": dilation}
    assert_derivatives_close(
        F.conv2d(x, w, **options), TF.conv2d(tx, tw, **options), [x, w], [tx, tw]
    )


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (((2, 3, 8, 8), (4, 2, 3, 3)), "to have 2 channels, but got 3 channels instead"),
        (((2, 3, 2, 2), (4, 3, 3, 3)), r"Kernel size: \(3 x 3\)"),
        (((2, 3, 8, 8), (4, 3, 3, 3), (3,)), "expected bias to be 1-dimensional with 4 elements"),
    ],
)
def test_conv2d_errors_say_what_does_not_fit(sizes, words):
    with pytest.raises(RuntimeError, match=words):
        TF.conv2d(*[torch.zeros(s) for s in sizes])
    with pytest.raises(RuntimeError, match=words):
        F.conv2d(*[minigrad.zeros(*s) for s in sizes])


def test_conv2d_of_an_empty_batch():
    w = minigrad.ones(4, 3, 3, 3, requires_grad=True)
    y = F.conv2d(minigrad.zeros(0, 3, 8, 8), w)
    assert y.shape == (0, 4, 6, 6)
    y.sum().backward()
    assert float(w.grad.abs().sum()) == 0


# -- matrix products -----------------------------------------------------------------------------


def test_matmul_errors_have_the_words_of_torch():
    for a, b, words in (
        ((2, 3), (4, 5), r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\)"),
        ((2, 3, 4), (5, 4), r"mat1 and mat2 shapes cannot be multiplied \(6x4 and 5x4\)"),
        ((2, 3, 4), (3, 4, 5), r"The size of tensor a \(2\) must match the size of tensor b"),
        ((2, 3), (4,), r"size mismatch, got input \(2\), mat \(2x3\), vec \(4\)"),
    ):
        with pytest.raises(RuntimeError, match=words):
            torch.zeros(a) @ torch.zeros(b)
        with pytest.raises(RuntimeError, match=words):
            minigrad.zeros(*a) @ minigrad.zeros(*b)


def test_matmul_hints_at_a_transposition():
    with pytest.raises(RuntimeError, match=r"did you mean x @ y\.T"):
        minigrad.zeros(2, 3) @ minigrad.zeros(2, 3)


def test_matmul_does_not_convert():
    words = "expected m1 and m2 to have the same dtype, but got: float != double"
    with pytest.raises(RuntimeError, match=words):
        minigrad.zeros(2, 3) @ minigrad.zeros(3, 2, dtype=minigrad.float64)


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ((3, 4), (4, 5), "MmBackward0"),
        ((4,), (4,), "DotBackward0"),
        ((3, 4), (4,), "MvBackward0"),
        ((2, 3, 4), (2, 4, 5), "UnsafeViewBackward0"),
    ],
)
def test_products_have_the_node_names_of_torch(a, b, name):
    (x, tx), (y, ty) = both(*a), both(*b)
    assert (x @ y).grad_fn.name() == (tx @ ty).grad_fn.name() == name


def test_linear_is_one_addmm():
    (x, tx), (w, tw), (b, tb) = both(2, 3), both(4, 3), both(4)
    ours, theirs = F.linear(x, w, b), TF.linear(tx, tw, tb)
    assert ours.grad_fn.name() == theirs.grad_fn.name() == "AddmmBackward0"
    assert_derivatives_close(ours * ours, theirs * theirs, [x, w, b], [tx, tw, tb])


# -- pooling -------------------------------------------------------------------------------------

GRID = [
    (size, kernel, stride, padding, ceil_mode)
    for size, kernel, stride, padding, ceil_mode in itertools.product(
        (5, 6, 7), (1, 2, 3), (1, 2, 3), (0, 1), (False, True)
    )
    if padding <= kernel // 2
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "ceil_mode"), GRID)
def test_pooling_over_a_grid_of_shapes(size, kernel, stride, padding, ceil_mode):
    x, tx = both(2, 2, size, size + 1)
    options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    ours, places = F.max_pool2d(x, kernel, return_indices=True, **options)
    theirs, torch_places = TF.max_pool2d(tx, kernel, return_indices=True, **options)
    np.testing.assert_array_equal(places.numpy(), torch_places.numpy())
    assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])
    for include in (True, False):
        ours = F.avg_pool2d(x, kernel, count_include_pad=include, **options)
        theirs = TF.avg_pool2d(tx, kernel, count_include_pad=include, **options)
        assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_max_pool_with_gaps(dilation):
    x, tx = both(1, 2, 9, 8)
    options = {"stride": 2, "padding": 1, "dilation": dilation}
    ours, theirs = F.max_pool2d(x, 3, **options), TF.max_pool2d(tx, 3, **options)
    assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])


@pytest.mark.parametrize("stride", [1, 2])
def test_ties_in_max_pool_go_to_the_first(stride):
    x, tx = minigrad.ones(1, 1, 4, 4, requires_grad=True), torch.ones(1, 1, 4, 4)
    tx.requires_grad_()
    F.max_pool2d(x, 2, stride).sum().backward()
    TF.max_pool2d(tx, 2, stride).sum().backward()
    assert_close(x.grad, tx.grad)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_max_pool_of_special_values(value):
    array = np.arange(36.0).reshape(1, 1, 6, 6)
    array[0, 0, 2, 3] = value
    if value == float("-inf"):
        array[:] = value
    x, tx = minigrad.from_numpy(array.copy()).requires_grad_(), torch.tensor(array)
    tx.requires_grad_()
    ours = F.max_pool2d(x, 3, 2, 1, return_indices=True)
    theirs = TF.max_pool2d(tx, 3, 2, 1, return_indices=True)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)
    ours[0].sum().backward()
    theirs[0].sum().backward()
    assert_close(x.grad, tx.grad)


@pytest.mark.parametrize("out", [1, 2, 3, 4, 5, (2, None), (7, 3)])
def test_adaptive_pooling(out):
    x, tx = both(2, 2, 5, 7)
    ours, theirs = F.adaptive_avg_pool2d(x, out), TF.adaptive_avg_pool2d(tx, out)
    assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])
    ours, places = F.adaptive_max_pool2d(x, out, return_indices=True)
    theirs, torch_places = TF.adaptive_max_pool2d(tx, out, return_indices=True)
    np.testing.assert_array_equal(places.numpy(), torch_places.numpy())
    assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])


# -- normalisation -------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 4)])
def test_batch_norm_with_running_statistics(shape, training):
    (x, tx), (w, tw), (b, tb) = both(*shape), both(3), both(3)
    mean, var = RNG.uniform(-1, 1, 3), RNG.uniform(0.5, 2, 3)
    ours = [minigrad.from_numpy(a.copy()) for a in (mean, var)]
    theirs = [torch.tensor(a) for a in (mean, var)]
    for _ in range(2):
        y = F.batch_norm(x, *ours, w, b, training, 0.3, 1e-3)
        ty = TF.batch_norm(tx, *theirs, tw, tb, training, 0.3, 1e-3)
        for a, t in zip(ours, theirs, strict=True):
            assert_close(a, t)
    assert_derivatives_close(y * y, ty * ty, [x, w, b], [tx, tw, tb])


def test_evaluation_keeps_the_statistics_that_it_used():
    x = minigrad.ones(4, 2, requires_grad=True)
    mean, var = minigrad.zeros(2), minigrad.ones(2)
    y = F.batch_norm(x, mean, var)
    F.batch_norm(10 * x.detach() * minigrad.randn(4, 2), mean, var, training=True)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / np.sqrt(1 + 1e-5), rtol=1e-6)


def test_batch_norm_messages():
    for args, words in (
        (((4, 3, 2, 2), (4,), (3,)), "running_mean should contain 3 elements not 4"),
        (((4, 3, 2, 2), (3,), (3,), (4,)), "weight should contain 3 elements not 4"),
    ):
        with pytest.raises(RuntimeError, match=words):
            TF.batch_norm(*[torch.ones(s) for s in args], training=True)
        with pytest.raises(RuntimeError, match=words):
            F.batch_norm(*[minigrad.ones(*s) for s in args], training=True)


def test_instance_norm_moves_its_running_statistics():
    x, tx = both(3, 2, 5)
    ours, theirs = [minigrad.zeros(2), minigrad.ones(2)], [torch.zeros(2), torch.ones(2)]
    x, tx = x.detach().float(), tx.detach().float()
    assert_close(F.instance_norm(x, *ours), TF.instance_norm(tx, *theirs), rtol=1e-5, atol=1e-6)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, rtol=1e-5, atol=1e-6)


# -- dropout -------------------------------------------------------------------------------------


@scalar_bernoulli
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dropout", (7, 9)),
        ("dropout1d", (4, 5, 3)),
        ("dropout1d", (5, 3)),
        ("dropout2d", (4, 5, 3, 2)),
        ("dropout3d", (2, 5, 3, 2, 2)),
        ("dropout3d", (5, 3, 2, 2)),
        ("alpha_dropout", (7, 9)),
    ],
)
def test_dropout_draws_the_masks_of_torch(name, shape, p, dtype):
    array = RNG.uniform(-2, 2, shape).astype(dtype)
    minigrad.manual_seed(5)
    torch.manual_seed(5)
    x, tx = minigrad.from_numpy(array.copy()).requires_grad_(), torch.tensor(array)
    tx.requires_grad_()
    for inplace in (False, True):
        y = getattr(F, name)(x * 1, p, True, inplace)
        ty = getattr(TF, name)(tx * 1, p, True, inplace)
        assert_close(y, ty, rtol=1e-6, atol=1e-7)
        (g,) = minigrad.autograd.grad(y.sum(), [x])
        (tg,) = torch.autograd.grad(ty.sum(), [tx])
        assert_close(g, tg, rtol=1e-6, atol=1e-7)
    assert minigrad.rand(1).item() == torch.rand(1).item()  # both streams have come as far


@scalar_bernoulli
@pytest.mark.parametrize("layout", ["x.t()", "x[:, ::2]", "x[0].expand(5, 9)"])
def test_masks_of_dropout_follow_memory_as_torchs_do(layout):
    found = []
    for library in (minigrad, torch):
        x = eval(layout, {"x": library.linspace(0.1, 0.9, 63).reshape(7, 9)})
        library.manual_seed(3)
        found.append(library.nn.functional.dropout(x, 0.4).numpy())
    np.testing.assert_array_equal(*[f == 0 for f in found])


def test_dropout_outside_of_training_is_the_input_itself():
    x = minigrad.ones(3)
    assert F.dropout(x, 0.5, training=False) is x


@pytest.mark.parametrize("mask", ["bool", "float32"])
@same_as_torch
def test_a_mask_beside_is_causal_closes_more(torch, mask):
    q = torch.arange(32.0).reshape(1, 2, 4, 4).sin().requires_grad_()
    given = torch.tensor([[1, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1]])
    given = given.bool() if mask == "bool" else given.float()
    attend = torch.nn.functional.scaled_dot_product_attention
    y = attend(q, q * 2, q + 1, given, is_causal=True)
    y.square().sum().backward()
    for wrong in ({"dropout_p": 0.5}, {"attn_mask": given.float().requires_grad_()}):
        with pytest.raises(RuntimeError, match="Explicit attn_mask should not be set"):
            attend(q, q, q, **{"attn_mask": given, "is_causal": True, **wrong})
    return y.detach(), q.grad
