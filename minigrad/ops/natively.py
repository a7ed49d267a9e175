"""Where an op's own code is the reference, and a native kernel does it where there is one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.autograd.signatures import names_of
from minigrad.backend.native import pointwise

Rule = TypeVar("Rule", bound=Callable[..., Any])


def natively(name: str, *constants: Any) -> Callable[[Rule], Rule]:
    """Let ``pointwise(name, ...)`` do what the decorated forward or derivative says, if it can.

    It gets the arguments in their order, without ``xp`` and ``F``, and then the constants. Without
    kernels, of another dtype and under a derivative that is differentiated again, it is the
    decorated function itself that runs.

    >>> import numpy as np
    >>> @natively("hypot")
    ... def length(x, y):
    ...     return np.sqrt(x * x + y * y)
    >>> length(np.array([3.0]), np.array([4.0]))
    array([5.])
    """

    def found_or(reference: Rule) -> Rule:
        names = names_of(reference)
        given = slice(names[0] == "xp", len(names) - (names[-1] == "F"))

        @functools.wraps(reference)
        def rule(*arguments: Any) -> Any:
            found = pointwise(name, *arguments[given], *constants)
            return reference(*arguments) if found is None else found

        return rule  # type: ignore[return-value]

    return found_or
