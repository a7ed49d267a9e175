"""Whether all or any elements are true, and how many."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, booleans, call, register
from minigrad.backend import Array
from minigrad.ops.dims import all_dims
from minigrad.ops.folds import in_rows
from minigrad.ops.reduction.reduce import ERRORS, SAMPLES

# What `np.all` and `np.any` come to at last; CuPy's ufuncs do not reduce.
ALL: Any = np.logical_and.reduce
ANY: Any = np.logical_or.reduce


def _truth(name: str) -> Any:
    """The public form that ``all`` and ``any`` share."""

    def truth(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Any:
        if axis is not None:
            dim = axis
        if isinstance(dim, (tuple, list)) and not dim:  # no axes: element by element
            dims: Any = ()
        else:
            dims = None if dim is None else all_dims(dim, input._array.ndim)
        return getattr(tensors, name)(input, dims, keepdim)

    return truth


TRUTH: dict[str, Any] = {
    "domain": [booleans()],
    "dtypes": ("float", "int", "bool"),
    "samples": SAMPLES,
    "errors": ERRORS,
    "gradcheck": False,
    "out": True,
}


def _bools(input: Array) -> tuple[Array, Any]:
    """Whether each element is not zero, and torch's dtype of the answer: uint8 stays uint8."""
    kind = input.dtype
    return (input if kind.kind == "b" else input != 0), kind if kind.str == "|u1" else bool


@register(public=_truth("all"), **TRUTH)
class All(Op):
    """Whether all elements are true (not zero), overall or along axes; uint8 for uint8.

    >>> import minigrad as torch
    >>> torch.tensor([[True, False], [True, True]]).all(dim=1)
    tensor([False,  True])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """And them all."""
        truth, kind = _bools(input)
        found = in_rows((ALL if xp is np else xp.all)(truth, axis=dim, keepdims=keepdim))
        return found if kind is bool else found.astype(kind)


@register("any", public=_truth("any"), **TRUTH)
class AnyTrue(Op):
    """Whether any element is true (not zero), overall or along axes; uint8 for uint8.

    >>> import minigrad as torch
    >>> torch.tensor([[True, False], [False, False]]).any(dim=1)
    tensor([ True, False])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """Or them all."""
        truth, kind = _bools(input)
        found = in_rows((ANY if xp is np else xp.any)(truth, axis=dim, keepdims=keepdim))
        return found if kind is bool else found.astype(kind)


def _count_nonzero(input: Any, dim: Any = None) -> Any:
    return apply(CountNonzero, (input,), (all_dims(dim, input._array.ndim),))


@register(
    public=_count_nonzero,
    domain=[booleans()],
    dtypes=("float", "int", "bool"),
    samples=(call(T(2, 3)), call(T(2, 3), 1), call(T(2, 3, 4), dim=(0, 2)), call(T())),
    errors=(call(T(2, 3), 2),),
    gradcheck=False,
)
class CountNonzero(Op):
    """How many elements are not zero, overall or along axes.

    >>> import minigrad as torch
    >>> torch.count_nonzero(torch.tensor([[0, 5], [7, 9]]), dim=0)
    tensor([1, 2])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any) -> Array:
        """Count."""
        return in_rows(xp.asarray(xp.count_nonzero(input != 0, axis=dim)))
