"""``torch.nn.functional``: every function of the op registry that belongs here, and ``linear``.

``functional.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import minigrad.ops  # noqa: F401  (fills the registry)
from minigrad.autograd.registry import REGISTRY

for _record in REGISTRY.values():
    if "nn.functional" in _record.where:
        globals().update({name: _record.function for name in (_record.name, *_record.aliases)})


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The form with an underscore of a function that has torch's ``inplace`` flag."""
    signature = inspect.signature(function)
    written: Callable[..., Any] = functools.partial(function, inplace=True)
    written.__doc__ = f"In-place form of ``{function.__name__}``."
    rest = [p for p in signature.parameters.values() if p.name != "inplace"]
    written.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    return written


for _name in ("relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "threshold"):
    globals()[f"{_name}_"] = _in_place(globals()[_name])
