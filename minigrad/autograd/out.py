"""torch's ``out=``: a result written to a tensor that the caller gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigrad import dtypes
from minigrad.autograd.fronts import front
from minigrad.autograd.inplace import check_cast
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_apart, check_overlap
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import DtypeError, warn_user

# torch's kernels that write a result of one dtype only; all others cast it to that of ``out=``.
_EXACT = """
    abs ceil floor frac neg sgn sign signbit trunc isneginf isposinf addbmm addmm addmv amax
    amin aminmax argmax argmin baddbmm bucketize conj_physical cross cummax cummin diag frexp
    heaviside histc histogram index_add index_copy index_reduce isin kthvalue linalg_cholesky
    linalg_cholesky_ex linalg_cross linalg_det linalg_eigh linalg_eigvalsh linalg_inv
    linalg_inv_ex linalg_ldl_factor linalg_ldl_factor_ex linalg_ldl_solve linalg_lu
    linalg_lu_factor linalg_lu_factor_ex linalg_lu_solve linalg_matrix_norm linalg_multi_dot
    linalg_norm linalg_qr linalg_slogdet linalg_solve linalg_solve_ex linalg_solve_triangular
    linalg_svd linalg_svdvals linalg_vecdot linalg_vector_norm log_softmax logcumsumexp
    lu_solve lu_unpack max median min mode msort nan_to_num nanmedian nanquantile avg_pool2d
    avg_pool3d gelu hardshrink logsigmoid softplus softshrink nonzero norm ormqr qr quantile
    renorm round scatter scatter_add scatter_reduce searchsorted slice_scatter softmax sort
    svd take_along_dim tensordot topk triangular_solve tril triu vdot where
"""
EXACT = frozenset(_EXACT.split())


def with_out(
    fn: Callable[..., Any],
    apart: bool = False,
    op: type[Op] | None = None,
    signature: Callable[[], inspect.Signature] | None = None,
) -> Callable[..., Any]:
    """A function, and with torch's ``out=`` (a tuple of tensors where it has several results)."""

    def write(target: Any, result: Any, given: Mapping[str, Any]) -> Any:
        if apart:
            read = [value for name, value in given.items() if name not in ("out", "_result")]
            for one in target if isinstance(target, tuple) else (target,):
                check_apart(one, read)
        return into(target, result, apart or public.__name__ in EXACT)

    public = front(fn, op, write, signature)
    return public


def into(out: Any, result: Any, exact: bool = False, read: Sequence[Any] = ()) -> Any:
    """Write a result to the tensor given as ``out=``, which takes its shape.

    Its dtype may be a wider one, unless it is to be ``exact``. Its memory may be that of what was
    ``read``, element by element, or quite another.
    """
    if isinstance(result, tuple):
        return _into_several(out, result, exact)
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if exact and out._array.dtype != result._array.dtype:
        wanted, got = (dtypes.of_numpy(t._array.dtype).c_name for t in (result, out))
        raise DtypeError(f"Expected out tensor to have dtype {wanted}, but got {got} instead")
    if MODE.get() > 0 and (out._node is not None or result._node is not None):
        raise RuntimeError(
            "functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    check_cast(result._array.dtype, out._array.dtype)
    check_overlap(out, read)
    shape = out._array.shape
    if shape != result._array.shape:
        if out._array.size:
            warn_user(
                "An output with one or more elements was resized since it had shape "
                f"{list(shape)}, which does not match the required output shape "
                f"{list(result._array.shape)}. Give an empty tensor as out= to have it resized."
            )
        out.resize_(result.shape)
    out.copy_(result)
    return out


def _into_several(out: Any, results: Any, exact: bool) -> Any:
    """Write several results to the tensors of a tuple; a named result stays one."""
    if not isinstance(out, (tuple, list)) or len(out) != len(results):
        raise TypeError(f"argument 'out' must be tuple of {len(results)} Tensors, not {out!r:.60}")
    written = [into(o, r, exact) for o, r in zip(out, results, strict=True)]
    return getattr(results, "written", tuple)(written)
