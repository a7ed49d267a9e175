"""The ops behind all products of matrices and vectors, and the affine map of a layer.

They take what ``linalg.py`` has checked, and are named as torch names their nodes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Binary
from minigrad.autograd.registry import register
from minigrad.backend import Array
from minigrad.backend.native import array_types, matmul
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.folds import in_rows

ndarray = np.ndarray


WAY_OUT = "convert one with .to(dtype)"


def different_types(x: Any, y: Any) -> DtypeError:
    """torch's error for two matrices of different dtypes."""
    one, two = (of_numpy(kind).c_name for kind in (x, y))
    return DtypeError(
        f"expected m1 and m2 to have the same dtype, but got: {one} != {two}; {WAY_OUT}"
    )


def different_addends(added: Any, x: Any, y: Any) -> DtypeError:
    """torch's error for two matrices and what is added, of different dtypes."""
    which, one = ("mat1", x) if added == y else ("self", added)
    names = f"{of_numpy(one).type_name} and {of_numpy(y).type_name}"
    return DtypeError(f"{which} and mat2 must have the same dtype, but got {names}; {WAY_OUT}")


def different_vectors(x: Any, y: Any) -> DtypeError:
    """torch's error for two vectors of different dtypes."""
    names = f"{of_numpy(x).type_name} and {of_numpy(y).type_name}"
    return DtypeError(
        f"dot : expected both vectors to have same dtype, but found {names}; {WAY_OUT}"
    )


def half(x: Array) -> bool:
    """Whether an array is of half precision, in which products are not added up."""
    return x.dtype.itemsize == 2 and x.dtype.kind in "fV"


def product(a: Any, b: Any) -> Any:
    """``a @ b`` of two matrices (or a matrix and a vector) in either reading.

    By the native kernel where it is faster than BLAS; ``dot`` takes half the time of ``@``.
    """
    if a.__class__ is not ndarray:
        return _elsewhere(a, b)
    made = matmul(a, b)
    if made is not None:
        return made
    return a.dot(b) if a.dtype.char in "fd" else _other_types(a, b, np.dot)


def stacks(a: Any, b: Any) -> Any:
    """``a @ b`` of stacks of matrices, in either reading."""
    if a.__class__ is not ndarray:
        return _elsewhere(a, b)
    made = matmul(a, b)
    if made is not None:
        return made
    if a.dtype.char in "fd":
        return in_rows(a @ b)
    return in_rows(_other_types(a, b, np.matmul))


def _elsewhere(a: Any, b: Any) -> Any:
    """``a @ b`` of Tensors, and of arrays on a card, where it is cuBLAS."""
    made = matmul(a, b) if a.__class__ in array_types else None
    return a @ b if made is None else made


def _other_types(a: Any, b: Any, multiply: Any) -> Any:
    """Half precision is added up in float32; integers by BLAS as well, where float64 is exact."""
    if half(a):
        wide = multiply(a.astype(np.float32), b.astype(np.float32))
        return wide.astype(a.dtype)
    if a.dtype.kind in "iu" and a.size and b.size > 256:
        largest = [max(int(x.max()), -int(x.min())) for x in (a, b)]
        if largest[0] * largest[1] * a.shape[-1] < 2**53:
            exact = multiply(a.astype(np.float64), b.astype(np.float64))
            return exact.astype(np.int64).astype(a.dtype, copy=False)
    return multiply(a, b)


def need_numbers(kernel: str, x: Array) -> None:
    """Raise torch's error for bools, which have no products of matrices."""
    if x.dtype.kind == "b":
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for 'Bool'; convert with .to(dtype)"
        )


@register(internal=True)
class Mm(Binary):
    """The product of two matrices.

    Formula: y = a b. Gradient: ga = g bᵀ, gb = aᵀ g.
    """

    broadcasts = False
    promotes = "same"
    mixed = staticmethod(different_types)
    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One product; BLAS finds wrong sizes itself."""
        if input.ndim == 2 == other.ndim and input.dtype.char in "fd":
            made = matmul(input, other)
            if made is not None:
                return made
            try:
                return input.dot(other)
            except ValueError:
                raise wrong_inner(input.shape, other.shape) from None
        if input.ndim != 2 or other.ndim != 2:
            name = "mat2" if input.ndim == 2 else "self"
            raise ShapeError(f"{name} must be a matrix (mm: got {input.ndim}-D and {other.ndim}-D)")
        if input.shape[1] != other.shape[0]:
            raise wrong_inner(input.shape, other.shape)
        need_numbers("addmm_impl_cpu_", input)
        return product(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The cotangent times the second factor's transpose."""
        return product(g, other.T)

    @staticmethod
    def grad_other(g: Any, input: Any) -> Any:
        """The first factor's transpose times the cotangent."""
        return product(input.T, g)


@register(internal=True)
class Dot(Binary):
    """The inner product of two vectors.   y = Σ a b    ga = g b, gb = g a."""

    broadcasts = False
    promotes = "same"
    mixed = staticmethod(different_vectors)
    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One call of BLAS."""
        if input.ndim != 1 or other.ndim != 1:
            raise ShapeError(
                f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors (dot)"
            )
        if input.shape != other.shape:
            raise ShapeError(
                f"inconsistent tensor size, expected tensor [{input.size}] and src [{other.size}] "
                f"to have the same number of elements, but got {input.size} and {other.size} "
                "elements respectively"
            )
        need_numbers("dot", input)
        return product(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The other vector, scaled."""
        return g * other

    @staticmethod
    def grad_other(g: Any, input: Any) -> Any:
        """The other vector, scaled."""
        return g * input


@register(internal=True)
class Mv(Binary):
    """A matrix times a vector.   y = a b    ga = g bᵀ, gb = aᵀ g."""

    broadcasts = False
    promotes = "same"
    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One call of BLAS."""
        if input.ndim != 2 or other.ndim != 1:
            raise ShapeError(
                f"vector + matrix @ vector expected, got 1, {input.ndim}, {other.ndim} (mv takes a "
                "matrix and a vector)"
            )
        if input.shape[1] != other.shape[0]:
            rows, columns = input.shape
            raise ShapeError(
                f"size mismatch, got input ({rows}), mat ({rows}x{columns}), vec ({other.size})"
            )
        need_numbers("addmv_impl_cpu", input)
        return product(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The outer product of cotangent and vector."""
        return g.reshape((-1, 1)) * other

    @staticmethod
    def grad_other(g: Any, input: Any) -> Any:
        """The transpose times the cotangent."""
        return product(input.T, g)


@register("batched_matmul", internal=True)
class BatchedMatmul(Binary):
    """Products of the matrices in two stacks whose leading axes are broadcast.

    Formula: y = a b. Gradient: ga = g bᵀ, gb = aᵀ g, each summed over the axes that were broadcast.
    """

    promotes = ""
    grad_fn = "UnsafeViewBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One matrix product where all of the stack meets the same matrix, else one each."""
        need_numbers("baddbmm_with_gemm", input)
        if other.ndim == 2:
            return product(rows_of(input), other).reshape(*input.shape[:-1], other.shape[-1])
        return stacks(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The cotangent times the second factor's transpose."""
        if len(other.shape) == 2:
            return product(rows_of(g), other.T).reshape((*g.shape[:-1], other.shape[0]))
        return stacks(g, other.swapaxes(-1, -2))

    @staticmethod
    def grad_other(g: Any, input: Any, shape: Any) -> Any:
        """The first factor's transpose times the cotangent."""
        if len(shape) == 2:  # one product in place of one each and their sum
            return product(rows_of(input).T, rows_of(g))
        return stacks(input.swapaxes(-1, -2), g)


def rows_of(x: Any) -> Any:
    """All leading axes as one, in either reading."""
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


@register("batched_mm", internal=True)
class BatchedMm(Binary):
    """The products of two equally long stacks of matrices.   y = a b    ga = g bᵀ, gb = aᵀ g."""

    broadcasts = False
    promotes = "same"
    numbers = ()
    grad_fn = "BmmBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One matrix product each."""
        check_stacks("bmm", input, other)
        need_numbers("baddbmm_with_gemm", input)
        return stacks(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The cotangent times the second factor's transpose."""
        return stacks(g, other.swapaxes(-1, -2))

    @staticmethod
    def grad_other(g: Any, input: Any) -> Any:
        """The first factor's transpose times the cotangent."""
        return stacks(input.swapaxes(-1, -2), g)


def check_stacks(op: str, a: Array, b: Array) -> None:
    """Raise torch's error unless two stacks of matrices can be multiplied, one by one."""
    if a.ndim != 3 or b.ndim != 3:
        name = "batch2" if a.ndim == 3 else "batch1"
        raise ShapeError(f"{name} must be a 3D tensor ({op}: got {a.ndim}-D and {b.ndim}-D)")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise ShapeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{a.shape[0]}, {a.shape[2]}] but got: [{b.shape[0]}, {b.shape[1]}]."
        )


def check_inner(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Raise torch's error unless matrices of two shapes can be multiplied."""
    if a[1] != b[0]:
        raise wrong_inner(a, b)


def check_expands(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Raise torch's error unless a tensor of ``shape`` can be expanded to ``target``."""
    if shape == target[len(target) - len(shape) :]:
        return  # the usual case, without a loop
    if len(shape) > len(target):
        raise ShapeError(
            f"expand: the number of sizes provided ({len(target)}) must be greater or equal to the "
            f"number of dimensions in the tensor ({len(shape)}); Target sizes: {list(target)}.  "
            f"Tensor sizes: {list(shape)}"
        )
    for back in range(1, len(shape) + 1):
        if shape[-back] not in (1, target[-back]):
            raise ShapeError(
                f"The expanded size of the tensor ({target[-back]}) must match the existing size "
                f"({shape[-back]}) at non-singleton dimension {len(target) - back}.  Target sizes: "
                f"{list(target)}.  Tensor sizes: {list(shape)}"
            )


def wrong_inner(a: tuple[int, ...], b: tuple[int, ...], op: str = "matmul") -> ShapeError:
    """torch's error for matrices that can't be multiplied, and a way out where one is in sight."""
    hint = ""
    if op == "linear":
        hint = f"; linear: the last size of the input must be in_features, {b[0]}"
    elif len(b) == 2 and a[-1] == b[1]:
        hint = f"; {a[-1]} is the last size of both: did you mean x @ y.T?"
    sizes = " and ".join("x".join(map(str, s)) for s in (a, b))
    return ShapeError(f"mat1 and mat2 shapes cannot be multiplied ({sizes}){hint}")
