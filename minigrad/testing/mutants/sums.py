"""Wrong sums: broadcasts that are not undone, uses that are not added, means and counts."""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad.autograd.record import T, call, integers
from minigrad.testing.mutants.spoiling import Mutant, engine_with, entered

__all__ = ["FOUND"]

F = torch.nn.functional


def _leading_axes_only(g: Any, shape: Any, node: Any, F: Any) -> Any:
    for _ in range(len(g.shape) - len(shape)):
        g = F.sum(g, (0,), False)
    return g


def _first_copy(g: Any, shape: Any, node: Any, F: Any) -> Any:
    whole = (1,) * (len(g.shape) - len(shape)) + tuple(shape)
    kept = tuple(slice(0, n) for n in whole)
    return g[kept].reshape(shape)


def _averaged(g: Any, shape: Any, node: Any, F: Any) -> Any:
    count = 1
    for n in g.shape:
        count *= n
    for n in shape:
        count //= n
    return F.sum_to(g, shape) / count


def _last_axes(g: Any, shape: Any, node: Any, F: Any) -> Any:
    if len(g.shape) == 2 and len(shape) == 1 and g.shape[0] == g.shape[1]:
        return F.sum(g, (1,), False)
    return F.sum_to(g, shape)


def used_twice(x: Any) -> Any:
    """x sin(x)"""
    return x * x.sin()


def picked(x: Any) -> Any:
    """Rows 1, 1 and 0."""
    return x.index_select(0, torch.tensor([1, 1, 0]))


def _one_row_each(s: Any) -> Any:
    rows = torch.tensor([0, 2, 0])
    found = torch.zeros_like(s.inputs[0])
    for place, row in enumerate(rows.tolist()):
        found[row] = s.g[place]
    return [found]


def table_rows(weight: Any) -> Any:
    """Rows 0, 2 and 0 of a table."""
    return F.embedding(torch.tensor([0, 2, 0]), weight)


def _last_image_only(s: Any) -> Any:
    g = torch.zeros_like(s.g)
    g[-1] = s.g[-1]
    return [s.gradients[0], *s.pull(g)[1:]]


_PAIR = (call(T(2, 3), T(2, 1)), call(T(2, 3), T(1, 3)), call(T(2, 3), T(3)))
_SQUARE = (call(T(3, 3), T(3)),)
_BATCH = (call(T(3, 2, 4, 4), T(2, 2, 3, 3), T(2)),)
_CLASSES = (call(T(4, 3), T(4, domain=integers(0, 2))),)

FOUND = [
    Mutant(
        "broadcast_not_undone",
        "The first bug of nearly every small engine: the gradient keeps the shape of the output.",
        ("missing unbroadcast",),
        entered("mul", None, *_PAIR),
        lambda: engine_with(fit=lambda g, shape, node, F: g),
    ),
    Mutant(
        "broadcast_undone_in_front_only",
        "Added axes are summed, axes of size 1 are forgotten: micrograd's heirs, again and again.",
        ("missing unbroadcast",),
        entered("mul", None, *_PAIR),
        lambda: engine_with(fit=_leading_axes_only),
    ),
    Mutant(
        "broadcast_undone_by_taking_one",
        "The first copy's gradient is taken for that of all.",
        ("missing unbroadcast",),
        entered("mul", None, *_PAIR),
        lambda: engine_with(fit=_first_copy),
    ),
    Mutant(
        "broadcast_undone_by_a_mean",
        "mean() written where sum() was meant: a bias that learns too slowly.",
        ("constant factor 1/2", "constant factor 1/3"),
        entered("add", None, *_PAIR),
        lambda: engine_with(fit=_averaged),
    ),
    Mutant(
        "broadcast_undone_along_the_wrong_axis",
        "sum(1) for sum(0): the shapes agree as soon as a matrix is square.",
        ("summed over the wrong axis",),
        entered("mul", None, *_SQUARE, varied=False),
        lambda: engine_with(fit=_last_axes),
    ),
    Mutant(
        "second_use_overwrites",
        "grad = ... where grad += ... was meant: right until a value is used twice.",
        ("second use overwritten, not added",),
        entered(used_twice, None, call(T(2, 3))),
        lambda: engine_with(add=lambda so_far, g: g),
    ),
    Mutant(
        "repeated_index_overwrites",
        "gx[index] = g in NumPy keeps one of several; np.add.at adds them.",
        ("second use overwritten, not added",),
        entered(
            picked,
            lambda s: [torch.zeros_like(s.x).index_copy(0, torch.tensor([1, 1, 0]), s.g)],
            call(T(3, 2)),
        ),
    ),
    Mutant(
        "embedding_keeps_one_row",
        "A word that stands twice in a sentence gets the gradient of its last place.",
        ("second use overwritten, not added",),
        entered(table_rows, _one_row_each, call(T(3, 2))),
    ),
    Mutant(
        "repeat_keeps_one_copy",
        "The gradient of tile() cut to the input's size rather than folded onto it.",
        ("second use overwritten, not added", "missing unbroadcast"),
        entered("repeat", lambda s: s.g[: s.x.shape[0]], call(T(3), 2), varied=False),
    ),
    Mutant(
        "expand_averages",
        "The gradient of an expanded axis divided by its size.",
        ("constant factor 1/3", "constant factor 1/4", "constant factor 1/2"),
        entered(
            "expand", lambda s: s.gradients[0] / (s.g.numel() / s.x.numel()), call(T(3, 1), 3, 4)
        ),
    ),
    Mutant(
        "mean_forgets_its_count",
        "The gradient of mean() written like that of sum().",
        ("constant factor 6", "constant factor 4", "constant factor 3", "constant factor 2"),
        entered("mean", lambda s: s.gradients[0] * s.x.numel() / s.out.numel(), call(T(2, 3))),
    ),
    Mutant(
        "sum_averages",
        "A loss that is summed, a gradient that is averaged.",
        ("constant factor 1/6",),
        entered("sum", lambda s: s.gradients[0] / s.x.numel(), call(T(2, 3)), varied=False),
    ),
    Mutant(
        "cross_entropy_forgets_the_batch",
        "The gradient p - y without the 1/N of the mean: the learning rate seems N times larger.",
        ("constant factor 4",),
        entered("cross_entropy", lambda s: s.gradients[0] * s.x.shape[0], *_CLASSES, varied=False),
    ),
    Mutant(
        "variance_with_the_other_count",
        "Forward divides by n - 1, backward by n: biased against unbiased.",
        ("constant factor 3/4",),
        entered(
            "var",
            lambda s: s.gradients[0] * (s.x.numel() - 1) / s.x.numel(),
            call(T(4)),
            varied=False,
        ),
    ),
    Mutant(
        "conv_bias_averages",
        "The bias of a convolution is added at each place, so its gradient is a sum over them.",
        ("constant factor 1/12",),
        entered(
            "conv2d",
            lambda s: [*s.gradients[:2], s.gradients[2] / (s.g.numel() / s.g.shape[1])],
            *_BATCH,
            varied=False,
        ),
    ),
    Mutant(
        "conv_weight_from_the_last_image",
        "A loop over the batch that assigns the weight's gradient in place of adding to it.",
        ("second use overwritten, not added", "lost elements"),
        entered("conv2d", _last_image_only, *_BATCH, varied=False),
    ),
    Mutant(
        "tie_counted_twice",
        "max() of equal values: each mask element gets the whole gradient (early MXNet, autograd).",
        ("tie counted twice",),
        entered(
            "amax",
            lambda s: s.g.unsqueeze(-1) * (s.x == s.out.unsqueeze(-1)),
            call(T(2, 4), -1),
            varied=False,
        ),
        ties=True,
    ),
    Mutant(
        "cotangent_summed_first",
        "g.sum() in backward: right for loss.backward() of a sum, and for nothing else.",
        ("cotangent summed",),
        entered("sin", lambda s: s.x.cos() * s.g.sum(), call(T(3)), varied=False),
    ),
    Mutant(
        "cotangent_averaged_first",
        "g.mean() in backward, from a recipe for scalar losses.",
        ("cotangent averaged",),
        entered("exp", lambda s: s.out * s.g.mean(), call(T(2, 2)), varied=False),
    ),
]
