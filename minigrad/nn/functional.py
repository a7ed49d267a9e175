"""``torch.nn.functional``: every function of the op registry that belongs here.

``functional.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations

import functools as _functools
import inspect as _inspect
from collections.abc import Callable as _Callable
from typing import Any as _Any

import minigrad.ops  # noqa: F401  (fills the registry)
from minigrad.autograd.registry import publish as _publish

__all__ = _publish("nn.functional", globals())


def _in_place(function: _Callable[..., _Any]) -> _Callable[..., _Any]:
    """The form with an underscore of a function that has torch's ``inplace`` flag."""
    signature = _inspect.signature(function)
    written: _Callable[..., _Any] = _functools.partial(function, inplace=True)
    written.__doc__ = f"In-place form of ``{function.__name__}``."
    rest = [p for p in signature.parameters.values() if p.name != "inplace"]
    setattr(written, "__signature__", signature.replace(parameters=rest))  # noqa: B010
    return written


for _name in ("relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "threshold"):
    globals()[f"{_name}_"] = _in_place(globals()[_name])
    __all__.append(f"{_name}_")
