"""Windows, images and tables where one sample call is not enough: options, edges, infinities."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import minigrad
import minigrad.nn.functional as F
from parity_tests.both import both_raise, same_as_torch
from parity_tests.ops.pairs import RNG, assert_close, assert_derivatives_close, both

# -- resizing ------------------------------------------------------------------------------------

MODES = {1: ["linear"], 2: ["bilinear", "bicubic", "lanczos"], 3: ["trilinear"]}
TARGETS = [
    {"size": (3, 9, 5)},
    {"scale_factor": 1.3},
    {"scale_factor": 0.7},
    {"scale_factor": 2},
    {"scale_factor": (0.5, 1.9, 2.1), "recompute_scale_factor": True},
]
RESIZED = [
    (axes, mode, target, align, smooth)
    for axes in (1, 2, 3)
    for mode in ["nearest", "nearest-exact", "area", *MODES[axes]]
    for target in TARGETS
    for align in ((None,) if mode in ("nearest", "nearest-exact", "area") else (False, True))
    for smooth in ((False, True) if mode in ("bilinear", "bicubic") else (mode == "lanczos",))
    if not (mode == "lanczos" and align)
]


@pytest.mark.parametrize(("axes", "mode", "target", "align", "smooth"), RESIZED)
def test_interpolate_and_two_derivatives(axes, mode, target, align, smooth):
    x, tx = both(2, 2, *(7, 6, 5)[:axes])
    options = {k: v[:axes] if isinstance(v, tuple) else v for k, v in target.items()}
    options |= {"mode": mode, "align_corners": align, "antialias": smooth}
    ours, theirs = F.interpolate(x, **options), TF.interpolate(tx, **options)
    assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("smooth", [False, True])
def test_bytes_are_resized_to_the_same_bytes(mode, align, smooth):
    image = RNG.integers(0, 256, (2, 3, 9, 7)).astype(np.uint8)
    for size in ((3, 3), (5, 11), (18, 14)):
        options = {"size": size, "mode": mode, "align_corners": align, "antialias": smooth}
        ours = F.interpolate(minigrad.from_numpy(image), **options)
        theirs = TF.interpolate(torch.from_numpy(image), **options)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@same_as_torch
def test_an_infinity_stays_where_it_is(torch):
    f = torch.nn.functional
    x = torch.arange(64.0).reshape(1, 1, 8, 8)
    x[0, 0, 2, 3] = float("inf")
    x[0, 0, 7, 7] = float("nan")
    return [
        f.adaptive_avg_pool2d(x, 3),
        f.interpolate(x, 5, mode="area"),
        f.interpolate(x, scale_factor=2, mode="nearest"),
        f.avg_pool2d(x, 3, 2, 1),
        f.max_pool2d(x, 3, 2, 1),
        f.adaptive_max_pool2d(x, 3, return_indices=True),
        f.pad(x, (1, 1, 1, 1), "reflect"),
    ]


@same_as_torch
def test_old_names_of_interpolate(torch):
    f, x = torch.nn.functional, torch.arange(12.0).reshape(1, 1, 3, 4)
    return [
        f.upsample(x, scale_factor=2, mode="bilinear"),
        f.upsample_nearest(x, 5),
        f.upsample_bilinear(x, (5, 7)),
    ]


# -- borders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("pad", [(1, 2), (-1, 2), (2, -1), (-1, -1), (0, 0)])
def test_pad_and_two_derivatives(mode, pad):
    for axes in (1, 2, 3):
        x, tx = both(2, 2, *(4, 5, 4)[:axes])
        ours, theirs = F.pad(x, pad * axes, mode), TF.pad(tx, pad * axes, mode)
        assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])


@same_as_torch
def test_pad_of_other_types(torch):
    f, x = torch.nn.functional, torch.arange(6).reshape(1, 2, 3)
    return [
        f.pad(x, (1, 1), value=1.7),
        f.pad(x > 2, (1, 1), value=1),
        f.pad(x > 2, (1, 1), "circular"),
        f.pad(x, [1, 1], mode="replicate"),
        f.pad(x.half(), (2, 0), value=float("inf")),
        f.pad(x.bfloat16(), (2, 0), "reflect").float(),
        torch.constant_pad_nd(x, (1, 0), torch.tensor(7)),
        f.pad(torch.zeros(0, 2, 3), (1, 1), "replicate"),
        f.pad(torch.zeros(2, 0), (1, 1)),
    ]


BAD_PADS = [
    ((2, 3, 4), (1,), "constant", None),
    ((2, 3, 4), (1, 1.5), "constant", None),
    ((2, 3, 4), (4, 0), "reflect", None),
    ((2, 3, 4), (5, 0), "circular", None),
    ((2, 3, 4), (-3, -2), "circular", None),
    ((2, 3, 0), (1, 1), "replicate", None),
    ((1, 1, 4, 4), (1, 1), "reflect", None),
    ((2, 3, 4), (1, 1), "reflect", 2.0),
    ((2, 3, 4), (1, 1), "wrap", None),
]


@pytest.mark.parametrize(("shape", "pad", "mode", "value"), BAD_PADS)
@both_raise
def test_bad_pads(torch, shape, pad, mode, value):
    return torch.nn.functional.pad(torch.zeros(shape), pad, mode, value)


# -- transposed convolution, columns, unpooling --------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose2d_and_two_derivatives(stride, padding, dilation, groups):
    (x, tx), (w, tw), (b, tb) = both(2, 4, 3, 4), both(4, 6 // groups, 3, 2), both(6)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    options["output_padding"] = max(int(np.min(stride)), dilation) - 1
    assert_derivatives_close(
        F.conv_transpose2d(x, w, b, **options),
        TF.conv_transpose2d(tx, tw, tb, **options),
        [x, w, b],
        [tx, tw, tb],
    )


def test_conv_transpose_is_the_gradient_of_conv():
    x, w = minigrad.randn(2, 3, 7, requires_grad=True), minigrad.randn(4, 3, 3)
    y = F.conv1d(x, w, stride=2)
    g = minigrad.randn(*y.shape)
    assert_close(
        minigrad.autograd.grad(y, x, g)[0], F.conv_transpose1d(g, w, stride=2), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, (2, 3)])
def test_unfold_and_fold(padding, dilation, stride):
    options = {"padding": padding, "dilation": dilation, "stride": stride}
    x, tx = both(2, 3, 6, 7)
    ours, theirs = F.unfold(x, (2, 3), **options), TF.unfold(tx, (2, 3), **options)
    assert_derivatives_close(ours * ours, theirs * theirs, [x], [tx])
    c, tc = both(*theirs.shape)
    ours, theirs = F.fold(c, (6, 7), (2, 3), **options), TF.fold(tc, (6, 7), (2, 3), **options)
    assert_derivatives_close(ours * ours, theirs * theirs, [c], [tc])


@same_as_torch
def test_max_unpool_puts_back_what_was_pooled(torch):
    f, found = torch.nn.functional, []
    for axes, pool, unpool in (
        (1, f.max_pool1d, f.max_unpool1d),
        (2, f.max_pool2d, f.max_unpool2d),
        (3, f.max_pool3d, f.max_unpool3d),
    ):
        torch.manual_seed(axes)
        x = torch.randn(2, 2, *(6,) * axes, requires_grad=True)
        y, places = pool(x, 2, return_indices=True)
        z = unpool(y, places, 2, output_size=x.shape)
        (z * z).sum().backward()
        found += [places, z.detach(), x.grad, unpool(y[0], places[0], 2).detach()]
    return found


@same_as_torch
def test_random_windows_come_from_the_same_stream(torch):
    f, x = torch.nn.functional, torch.arange(2.0 * 3 * 8 * 9).reshape(2, 3, 8, 9).sin()
    torch.manual_seed(3)
    two = f.fractional_max_pool2d(x, (2, 3), output_size=(4, 3), return_indices=True)
    three = f.fractional_max_pool3d(x, 2, output_ratio=(0.5, 0.5, 0.5), return_indices=True)
    return [*two, *three, torch.rand(1)]


def test_pools_of_one_part_and_of_none():
    x, tx = both(2, 3, 5, 4)
    for size in (1, (1, 1), (None, 1), (0, 2), (7, 9)):
        for ours, theirs in (
            (F.adaptive_avg_pool2d, TF.adaptive_avg_pool2d),
            (F.adaptive_max_pool2d, TF.adaptive_max_pool2d),
        ):
            assert_close(ours(x, size), theirs(tx, size))
    assert isinstance(minigrad.adaptive_max_pool1d(x[0], 2), tuple)


@pytest.mark.parametrize("power", [1, 2.5, float("inf"), -float("inf")])
@same_as_torch
def test_power_means(torch, power):
    f, x = torch.nn.functional, (torch.arange(2.0 * 3 * 5 * 6).reshape(2, 3, 5, 6) + 1).sin().abs()
    return [f.lp_pool2d(x, power, (2, 3)), f.lp_pool1d(x[0], power, 2, 1, ceil_mode=True)]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("max_pool2d", "bool"), ("avg_pool2d", "int32"), ("adaptive_avg_pool2d", "int64"),
     ("adaptive_max_pool2d", "int64"), ("unfold", "int64")],
)  # fmt: skip
@both_raise
def test_types_that_torch_does_not_pool(torch, name, dtype):
    x = torch.ones(1, 1, 4, 4).to(getattr(torch, dtype))
    return getattr(torch.nn.functional, name)(x, 2)


# -- grids ---------------------------------------------------------------------------------------

GRIDS = [
    (axes, mode, edges, align)
    for axes, mode, edges, align in itertools.product(
        (2, 3),
        ("bilinear", "nearest", "bicubic"),
        ("zeros", "border", "reflection"),
        (False, True),
    )
    if not (axes == 3 and mode == "bicubic")
]


@pytest.mark.parametrize(("axes", "mode", "edges", "align"), GRIDS)
def test_grid_sample_and_two_derivatives(axes, mode, edges, align):
    x, tx = both(2, 3, *(4, 5, 3)[:axes])
    grid, t_grid = both(2, *(3, 2, 4)[:axes], axes, low=-1.7, high=1.7)
    options = {"mode": mode, "padding_mode": edges, "align_corners": align}
    ours, theirs = F.grid_sample(x, grid, **options), TF.grid_sample(tx, t_grid, **options)
    if mode != "nearest":
        assert_derivatives_close(ours, theirs, [x, grid], [tx, t_grid])
        return
    assert_close(ours, theirs)  # flat: torch has no second derivative, minigrad zeros
    (ours * ours).sum().backward()
    (theirs * theirs).sum().backward()
    assert_close(x.grad, tx.grad)
    assert_close(grid.grad, t_grid.grad)


@same_as_torch
def test_grid_sample_at_and_beyond_the_edges(torch):
    f, found = torch.nn.functional, []
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    x[0, 0, 0, 0] = float("inf")
    for edges in ("zeros", "border", "reflection"):
        for align in (False, True):
            grid = torch.tensor([[[[-1.0, 1.0], [1.0, 1.0], [1.0, -1.0], [5.0, -7.0], [3.0, 0.2]]]])
            grid.requires_grad_()
            y = f.grid_sample(x, grid, padding_mode=edges, align_corners=align)
            y.sum().backward()
            found += [y.detach(), grid.grad]
    return found


@same_as_torch
def test_affine_grid_and_sampling(torch):
    f = torch.nn.functional
    theta = torch.tensor([[[0.8, 0.3, 0.1], [-0.2, 1.1, 0.0]]], requires_grad=True)
    x = torch.arange(24.0).reshape(1, 2, 3, 4).sin()
    found = []
    for align in (False, True):
        grid = f.affine_grid(theta, (1, 2, 5, 3), align_corners=align)
        y = f.grid_sample(x, grid, align_corners=align)
        found += [grid.detach(), y.detach(), *torch.autograd.grad(y.square().sum(), theta)]
    return found


@pytest.mark.parametrize("size", [(2, 1, 7, 10), (1, 1, 33, 1), (1, 2, 3, 4, 9)], ids=str)
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid behavior")
def test_the_grid_that_moves_nothing_has_torchs_bits(size: Any, align: bool) -> None:
    axes, found = len(size) - 2, []
    for library in (minigrad, torch):
        theta = library.eye(axes, axes + 1).expand(size[0], axes, axes + 1)
        found.append(library.nn.functional.affine_grid(theta, size, align).numpy())
    np.testing.assert_array_equal(*found)


# -- tables --------------------------------------------------------------------------------------

INDEX = [[1, 2, 1], [0, 2, 1]]


@same_as_torch
def test_embedding_with_padding_and_shared_gradients(torch):
    f, found = torch.nn.functional, []
    for options in (
        {"padding_idx": 1},
        {"padding_idx": -2},
        {"scale_grad_by_freq": True},
        {"padding_idx": 2, "scale_grad_by_freq": True},
    ):
        table = torch.arange(12.0).reshape(4, 3).requires_grad_()
        y = f.embedding(torch.tensor(INDEX), table, **options)
        (first,) = torch.autograd.grad((y * y).sum(), table, create_graph=True)
        found += [y.detach(), first.detach()]
    return found


@same_as_torch
def test_embedding_shortens_rows_in_place(torch):
    f, table = torch.nn.functional, torch.arange(12.0).reshape(4, 3)
    y = f.embedding(torch.tensor(INDEX), table, max_norm=2.0)
    z = f.embedding(torch.tensor([3]), table, None, 1.0, 1.0)
    return y, z, table


BAGS = [
    {"mode": "sum"},
    {"mode": "mean", "padding_idx": 2},
    {"mode": "max"},
    {"mode": "max", "padding_idx": 2},
    {"mode": "mean", "include_last_offset": True},
]


@pytest.mark.parametrize("options", BAGS)
@same_as_torch
def test_bags_with_offsets(torch, options):
    table = torch.arange(12.0).reshape(4, 3).sin().requires_grad_()
    numbers, offsets = torch.tensor([1, 2, 1, 0, 3, 2]), torch.tensor([0, 2, 2, 5, 6])
    y = torch.nn.functional.embedding_bag(numbers, table, offsets, **options)
    (y * y).sum().backward()
    return y.detach(), table.grad


@same_as_torch
def test_weighted_bags(torch):
    table = torch.arange(12.0).reshape(4, 3).sin().requires_grad_()
    weights = torch.tensor([[0.5, 1.0, 2.0], [1.0, -1.0, 3.0]], requires_grad=True)
    y = torch.nn.functional.embedding_bag(
        torch.tensor(INDEX), table, mode="sum", per_sample_weights=weights, padding_idx=2
    )
    (y * y).sum().backward()
    return y.detach(), table.grad, weights.grad


@same_as_torch
def test_one_hot_finds_the_number_of_classes(torch):
    f = torch.nn.functional
    return f.one_hot(torch.tensor([[2, 0], [1, 4]])), f.one_hot(torch.tensor(3), num_classes=6)


@pytest.mark.parametrize(("values", "classes"), [([-1], 3), ([3], 3), ([], -1), ([0], 0)])
@both_raise
def test_bad_one_hot(torch, values, classes):
    return torch.nn.functional.one_hot(torch.tensor(values, dtype=torch.int64), classes)


def test_sparse_gradients_are_refused():
    table = minigrad.zeros(3, 2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="sparse=False"):
        F.embedding(minigrad.tensor([1]), table, sparse=True)
