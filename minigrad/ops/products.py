"""The ops behind all products of matrices and vectors, and the affine map of a layer.

They take what ``minigrad/ops/linalg.py`` has checked, and are named as torch names their nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Binary, Op
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError

ndarray = np.ndarray


# The names of C++ that torch's messages use for element types.
C_NAMES = {
    "bool": "bool",
    "uint8": "unsigned char",
    "int8": "signed char",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
}


def product(a: Any, b: Any) -> Any:
    """``a @ b`` of two matrices in either reading; ``dot`` takes half the time of ``@``."""
    return a.dot(b) if a.__class__ is ndarray else a @ b


@register(internal=True)
class Mm(Binary):
    """The product of two matrices.

    Formula: y = a b. Gradient: ga = g bᵀ, gb = aᵀ g.
    """

    broadcasts = False
    promotes = "same"
    ufunc = "dot"

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
    promotes = ""

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One call of BLAS."""
        return input.dot(other)

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
    promotes = ""

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One call of BLAS."""
        return input.dot(other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The outer product of cotangent and vector."""
        return g.reshape((-1, 1)) * other

    @staticmethod
    def grad_other(g: Any, input: Any) -> Any:
        """The transpose times the cotangent."""
        return input.T @ g


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
        if other.ndim == 2:
            rows = input.reshape(-1, input.shape[-1]).dot(other)
            return rows.reshape(*input.shape[:-1], other.shape[-1])
        return xp.matmul(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The cotangent times the second factor's transpose."""
        if len(other.shape) == 2:
            return product(rows_of(g), other.T).reshape((*g.shape[:-1], other.shape[0]))
        return g @ other.swapaxes(-1, -2)

    @staticmethod
    def grad_other(g: Any, input: Any, shape: Any) -> Any:
        """The first factor's transpose times the cotangent."""
        if len(shape) == 2:  # one product in place of one each and their sum
            return product(rows_of(input).T, rows_of(g))
        return input.swapaxes(-1, -2) @ g


def rows_of(x: Any) -> Any:
    """All leading axes as one, in either reading."""
    return x.reshape((-1, x.shape[-1]))


@register("batched_mm", internal=True)
class BatchedMm(Binary):
    """The products of two equally long stacks of matrices.   y = a b    ga = g bᵀ, gb = aᵀ g."""

    broadcasts = False
    promotes = ""
    grad_fn = "BmmBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One matrix product each."""
        return xp.matmul(input, other)

    @staticmethod
    def grad_input(g: Any, other: Any) -> Any:
        """The cotangent times the second factor's transpose."""
        return g @ other.swapaxes(-1, -2)

    @staticmethod
    def grad_other(g: Any, input: Any) -> Any:
        """The first factor's transpose times the cotangent."""
        return input.swapaxes(-1, -2) @ g


@register(
    domain=(reals(-3, 3),),
    samples=(
        call(T(4), T(2, 3), T(3, 4)),
        call(T(2, 4), T(2, 3), T(3, 4), beta=0.5, alpha=-2.0),
        call(T(2, 1), T(2, 3), T(3, 4), beta=0),
        call(T(), T(2, 3), T(3, 1), alpha=2),
    ),
    errors=(
        call(T(5), T(2, 3), T(3, 4)),
        call(T(4), T(2, 3), T(2, 4)),
        call(T(4), T(3), T(3, 4)),
    ),
)
class Addmm(Op):
    """A matrix product added to a tensor.

    Formula: y = beta x + alpha (a b). Gradient: gx = beta g, ga = alpha g bᵀ, gb = alpha aᵀ g.

    Shape: x broadcasts to (n, m); (n, k) (k, m) -> (n, m).
    Raises: RuntimeError if the sizes do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.addmm.html

    >>> import minigrad as torch
    >>> torch.addmm(torch.tensor([1., 2.]), torch.ones(1, 3), torch.ones(3, 2), beta=10)
    tensor([[13., 23.]])
    """

    broadcasts = True

    @staticmethod
    def forward(
        xp: Any, input: Array, mat1: Array, mat2: Array, beta: float = 1, alpha: float = 1
    ) -> Array:
        """The product, scaled, plus the input, scaled; for beta = 0 the input is not looked at."""
        check_matrices("addmm", mat1, mat2)
        check_expands(input.shape, (mat1.shape[0], mat2.shape[1]))
        out = mat1.dot(mat2)
        if alpha != 1:
            out *= alpha
        if beta != 0:
            out += input if beta == 1 else input * beta
        return out

    @staticmethod
    def grad_input(g: Any, beta: float) -> Any:
        """The cotangent, scaled."""
        return g * beta

    @staticmethod
    def grad_mat1(g: Any, mat2: Any, alpha: float) -> Any:
        """As for a product."""
        return product(g, mat2.T) * alpha

    @staticmethod
    def grad_mat2(g: Any, mat1: Any, alpha: float) -> Any:
        """As for a product."""
        return product(mat1.T, g) * alpha


def check_matrices(op: str, a: Array, b: Array) -> None:
    """Raise torch's error unless two matrices can be multiplied."""
    for name, array in (("mat1", a), ("mat2", b)):
        if array.ndim != 2:
            raise ShapeError(f"{name} must be a matrix, got {array.ndim}-D tensor ({op})")
    if a.dtype != b.dtype:
        raise different_types(a, b)
    if a.shape[1] != b.shape[0]:
        raise wrong_inner(a.shape, b.shape)


def check_expands(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Raise torch's error unless a tensor of ``shape`` can be expanded to ``target``."""
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


def different_types(x: Array, y: Array) -> DtypeError:
    """torch's error for factors of different dtypes."""
    one, two = (C_NAMES[of_numpy(a.dtype).name] for a in (x, y))
    return DtypeError(
        f"expected m1 and m2 to have the same dtype, but got: {one} != {two} "
        "(matmul never converts: use x.to(y.dtype))"
    )
