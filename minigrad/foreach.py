"""``torch._foreach_add_`` and its like: one function for each tensor of a list, as averages of
weights and optimizers of users' own call them. Here a loop; torch has kernels for whole lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad import functions, linalg
from minigrad.left_out import no_attribute
from minigrad.tensor import Tensor

PREFIX = "_foreach_"
IN_PLACE_TOO = """
    abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min cos cosh div erf erfc exp expm1
    floor frac lerp lgamma log log10 log1p log2 maximum minimum mul neg pow reciprocal round rsqrt
    sigmoid sign sin sinh sqrt sub tan tanh trunc
"""
NAMES = {"clone", "copy_", "max", "mm", "norm", "zero_"}
NAMES |= {form for name in IN_PLACE_TOO.split() for form in (name, f"{name}_")}
# What a tensor has no such method for, or one that takes less.
OTHERWISE: dict[str, Callable[..., Any]] = {
    "maximum": Tensor.clamp_min,
    "maximum_": Tensor.clamp_min_,
    "minimum": Tensor.clamp_max,
    "minimum_": Tensor.clamp_max_,
    "norm": linalg.vector_norm,
    "pow": functions.pow,
}


def made(name: str) -> Callable[..., Any]:
    """The function of a name: lists among its arguments are gone through along with the first.

    Raises: AttributeError for a name that torch has no such function for; RuntimeError in the
    function for lists that are empty or not of one length.

    >>> import minigrad as torch
    >>> weights = [torch.ones(2), torch.zeros(1)]
    >>> torch._foreach_add_(weights, [torch.ones(2), torch.ones(1)], alpha=0.5)
    [tensor([1.5000, 1.5000]), tensor([0.5000])]
    """
    own = name.removeprefix(PREFIX)
    if own not in NAMES:
        raise no_attribute("minigrad", name)
    one = OTHERWISE.get(own) or getattr(Tensor, own)
    in_place, takes_value = own.endswith("_"), own.startswith("addc")

    def of_each(self: Any, *others: Any, **named: Any) -> Any:
        if takes_value and len(others) == 3:
            *others, named["value"] = others  # type: ignore[assignment]
        values = [self, *others, *named.values()]
        rows = []
        for place in range(_length(name, values)):
            each = [v[place] if _is_list(v) else v for v in values]
            given, by_name = each[: 1 + len(others)], each[1 + len(others) :]
            rows.append(one(*given, **dict(zip(named, by_name, strict=True))))
        return self if in_place else tuple(rows)

    of_each.__name__ = of_each.__qualname__ = name
    of_each.__module__ = "minigrad"
    return of_each


def _length(name: str, values: Sequence[Any]) -> int:
    """How many tensors the lists have."""
    lengths = [len(value) for value in values if _is_list(value)]
    if not lengths or not (_is_list(values[0]) or name == f"{PREFIX}pow"):
        raise TypeError(
            f"{name}(): argument 'self' (position 1) must be tuple of Tensors, not "
            f"{type(values[0]).__name__}"
        )
    if not lengths[0]:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for other in lengths[1:]:
        if other != lengths[0]:
            raise RuntimeError(
                f"{name}: lists must have the same number of elements, got {lengths[0]} and {other}"
            )
    return lengths[0]


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))
