"""``torch._foreach_add_`` and its like: one function for each tensor of a list, as averages of
weights and optimizers of users' own call them. They have no other reason here than their names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minigrad import linalg
from minigrad.tensor import Tensor

PREFIX = "_foreach_"


@functools.cache
def made(name: str) -> Callable[..., Any]:
    """The function of a name: lists among its arguments are gone through along with the first.

    Raises: AttributeError if a tensor has no such method.

    >>> import minigrad as torch
    >>> weights = [torch.ones(2), torch.zeros(1)]
    >>> torch._foreach_add_(weights, [torch.ones(2), torch.ones(1)], alpha=0.5)
    [tensor([1.5000, 1.5000]), tensor([0.5000])]
    """
    own = name.removeprefix(PREFIX)
    one = linalg.vector_norm if own == "norm" else getattr(Tensor, own, None)
    if one is None:
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}")

    def of_each(self: Sequence[Any], *others: Any, **named: Any) -> Any:
        rows = []
        for place in range(len(self)):
            args = [other[place] if _is_list(other) else other for other in others]
            kwargs = {k: v[place] if _is_list(v) else v for k, v in named.items()}
            rows.append(one(self[place], *args, **kwargs))
        return rows

    of_each.__name__ = of_each.__qualname__ = name
    return of_each


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))
