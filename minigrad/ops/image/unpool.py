"""Max unpooling: the greatest elements put back to the places where they were found."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, integers, reals
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.image.pool_checks import NOUNS, SHAPES, per_axis, size_of


def _unpooled_size(
    op: str, sizes: tuple[int, ...], kernel: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[int, ...]:
    """The sizes that were pooled: those that windows cover, or given ones that are near them."""
    axes = len(sizes)
    kernel = per_axis(op, "kernel_size", kernel, axes)
    stride = kernel if not stride and stride != 0 else per_axis(op, "stride", stride, axes)
    padding = per_axis(op, "padding", padding, axes)
    usual = tuple(
        (n - 1) * s + k - 2 * p for n, s, k, p in zip(sizes, stride, kernel, padding, strict=True)
    )
    if output_size is None:
        return usual
    given = tuple(int(n) for n in output_size)
    given = given[2:] if len(given) == axes + 2 else given
    if len(given) != axes:
        raise ValueError(
            f"output_size should be a sequence containing {axes} or {axes + 2} elements, but it "
            f"has a length of '{len(given)}'"
        )
    if any(not u - s < n < u + s for n, u, s in zip(given, usual, stride, strict=True)):
        raise ValueError(
            f'invalid output_size "{list(given)}": each must be less than the stride {stride} away '
            f"from {usual}"
        )
    return given


def _unpool(axes: int) -> Any:
    name = f"max_unpool{axes}d"

    def unpool(
        input: Any,
        indices: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Any:
        size = size_of(name, axes, input)
        out = _unpooled_size(name, size[-axes:], kernel_size, stride, padding, output_size)
        places = indices._array
        if places.dtype.str[1:] != "i8":
            raise DtypeError(f"elements in indices should be type int64 but got: {indices.dtype}")
        if places.shape != size:
            raise ShapeError(
                f"Expected shape of indices to be same as that of the input tensor ({list(size)}) "
                f"but got indices tensor with shape: {list(places.shape)}"
            )
        count = 1
        for n in out:
            count *= n
        if places.size and (places.min() < 0 or places.max() >= count):
            raise ShapeError(
                f"Found an invalid max index: {places.max()} (output volumes are of size {out}"
            )
        return tensors.plane_scatter(input, indices, out, True)

    unpool.__doc__ = f"""The inverse of max pooling of {NOUNS[axes]}, as far as there is one.

    Formula:   y[n, c, indices[n, c, p]] = x[n, c, p], and zero elsewhere
    Gradient:  g[n, c, indices[n, c, p]]

    Shape: {SHAPES[axes]}; L' = (L - 1) stride - 2 padding + k, or as ``output_size`` says.
    Raises: ValueError for an ``output_size`` that cannot have been pooled so; RuntimeError for
    indices that do not fit.

    >>> import minigrad as torch
    >>> x = torch.ones({", ".join(["1"] + ["4"] * axes)})
    >>> y, places = torch.nn.functional.max_pool{axes}d(x, 2, return_indices=True)
    >>> torch.nn.functional.{name}(y, places, 2).sum()
    tensor({2**axes}.)
    """
    return unpool


for _axes in (1, 2, 3):
    _shape = (2, 1, *(1,) * _axes)
    _places = T(*_shape, domain=integers(0, 2**_axes - 1))
    function(
        f"max_unpool{_axes}d",
        where=("nn.functional",),
        torch=f"nn.functional.max_unpool{_axes}d",
        domain=(reals(-3, 3),),
        varied=False,  # places that are named twice have no one source
        samples=(
            call(T(*_shape), _places, 2),
            call(T(*_shape), _places, 2, 3, output_size=(3,) * _axes),
            call(T(*_shape[1:]), T(*_shape[1:], domain=integers(0, 1)), (2,) * _axes),
        ),
        errors=(
            call(T(*_shape), T(*_shape), 2),
            call(T(*_shape), _places, 2, output_size=(9,) * _axes),
            call(T(*_shape), _places, 2, output_size=(2,) * (_axes + 1)),
            call(T(*_shape), T(*_shape, domain=integers(900, 901)), 2),
        ),
    )(_unpool(_axes))
