"""Products of matrices and vectors added to a tensor: y = beta x + alpha (a b)."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.backend.native import matmul
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.matrix.products import (
    check_expands,
    check_inner,
    check_stacks,
    different_addends,
    half,
    need_numbers,
    product,
    stacks,
)


def added(xp: Any, input: Array, made: Array, beta: Any, alpha: Any) -> Array:
    """beta x + alpha (a b), in the memory of the product; for beta = 0 x is not looked at.

    Half precision is worked out in float32 from products that are so.
    """
    if type(beta) is list or type(alpha) is list:
        raise TypeError("argument 'beta' and 'alpha' must be Number, not list")
    if made.dtype != input.dtype:
        return added(xp, wide(input), made, beta, alpha).astype(input.dtype)
    if made.dtype.kind != "f":
        beta, alpha = (xp.asarray(int(v)).astype(made.dtype) for v in (beta, alpha))
    if alpha != 1:
        made *= alpha
    if beta != 0:
        made += input if beta == 1 else input * beta
    return made


def need_whole(input: Array, beta: Any, alpha: Any) -> None:
    """Raise torch's error for integers scaled by a float."""
    for name, value in (("beta", beta), ("alpha", alpha)):
        if type(value) is float and input.dtype.kind in "iub":
            raise DtypeError(
                f"For integral input tensors, argument {name} must not be a floating point number."
            )


def wide(x: Array) -> Array:
    """Half precision as float32, anything else as it is."""
    return x.astype("float32") if half(x) else x


class _Added(Op):
    """What all of them share."""

    broadcasts = True
    promotes = "same"

    @staticmethod
    def grad_input(g: Any, beta: Any) -> Any:
        """The cotangent, scaled."""
        return g if beta == 1 else g * beta


def scaled(x: Any, alpha: Any) -> Any:
    """A gradient times alpha, if that is not 1."""
    return x if alpha == 1 else x * alpha


FACTS: dict[str, Any] = {"domain": (reals(-3, 3),), "dtypes": ("float", "int"), "inplace": True}


@register(
    samples=(
        call(T(4), T(2, 3), T(3, 4)),
        call(T(2, 4), T(2, 3), T(3, 4), beta=2, alpha=-2),
        call(T(2, 1), T(2, 3), T(3, 4), beta=0),
        call(T(), T(2, 3), T(3, 1), alpha=2),
    ),
    errors=(
        call(T(5), T(2, 3), T(3, 4)),
        call(T(4), T(2, 3), T(2, 4)),
        call(T(4), T(3), T(3, 4)),
    ),
    **FACTS,
)
class Addmm(_Added):
    """A matrix product added to a tensor.

    Formula: y = beta x + alpha (a b). Gradient: gx = beta g, ga = alpha g bᵀ, gb = alpha aᵀ g.

    Shape: x broadcasts to (n, m); (n, k) (k, m) -> (n, m).
    Raises: RuntimeError if the sizes do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.addmm.html

    >>> import minigrad as torch
    >>> torch.addmm(torch.tensor([1., 2.]), torch.ones(1, 3), torch.ones(3, 2), beta=10)
    tensor([[13., 23.]])
    """

    mixed = staticmethod(different_addends)

    @staticmethod
    def forward(
        xp: Any, input: Array, mat1: Array, mat2: Array, beta: Any = 1, alpha: Any = 1
    ) -> Array:
        """The product, scaled, plus the input, scaled."""
        if mat1.ndim != 2 or mat2.ndim != 2:
            name, array = ("mat2", mat2) if mat1.ndim == 2 else ("mat1", mat1)
            raise ShapeError(f"{name} must be a matrix, got {array.ndim}-D tensor (addmm)")
        check_inner(mat1.shape, mat2.shape)
        check_expands(input.shape, (mat1.shape[0], mat2.shape[1]))
        need_numbers("addmm_impl_cpu_", mat1)
        if input.ndim == 1 and type(beta) is type(alpha) is int and beta == alpha == 1:
            made = matmul(mat1, mat2, input)
            if made is not None:
                return made
        return added(xp, input, product(wide(mat1), wide(mat2)), beta, alpha)

    @staticmethod
    def grad_mat1(g: Any, mat2: Any, alpha: Any) -> Any:
        """As for a product."""
        return scaled(product(g, mat2.T), alpha)

    @staticmethod
    def grad_mat2(g: Any, mat1: Any, alpha: Any) -> Any:
        """As for a product."""
        return scaled(product(mat1.T, g), alpha)


@register(
    samples=(
        call(T(2), T(2, 3), T(3)),
        call(T(1), T(2, 3), T(3), beta=2, alpha=-2),
        call(T(), T(2, 3), T(3), beta=0),
    ),
    errors=(call(T(3), T(2, 3), T(3)), call(T(2), T(2, 3), T(2)), call(T(2), T(2), T(2))),
    inplace_in=("torch",),
    **FACTS,
)
class Addmv(_Added):
    """A matrix times a vector, added to a tensor.

    Formula: y = beta x + alpha (a v). Gradient: gx = beta g, ga = alpha g vᵀ, gv = alpha aᵀ g.

    Shape: x broadcasts to (n); (n, k) (k) -> (n).
    Raises: RuntimeError if the sizes do not fit.

    >>> import minigrad as torch
    >>> torch.addmv(torch.tensor([1., 2.]), torch.ones(2, 3), torch.ones(3))
    tensor([4., 5.])
    """

    @staticmethod
    def forward(
        xp: Any, input: Array, mat: Array, vec: Array, beta: Any = 1, alpha: Any = 1
    ) -> Array:
        """The product, scaled, plus the input, scaled."""
        if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
            raise ShapeError(
                f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim} "
                "(addmv)"
            )
        if mat.shape[1] != vec.shape[0] or input.shape not in ((), (1,), mat.shape[:1]):
            raise ShapeError(
                f"size mismatch, got input ({input.size}), mat "
                f"({mat.shape[0]}x{mat.shape[1]}), vec ({vec.shape[0]})"
            )
        need_numbers("addmv_impl_cpu", mat)
        return added(xp, input, product(wide(mat), wide(vec)), beta, alpha)

    @staticmethod
    def grad_mat(g: Any, vec: Any, alpha: Any) -> Any:
        """The outer product of cotangent and vector."""
        return scaled(g.reshape((-1, 1)) * vec, alpha)

    @staticmethod
    def grad_vec(g: Any, mat: Any, alpha: Any) -> Any:
        """The transpose times the cotangent."""
        return scaled(product(mat.T, g), alpha)


@register(
    samples=(
        call(T(2, 3), T(2), T(3)),
        call(T(3), T(2), T(3), beta=2, alpha=-2),
        call(T(), T(2), T(3), beta=0),
    ),
    errors=(call(T(2, 2), T(2), T(3)), call(T(2, 3), T(2, 1), T(3))),
    **FACTS,
)
class Addr(_Added):
    """The outer product of two vectors, added to a tensor.

    Formula: y = beta x + alpha (a bᵀ). Gradient: gx = beta g, ga = alpha g b, gb = alpha gᵀ a.

    Shape: x broadcasts to (n, m); (n) (m) -> (n, m).
    Raises: RuntimeError if the sizes do not fit.

    >>> import minigrad as torch
    >>> torch.addr(torch.zeros(2, 2), torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """

    @staticmethod
    def forward(
        xp: Any, input: Array, vec1: Array, vec2: Array, beta: Any = 1, alpha: Any = 1
    ) -> Array:
        """The product, scaled, plus the input, scaled."""
        for name, array in (("vec1", vec1), ("vec2", vec2)):
            if array.ndim != 1:
                raise ShapeError(f"addr: Expected 1-D argument {name}, but got {array.ndim}-D")
        check_expands(input.shape, (vec1.shape[0], vec2.shape[0]))
        need_whole(input, beta, alpha)
        # Half precision is rounded at each step; integers wrap around.
        beta, alpha = (xp.asarray(v).astype(input.dtype) for v in (beta, alpha))
        made = (vec1 if alpha == 1 else vec1 * alpha)[:, None] * vec2
        if beta != 0:
            made = (input if beta == 1 else input * beta) + made
        return made

    @staticmethod
    def grad_vec1(g: Any, vec2: Any, alpha: Any) -> Any:
        """The cotangent times the second vector."""
        return scaled(product(g, vec2), alpha)

    @staticmethod
    def grad_vec2(g: Any, vec1: Any, alpha: Any) -> Any:
        """The cotangent, transposed, times the first vector."""
        return scaled(product(g.T, vec1), alpha)


@register(
    samples=(
        call(T(4), T(2, 3, 5), T(2, 5, 4)),
        call(T(2, 3, 4), T(2, 3, 5), T(2, 5, 4), beta=2, alpha=-2),
        call(T(), T(2, 3, 5), T(2, 5, 1), beta=0),
        call(T(2, 3, 4), T(2, 3, 0), T(2, 0, 4)),
    ),
    errors=(
        call(T(5), T(2, 3, 5), T(2, 5, 4)),
        call(T(4), T(2, 3, 5), T(2, 4, 4)),
        call(T(4), T(3, 5), T(2, 5, 4)),
    ),
    **FACTS,
)
class Baddbmm(_Added):
    """The products of two stacks of matrices, added to a tensor.

    Formula: y = beta x + alpha (a b). Gradient: gx = beta g, ga = alpha g bᵀ, gb = alpha aᵀ g.

    Shape: x broadcasts to (b, n, m); (b, n, k) (b, k, m) -> (b, n, m).
    Raises: RuntimeError if the sizes do not fit.

    >>> import minigrad as torch
    >>> torch.baddbmm(torch.ones(1), torch.ones(1, 1, 3), torch.ones(1, 3, 2))
    tensor([[[4., 4.]]])
    """

    @staticmethod
    def forward(
        xp: Any, input: Array, batch1: Array, batch2: Array, beta: Any = 1, alpha: Any = 1
    ) -> Array:
        """The products, scaled, plus the input, scaled."""
        check_stacks("baddbmm", batch1, batch2)
        check_expands(input.shape, (*batch1.shape[:2], batch2.shape[2]))
        need_numbers("baddbmm_with_gemm", batch1)
        return added(xp, input, stacks(wide(batch1), wide(batch2)), beta, alpha)

    @staticmethod
    def grad_batch1(g: Any, batch2: Any, alpha: Any) -> Any:
        """As for a product."""
        return scaled(stacks(g, batch2.swapaxes(-1, -2)), alpha)

    @staticmethod
    def grad_batch2(g: Any, batch1: Any, alpha: Any) -> Any:
        """As for a product."""
        return scaled(stacks(batch1.swapaxes(-1, -2), g), alpha)


@register(
    samples=(
        call(T(4), T(2, 3, 5), T(2, 5, 4)),
        call(T(3, 4), T(2, 3, 5), T(2, 5, 4), beta=2, alpha=-2),
        call(T(), T(2, 3, 5), T(2, 5, 1), beta=0),
    ),
    errors=(
        call(T(5), T(2, 3, 5), T(2, 5, 4)),
        call(T(4), T(2, 3, 5), T(2, 4, 4)),
        call(T(4), T(3, 5), T(2, 5, 4)),
    ),
    **FACTS,
)
class Addbmm(_Added):
    """The products of two stacks of matrices, summed over the stack and added to a tensor.

    Formula: y = beta x + alpha Σ (a b). Gradient: gx = beta g, ga = alpha g bᵀ, gb = alpha aᵀ g.

    Shape: x broadcasts to (n, m); (b, n, k) (b, k, m) -> (n, m).
    Raises: RuntimeError if the sizes do not fit.

    >>> import minigrad as torch
    >>> torch.addbmm(torch.ones(1), torch.ones(2, 1, 3), torch.ones(2, 3, 2))
    tensor([[7., 7.]])
    """

    @staticmethod
    def forward(
        xp: Any, input: Array, batch1: Array, batch2: Array, beta: Any = 1, alpha: Any = 1
    ) -> Array:
        """One product after the other; half precision is rounded after each."""
        check_stacks("addbmm", batch1, batch2)
        check_expands(input.shape, (batch1.shape[1], batch2.shape[2]))
        need_numbers("addmm_impl_cpu_", batch1)
        total = xp.broadcast_to(input, (batch1.shape[1], batch2.shape[2]))
        for a, b in zip(batch1, batch2, strict=True):
            total = added(xp, total, product(wide(a), wide(b)), beta, alpha)
            beta = 1
        return total if len(batch1) else (total * beta).astype(input.dtype)

    @staticmethod
    def grad_batch1(g: Any, batch2: Any, alpha: Any) -> Any:
        """As for a product; all of the stack get the same cotangent."""
        return scaled(stacks(g, batch2.swapaxes(-1, -2)), alpha)

    @staticmethod
    def grad_batch2(g: Any, batch1: Any, alpha: Any) -> Any:
        """As for a product; all of the stack get the same cotangent."""
        return scaled(stacks(batch1.swapaxes(-1, -2), g), alpha)
