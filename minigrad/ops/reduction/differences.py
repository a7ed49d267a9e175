"""Differences of neighbours, slopes, and areas under what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.dims import one_dim


def _cut(x: Any, dim: int, start: int, stop: int) -> Any:
    """Part of an axis; a negative ``stop`` counts from its end."""
    length = x._array.shape[dim]
    return tensors.narrow(x, dim, start, max((stop if stop > 0 else length + stop) - start, 0))


@function(
    out=True,
    dtypes=("float", "int", "bool"),
    samples=(
        call(T(5)),
        call(T(2, 4), n=2),
        call(T(3, 2), dim=0),
        call(T(2, 3), prepend=T(2, 1), append=T(2, 2)),
    ),
    errors=(call(T()), call(T(3), n=-1), call(T(3), dim=1)),
)
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along an axis, ``n`` times; of bools, whether they differ.

    Formula:   out_i = input_{i+1} - input_i
    Gradient:  g_{i-1} - g_i

    >>> import minigrad as torch
    >>> torch.diff(torch.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if not input._array.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    at = one_dim(dim, input._array.ndim)
    parts = [p for p in (prepend, input, append) if p is not None]
    for p in parts:
        if p._array.ndim != input._array.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if not n:
        return tensors.clone(input)
    x = tensors.cat(*common_type(*parts), dim=at) if len(parts) > 1 else input
    for _ in range(min(n, x._array.shape[at])):
        x = tensors.neighbours(x, at)
    return x


@register(internal=True)
class Neighbours(Op):
    """The differences of neighbours along an axis, once."""

    grad_fn = "SubBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """All but the first less all but the last; of bools, whether they differ."""
        before = (slice(None),) * dim
        minus = xp.logical_xor if input.dtype.kind == "b" else xp.subtract
        return minus(input[(*before, slice(1, None))], input[(*before, slice(-1))])

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: int, F: Any) -> Array:
        """The differences again, the other way round, with nothing at both ends."""
        if shape[dim] == 1:
            return F.expand(F.sum(g, (dim,), True), shape)  # of nothing
        end = F.narrow(g, dim, 0, 1) * 0
        return -F.neighbours(F.cat(end, g, end, dim=dim), dim)


def _middles(y: Any, dim: int) -> Any:
    """The sums of neighbours."""
    return _cut(y, dim, 1, 0) + _cut(y, dim, 0, -1)


def _areas(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """The areas under the lines between neighbours along an axis."""
    shape = y._array.shape
    at = one_dim(dim, len(shape))
    if not shape:
        raise IndexError(f"{name}(): expected y to have at least one axis, got none")
    if shape[at] < 2:
        return None, at
    if x is None:
        return _middles(y, at) * (dx / 2), at
    if isinstance(dx, TensorBase):
        raise TypeError(f"{name}(): give x or dx, not both")
    if not x._array.ndim:
        return _middles(y, at) * 0, at
    if x._array.ndim == 1:
        if x._array.shape[0] != shape[at]:
            raise RuntimeError(
                f"{name}: There must be one `x` value for each sample point; got "
                f"{x._array.shape[0]} for {shape[at]}"
            )
        x = x.reshape(-1, *[1] * (len(shape) - 1 - at))
        widths = _cut(x, 0, 1, 0) - _cut(x, 0, 0, -1)
    else:
        x = x.reshape(*[1] * (len(shape) - x._array.ndim), *x._array.shape)
        widths = _cut(x, at, 1, 0) - _cut(x, at, 0, -1)
    return widths * _middles(y, at) / 2.0, at


_AREA: dict[str, Any] = {
    "where": ("torch",),
    "samples": (
        call(T(5)),
        call(T(2, 4), dx=0.5),
        call(T(3, 2), dim=0),
        call(T(2, 3), T(3)),
        call(T(2, 3), T(2, 3)),
    ),
    "errors": (call(T(4), T(3)), call(T(3), dim=1)),
}


@function(aliases=("trapz",), **_AREA)
def trapezoid(y: Any, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Any:
    """The area under the lines between samples along an axis, at places ``x`` or ``dx`` apart.

    Formula:   out = sum_i (x_{i+1} - x_i) (y_i + y_{i+1}) / 2
    Gradient:  by those of the sum and the product

    >>> import minigrad as torch
    >>> torch.trapezoid(torch.tensor([1., 5., 10.]))
    tensor(10.5000)
    """
    if x is None and y._array.ndim:  # what is inside counts twice
        at = one_dim(dim, y._array.ndim)
        last = y._array.shape[at] - 1
        if last > 0:
            ends = tensors.narrow(y, at, 0, 1) + tensors.narrow(y, at, last, 1)
            return (y.sum(at) - (ends * 0.5).squeeze(at)) * dx
    areas, at = _areas("trapezoid", y, x, dx, dim)
    if areas is None:
        return (y * 0.0).sum(at)
    return areas.sum(at)


@function(**_AREA)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Any:
    """The area under the lines between samples, up to each of them but the first.

    Formula:   out_k = sum_{i <= k} (x_{i+1} - x_i) (y_i + y_{i+1}) / 2
    Gradient:  by those of the running sum and the product

    >>> import minigrad as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1., 5., 10.]))
    tensor([ 3.0000, 10.5000])
    """
    areas, at = _areas("cumulative_trapezoid", y, x, dx, dim)
    return tensors.narrow(y, at, 0, 0) * 0.5 if areas is None else areas.cumsum(at)


@function(
    where=("torch",),
    samples=(
        call(T(5)),
        call(T(4, 5)),
        call(T(4, 5), spacing=2.0, dim=1),
        call(T(4, 5), spacing=[1.0, 2.0], edge_order=2),
        call(T(3, 4), dim=[0]),
    ),
    errors=(call(T(1)), call(T(4), edge_order=3), call(T(4), dim=1), call(T(2), edge_order=2)),
    returns="Any",
)
def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> Any:
    """The slopes of samples along axes, by central differences; one tensor for each axis.

    ``spacing`` is the distance of the samples, one for each axis, or a vector of places for each.

    Formula:   out_i = (input_{i+1} - input_{i-1}) / (2 h) inside, one-sided at the ends
    Gradient:  by those of the differences

    >>> import minigrad as torch
    >>> torch.gradient(torch.tensor([1., 4., 9., 16.]))
    (tensor([3., 4., 6., 7.]),)
    """
    shape = input._array.shape
    spacing = 1 if spacing is None else spacing
    if dim is None:
        several = isinstance(spacing, Sequence)
        axes = list(range(len(spacing) if several else len(shape)))
        if several and len(axes) != len(shape):
            raise RuntimeError(
                f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
                f"{len(shape)}, but got a list of length {len(axes)}"
            )
    else:
        axes = [one_dim(d, len(shape)) for d in (dim if isinstance(dim, Sequence) else (dim,))]
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"dim {dim} appears multiple times in the list of dims")
    steps = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(axes)
    if len(steps) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of the length "
            f"of dim, {len(axes)}, but got {len(steps)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for at in axes:
        if shape[at] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1; axis "
                f"{at} has size {shape[at]}"
            )
    return tuple(_slope(input, step, at, edge_order) for step, at in zip(steps, axes, strict=True))


def _slope(f: Any, step: Any, at: int, edge_order: int) -> Any:
    """The slopes along one axis."""
    rises = _cut(f, at, 1, 0) - _cut(f, at, 0, -1)
    if isinstance(step, TensorBase) and step._array.ndim:
        if step._array.shape != (f._array.shape[at],):
            raise RuntimeError(
                "torch.gradient expected each coordinate tensor to be one-dimensional, with as "
                f"many places as axis {at} has; got shape {tuple(step._array.shape)}"
            )
        runs = _cut(step, 0, 1, 0) - _cut(step, 0, 0, -1)
        runs = runs.reshape(-1, *[1] * (f._array.ndim - 1 - at))
        slopes = rises / runs
        left, right = _cut(runs, 0, 0, -1), _cut(runs, 0, 1, 0)
        before, after = _cut(slopes, at, 0, -1), _cut(slopes, at, 1, 0)
        inside = (before * right + after * left) / (left + right)
        first, last = _cut(slopes, at, 0, 1), _cut(slopes, at, -1 + slopes._array.shape[at], 0)
        if edge_order == 2:
            bend = (after - before) / (left + right)
            first = first - _cut(bend, at, 0, 1) * _cut(left, 0, 0, 1)
            end = bend._array.shape[at] - 1
            last = last + _cut(bend, at, end, 0) * _cut(right, 0, end, 0)
    else:
        end = f._array.shape[at] - 1
        inside = (_cut(f, at, 2, 0) - _cut(f, at, 0, -2)) / (2 * step)
        if edge_order == 1:
            first, last = _cut(rises, at, 0, 1) / step, _cut(rises, at, end - 1, 0) / step
        else:
            ends = ((0, 1, 2), (end, end - 1, end - 2))
            first, last = (_curved(*[_cut(f, at, i, i + 1) for i in places]) for places in ends)
            first, last = first / step, last / -step
    return tensors.cat(first, inside, last, dim=at)


def _curved(here: Any, near: Any, far: Any) -> Any:
    """The rise per step at the end of three samples, as if they lay on a parabola."""
    return -1.5 * here + 2 * near - 0.5 * far
