"""Losses and activations where one sample call is not enough: weights, kinks, warnings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import minigrad
import minigrad.nn.functional as F
from parity_tests.ops.pairs import RNG, assert_close, assert_derivatives_close, both, classes

# -- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4), (2, 3, 2, 2)])
def test_cross_entropy_with_weights(shape, smoothing, ignore_index, reduction):
    x, tx = both(*shape)
    t, tt = classes(*shape[:1], *shape[2:])
    weight = np.array([0.5, 2.0, 1.5])
    options = {
        "ignore_index": ignore_index,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    for w, tw in ((None, None), (minigrad.from_numpy(weight), torch.tensor(weight))):
        ours = F.cross_entropy(x, t, w, **options)
        theirs = TF.cross_entropy(tx, tt, tw, **options)
        assert_derivatives_close(ours, theirs, [x], [tx])


def test_cross_entropy_prints_the_node_of_torch():
    x, tx = both(4, 3)
    t, tt = classes(4)
    ours, theirs = F.cross_entropy(x, t), TF.cross_entropy(tx, tt)
    assert ours.grad_fn.name() == theirs.grad_fn.name() == "NllLossBackward0"


def test_losses_where_everything_is_ignored():
    x, tx = both(2, 3)
    t, tt = minigrad.tensor([-100, -100]), torch.tensor([-100, -100])
    for reduction in ("mean", "sum"):
        assert_close(
            F.cross_entropy(x, t, reduction=reduction),
            TF.cross_entropy(tx, tt, reduction=reduction),
        )


@pytest.mark.parametrize("target", [[0, 3], [0, -1]])
def test_classes_out_of_bounds_are_named(target):
    words = f"Target {target[1]} is out of bounds"
    with pytest.raises(IndexError, match=words):
        TF.cross_entropy(torch.zeros(2, 3), torch.tensor(target))
    with pytest.raises(IndexError, match=words):
        F.cross_entropy(minigrad.zeros(2, 3), minigrad.tensor(target))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_binary_cross_entropy_with_weights(name, reduction):
    (x, tx), (t, tt) = both(4, 3), both(4, 3, low=0, high=1)
    weight = np.array([0.5, 2.0, 1.5])
    w, tw = minigrad.from_numpy(weight), torch.tensor(weight)
    options = {"reduction": reduction}
    ours = F.binary_cross_entropy_with_logits(x, t, **{name: w}, **options)
    theirs = TF.binary_cross_entropy_with_logits(tx, tt, **{name: tw}, **options)
    assert_derivatives_close(ours, theirs, [x, t], [tx, tt])
    if name == "weight":
        ours = F.binary_cross_entropy(x.sigmoid(), t, w, **options)
        theirs = TF.binary_cross_entropy(tx.sigmoid(), tt, tw, **options)
        assert_derivatives_close(ours, theirs, [x, t], [tx, tt])


def test_binary_cross_entropy_of_certain_and_wrong_answers():
    x, t = [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0]
    ours = F.binary_cross_entropy(minigrad.tensor(x), minigrad.tensor(t), reduction="none")
    assert ours.tolist() == [100.0, 100.0, 0.0, 0.0]


def test_weights_of_losses_take_no_gradient():
    weight = minigrad.ones(3, requires_grad=True)
    with pytest.raises(
        RuntimeError, match="is not differentiable with respect to argument 'weight'"
    ):
        F.cross_entropy(minigrad.zeros(2, 3), minigrad.tensor([0, 1]), weight)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_losses_warn_when_shapes_differ(name):
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[3\]\)\)"):
        getattr(TF, name)(torch.zeros(2, 3), torch.zeros(3))
    x = minigrad.zeros(2, 3, requires_grad=True)
    t = minigrad.ones(3, requires_grad=True)
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[3\]\)\)"):
        loss = getattr(F, name)(x, t)
    loss.backward()
    assert t.grad.shape == (3,) and x.grad.shape == (2, 3)
    with (
        pytest.warns(UserWarning, match="target size"),
        pytest.raises(RuntimeError, match=r"The size of tensor a \(3\) must match"),
    ):
        getattr(F, name)(x, minigrad.zeros(4))


def test_kl_div_mean_warns_as_in_torch():
    x, tx = both(2, 3)
    t, tt = both(2, 3, low=0.1, high=1)
    with pytest.warns(UserWarning, match="batchmean"):
        want = TF.kl_div(tx, tt)
    with pytest.warns(UserWarning, match="batchmean"):
        assert_close(F.kl_div(x, t), want)


# -- activations ---------------------------------------------------------------------------------

POINTS = np.array([-20.0, -6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 20.0, 25.0])
NAMES = [
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "hardtanh",
    "relu6",
    "hardsigmoid",
    "hardswish",
    "logsigmoid",
    "tanhshrink",
    "softshrink",
    "hardshrink",
    "sigmoid",
    "tanh",
]


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_at_kinks_are_those_of_torch(name):
    x, tx = minigrad.from_numpy(POINTS.copy()).requires_grad_(), torch.tensor(POINTS)
    tx.requires_grad_()
    y, ty = getattr(F, name)(x), getattr(TF, name)(tx)
    assert_close(y, ty, rtol=1e-7)
    (g,), (tg,) = minigrad.autograd.grad(y.sum(), [x]), torch.autograd.grad(ty.sum(), [tx])
    assert_close(g, tg, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "softplus"])
def test_large_arrays_take_the_same_values(name):
    array = RNG.uniform(-4, 4, (60, 70)).astype(np.float32)
    x, tx = minigrad.from_numpy(array.copy()).requires_grad_(), torch.tensor(array)
    tx.requires_grad_()
    y, ty = getattr(F, name)(x), getattr(TF, name)(tx)
    assert_close(y, ty, rtol=1e-5, atol=1e-6)
    (g,), (tg,) = minigrad.autograd.grad(y.sum(), [x]), torch.autograd.grad(ty.sum(), [tx])
    assert_close(g, tg, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softplus", "leaky_relu", "hardtanh"])
def test_infinities_and_nan(name):
    array = np.array([np.nan, np.inf, -np.inf])
    assert_close(
        getattr(F, name)(minigrad.from_numpy(array)), getattr(TF, name)(torch.tensor(array))
    )


def test_relu_stops_an_infinite_gradient():
    x = minigrad.tensor([-1.0, 0.0, 4.0], requires_grad=True)
    x.relu().sqrt().sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.25]


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "silu",
        "mish",
        "hardtanh",
        "relu6",
        "hardsigmoid",
        "hardswish",
    ],
)
def test_inplace_activations_write_and_record(name):
    array = RNG.uniform(-4, 4, (5,))
    x, tx = minigrad.from_numpy(array.copy()).requires_grad_(), torch.tensor(array)
    tx.requires_grad_()
    y, ty = x * 1, tx * 1
    assert getattr(F, name)(y, inplace=True) is y
    getattr(TF, name)(ty, inplace=True)
    assert_close(y, ty, rtol=1e-7)
    (g,), (tg,) = minigrad.autograd.grad(y.sum(), [x]), torch.autograd.grad(ty.sum(), [tx])
    assert_close(g, tg, rtol=1e-7, atol=1e-8)


def test_softmax_chooses_an_axis_with_a_warning():
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        y = F.softmax(minigrad.zeros(2, 4))
    assert y.tolist() == [[0.25] * 4] * 2


def test_softmax_converts_first():
    y = F.softmax(minigrad.ones(4, dtype=minigrad.int64), 0, dtype=minigrad.float64)
    assert y.dtype is minigrad.float64
    assert minigrad.zeros(4).softmax(0, dtype=minigrad.float64).dtype is minigrad.float64


def test_log_of_sums_of_infinities():
    array = np.array([[-np.inf, -np.inf], [np.inf, 1.0], [1.0, -np.inf]])
    assert_close(
        minigrad.logsumexp(minigrad.from_numpy(array), 1), torch.logsumexp(torch.tensor(array), 1)
    )


def test_erf_in_both_precisions():
    x = np.linspace(-7, 7, 4001)
    for dtype, tolerance in ((np.float32, 3e-7), (np.float64, 3e-15)):
        ours = minigrad.erf(minigrad.from_numpy(x.astype(dtype))).numpy()
        want = torch.erf(torch.tensor(x.astype(dtype))).numpy()
        np.testing.assert_allclose(ours, want, rtol=tolerance, atol=tolerance)
