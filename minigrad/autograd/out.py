"""torch's ``out=``: a result written to a tensor that the caller gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from minigrad.autograd.inplace import check_cast
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_apart, check_overlap
from minigrad.autograd.refusals import SYMPTOMS, refusal
from minigrad.autograd.signatures import show, with_option
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import DtypeError


def with_out(
    fn: Callable[..., Any], apart: bool = False, op: type[Op] | None = None
) -> Callable[..., Any]:
    """A function, and with torch's ``out=`` (a tuple of tensors where it has several results)."""

    def any_number(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        try:
            result = fn(*args, **kwargs)
        except SYMPTOMS as error:
            wrong = refusal(fn, args, kwargs, error, op)
            if wrong is None:
                raise
            raise wrong from None
        if out is None:
            return result
        if apart:
            check_apart(out, (*args, *kwargs.values()))
            if isinstance(out, TensorBase) and out._array.dtype != result._array.dtype:
                raise DtypeError(
                    f"{fn.__name__}(): Expected out tensor to have dtype {result.dtype}, but got "
                    f"{out.dtype} instead"  # type: ignore[attr-defined]
                )
        return into(out, result)

    show(any_number, lambda: with_option(fn))
    return any_number


def into(out: Any, result: Any) -> Any:
    """Write a result to the tensor given as ``out=``, which takes its shape."""
    if isinstance(result, tuple):
        return _into_several(out, result)
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if MODE.get() > 0 and (out._node is not None or result._node is not None):
        raise RuntimeError(
            "functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    check_cast(result._array.dtype, out._array.dtype)
    check_overlap(out, ())
    shape = out._array.shape
    if shape != result._array.shape:
        if out._array.size:
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(shape)}, which does not match the required output shape "
                f"{list(result._array.shape)}. Give an empty tensor as out= to have it resized.",
                stacklevel=3,
            )
        out.resize_(result.shape)
    out.copy_(result)
    return out


def _into_several(out: Any, results: Any) -> Any:
    """Write several results to the tensors of a tuple; a named result stays one."""
    if not isinstance(out, (tuple, list)) or len(out) != len(results):
        raise TypeError(f"argument 'out' must be tuple of {len(results)} Tensors, not {out!r:.60}")
    written = [into(o, r) for o, r in zip(out, results, strict=True)]
    return getattr(results, "written", tuple)(written)
