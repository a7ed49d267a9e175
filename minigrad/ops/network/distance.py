"""Distances and angles between vectors."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import Op, renamed
from minigrad.autograd.readings import composed
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.network.distance_rows import Distances, PairDistances
from minigrad.ops.network.loss_reduction import broadcast_shape

_BOTH = ("torch", "nn.functional")
_APART = (reals(-3, -0.5), reals(0.5, 3))
BY_PRODUCT = 25  # torch's: with more rows than that, Euclidean distances come from a product


@register("at_least", internal=True)
class AtLeast(Op):
    """x, but not below a bound; the gradient passes as if there were none."""

    @staticmethod
    def forward(xp: Any, input: Array, bound: float) -> Array:
        """NaN stays NaN."""
        return xp.maximum(input, input.dtype.type(bound))

    @staticmethod
    def grad_input(g: Any) -> Any:
        """All of it."""
        return g


@function(
    where=_BOTH,
    torch="nn.functional.cosine_similarity",
    domain=_APART,
    samples=(call(T(2, 3), T(2, 3)), call(T(2, 3), T(3), dim=-1), call(T(4), T(4), dim=0)),
    errors=(call(T(2, 3), T(2, 4)), call(T(3), T(3))),
)
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along an axis.

    Formula: y = (x₁ / n₁) · (x₂ / n₂), n the norms, but not below ``eps``.
    Gradient: gx₁ = g (x₂ / n₂ - y x₁ / n₁) / n₁, gx₂ alike.

    Shape: two that broadcast -> that shape without the axis.
    Raises: RuntimeError for integers or shapes that do not fit, IndexError for the axis.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html

    >>> import minigrad as torch
    >>> torch.cosine_similarity(torch.tensor([1., 0.]), torch.tensor([1., 1.]), dim=0)
    tensor(0.7071)
    """
    if not (isinstance(x1, TensorBase) and isinstance(x2, TensorBase)):
        raise TypeError("cosine_similarity(): x1 and x2 must be Tensors")
    x1, x2 = common_type(x1, x2)
    if x1._array.dtype.kind not in "fV":
        kind = of_numpy(x1._array.dtype)
        raise DtypeError(
            f"expected common dtype to be floating point, yet common dtype is {kind!r}"
        )
    shape = broadcast_shape("cosine_similarity", x1._array.shape, x2._array.shape)
    x1, x2 = (x if x._array.shape == shape else x.expand(shape) for x in (x1, x2))
    return composed(_cosine, (x1, x2), one_dim(dim, len(shape)), eps)


def _cosine(F: Any, x1: Any, x2: Any, axis: int, eps: float) -> Any:
    axes = (axis,) if len(x1.shape) else None
    one, two = (x / F.at_least(F.vector_norm(x, 2.0, axes, True), eps) for x in (x1, x2))
    return F.sum(one * two, axes, False)


@function(
    where=_BOTH,
    torch="nn.functional.pairwise_distance",
    domain=_APART,
    samples=(
        call(T(2, 3), T(2, 3)),
        call(T(2, 3), T(3), p=1.0, keepdim=True),
        call(T(3), T(3), p=3.0, eps=0.1),
    ),
    errors=(call(T(2, 3), T(2, 4)),),
)
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """The distance between vectors along the last axis.

    Formula: y = (Σ |x₁ - x₂ + eps|^p)^(1/p). Gradient: as of the norm.

    Shape: two that broadcast -> that shape without the last axis.
    Raises: RuntimeError for shapes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html

    >>> import minigrad as torch
    >>> torch.pairwise_distance(torch.tensor([[3., 4.]]), torch.zeros(1, 2))
    tensor([5.0000])
    """
    last = max(x1._array.ndim, x2._array.ndim) - 1
    return renamed((x1 - x2 + eps).norm(p, last, keepdim), "NormBackward1")


@function(
    where=("nn.functional",),
    torch="nn.functional.normalize",
    domain=(reals(0.3, 3),),
    samples=(call(T(2, 3)), call(T(2, 3), 1.0, 0), call(T(2, 3, 2), p=3.0, dim=-1)),
    errors=(call(T(2, 3), dim=2),),
    out=True,
)
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """Vectors along an axis divided by their norm.   y = x / max(‖x‖_p, eps).

    Gradient, p = 2: gx = (g - y (g · y)) / ‖x‖.

    Shape: any, unchanged.
    Raises: IndexError for an axis that is not there, RuntimeError for integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html

    >>> import minigrad as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3., 4.]]))
    tensor([[0.6000, 0.8000]])
    """
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps)


def _check(op: str, p: float, *xs: Any) -> None:
    """Raise torch's errors for what has no distances."""
    for number, x in enumerate(xs, 1):
        if x._array.dtype.kind not in "fV":
            got = f", X{number} got: {of_numpy(x._array.dtype)!r}" if op == "cdist" else ""
            raise DtypeError(f"{op} only supports floating-point dtypes{got}")
        if x._array.dtype.itemsize == 2:
            raise NotImplementedError(
                f'"{op}" not implemented for {of_numpy(x._array.dtype)!r}; use x.float()'
            )
    if not p >= 0:
        raise RuntimeError(f"{op} only supports non-negative p values, got {p}")


MODES = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


@function(
    where=("torch",),
    domain=_APART,
    samples=(
        call(T(2, 3), T(4, 3)),
        call(T(2, 3, 2), T(2, 4, 2), p=1.0),
        call(T(3, 2), T(2, 2), p=3.0),
        call(T(3, 2), T(2, 2), p=float("inf")),
    ),
    errors=(call(T(2, 3), T(2, 4)), call(T(3), T(3)), call(T(2, 3), T(2, 3), p=-1.0)),
    orders=1,
)
def cdist(
    x1: Any,
    x2: Any,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Any:
    """The distance of each row of one matrix from each row of another.

    Formula: y_ij = (Σ_k |x₁_ik - x₂_jk|^p)^(1/p). Gradient: as of the norm, zero where y is zero.

    Shape: (*, P, M), (*, R, M) -> (*, P, R); leading axes are broadcast.
    Raises: RuntimeError for other shapes, dtypes or a negative p, ValueError for the mode.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cdist.html

    >>> import minigrad as torch
    >>> torch.cdist(torch.tensor([[0., 0.], [3., 0.]]), torch.tensor([[0., 4.]]))
    tensor([[4.],
            [5.]])
    """
    if compute_mode not in MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode; {list(MODES)} are")
    for number, x in enumerate((x1, x2), 1):
        if x._array.ndim < 2:
            raise ShapeError(
                f"cdist only supports at least 2D tensors, X{number} got: {x._array.ndim}D"
            )
    a, b = x1._array, x2._array
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            "X1 and X2 must have the same number of columns. "
            f"X1: {a.shape[-1]} X2: {b.shape[-1]} (cdist)"
        )
    _check("cdist", p, x1, x2)
    if a.dtype != b.dtype:
        one, two = of_numpy(a.dtype), of_numpy(b.dtype)
        raise DtypeError(f"expected scalar type {one!r} but found {two!r} (cdist)")
    lead = broadcast_shape("cdist", a.shape[:-2], b.shape[:-2])
    x1, x2 = (x if x._array.shape[:-2] == lead else _spread(x, lead) for x in (x1, x2))
    by_product = MODES[compute_mode]
    if by_product is None:
        by_product = max(a.shape[-2], b.shape[-2]) > BY_PRODUCT
    return Distances.short(x1, x2, float(p), bool(by_product and p == 2))


def _spread(x: Any, lead: tuple[int, ...]) -> Any:
    return x.expand((*lead, *x._array.shape[-2:]))


@function(
    where=_BOTH,
    torch="nn.functional.pdist",
    domain=(reals(-3, 3),),
    samples=(call(T(4, 3)), call(T(3, 2), 1.0), call(T(3, 2), 3.0)),
    errors=(call(T(3)), call(T(3, 2), -1.0)),
    orders=1,
)
def pdist(input: Any, p: float = 2.0) -> Any:
    """The distances between all pairs of rows of a matrix.

    Formula: y = (Σ_k |x_ik - x_jk|^p)^(1/p) for i < j. Gradient: as of :func:`cdist`.

    Shape: (N, M) -> (N (N - 1) / 2), the pairs in the order (0, 1), (0, 2), ..., (N - 2, N - 1).
    Raises: RuntimeError for other than two axes, or a negative p.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html

    >>> import minigrad as torch
    >>> torch.pdist(torch.tensor([[0.], [1.], [3.]]))
    tensor([1., 3., 2.])
    """
    x = input._array
    if x.ndim != 2:
        raise ShapeError(f"pdist only supports 2D tensors, got: {x.ndim}D")
    _check("pdist", p, input)
    return PairDistances.short(input, float(p))
