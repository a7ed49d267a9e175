"""What all losses share: the reduction, torch's old names for it, and the check of shapes."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import edge_of
from minigrad.autograd.op import tensors
from minigrad.autograd.registry import Call
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, KindError, ShapeError, warn_user
from minigrad.ops.reduction.adding import add_up

REDUCTIONS = ("none", "mean", "sum")


def legacy(op: str, size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction, also by torch's old flags ``size_average`` and ``reduce``, which warn.

    >>> legacy("mse_loss", None, None, "sum")
    'sum'
    """
    if size_average is None and reduce is None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{reduction} is not a valid value for reduction ({op}: expected one of "
                f"{', '.join(REDUCTIONS)})"
            )
        return reduction
    average = size_average is None or size_average
    chosen = "none" if reduce is False else "mean" if average else "sum"
    warn_user(
        f"size_average and reduce args will be deprecated, please use reduction='{chosen}' instead."
    )
    return chosen


def facts(op: str, *samples: Any, bad: tuple[Any, ...] = (), **others: Any) -> dict[str, Any]:
    """The record of a loss: calls in every reduction, bad ones, and whatever else is to be said."""
    every = [
        Call(samples[0].args, {**samples[0].kwargs, "reduction": reduction})
        for reduction in REDUCTIONS
    ]
    wrong = Call(samples[0].args, {**samples[0].kwargs, "reduction": "average"})
    return {
        "where": ("nn.functional",),
        "torch": f"nn.functional.{op}",
        "samples": (*every, *samples[1:]),
        "errors": (*bad, wrong),
        **others,
    }


def reduced(loss: Array, reduction: str) -> Array:
    """The losses themselves, their sum, or their mean (NaN of none)."""
    if reduction == "none":
        return loss
    total = add_up(xp_of(loss), loss, None, False)
    return total if reduction == "sum" else total / loss.dtype.type(loss.size)


def reduced_tensor(loss: Any, reduction: str) -> Any:
    """The same on a Tensor, recorded."""
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.mean()


def reduced_in(F: Any, loss: Any, reduction: str) -> Any:
    """The same in either reading."""
    if reduction == "none" or F is tensors:
        return reduced_tensor(loss, reduction)
    return (F.sum if reduction == "sum" else F.mean)(loss, None, False)


def share(g: Any, shape: Any, reduction: str) -> Any:
    """The cotangent of each single loss."""
    if reduction != "mean":
        return g
    count = 1
    for n in shape:
        count *= n
    return g / max(count, 1)


def same_shape(op: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Two tensors of one shape; different ones are broadcast with torch's warning."""
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    x, t = input._array, target._array
    if x.shape == t.shape:
        return input, target
    warn_user(
        f"Using a target size ({target.shape}) that is different to the input size "
        f"({input.shape}). This will likely lead to incorrect results due to broadcasting. Please "
        "ensure they have the same size."
    )
    shape = broadcast_shape(op, x.shape, t.shape)
    return input.expand(shape), target.expand(shape)


def broadcast_shape(op: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of two; torch's error if there is none."""
    ndim = max(len(a), len(b))
    wide, tall = (1,) * (ndim - len(a)) + a, (1,) * (ndim - len(b)) + b
    for dim in reversed(range(ndim)):
        if wide[dim] != tall[dim] and 1 not in (wide[dim], tall[dim]):
            raise ShapeError(
                f"The size of tensor a ({wide[dim]}) must match the size of tensor b ({tall[dim]}) "
                f"at non-singleton dimension {dim} ({op}: shapes {a} and {b})"
            )
    return tuple(m if n == 1 else n for n, m in zip(wide, tall, strict=True))


def check_constant(op: str, name: str, tensor: Any) -> None:
    """Raise torch's error for a weight that wants a gradient: losses have none for weights."""
    if tensor is not None and edge_of(tensor) is not None:
        raise RuntimeError(
            f"The function '{op}' is not differentiable with respect to argument '{name}'. This "
            "input cannot have requires_grad True."
        )


def need_kernel(kernel: str, input: Any) -> None:
    """Raise torch's error for integers where it has a kernel for floats only."""
    if input._array.dtype.kind not in "fV":
        kind = of_numpy(input._array.dtype).type_name
        raise KindError(f"\"{kernel}\" not implemented for '{kind}'; convert it with .float()")


def written_in(home: Any, *parts: Any) -> list[Any]:
    """Tensors (or None) in the dtype of the one that torch writes the losses into.

    Raises: RuntimeError if that has no place for fractions.
    """
    kind = home._array.dtype
    if kind.kind not in "fV":
        raise DtypeError(
            "result type Float can't be cast to the desired output type "
            f"{of_numpy(kind).type_name}; convert it with .float()"
        )
    return [p if p is None or p._array.dtype == kind else p.to(of_numpy(kind)) for p in parts]
