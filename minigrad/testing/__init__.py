"""Tools for tests of programs that use minigrad: comparisons, drawn calls, checks of gradients.

The strategies need hypothesis, which is imported when one of them is first asked for.

Source: https://docs.pytorch.org/docs/stable/testing.html
"""

from typing import TYPE_CHECKING, Any

from minigrad.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from minigrad.autograd.record import T, booleans, call, integers, matrices, places, reals
from minigrad.testing.capsules import recorded, replay, write_capsule
from minigrad.testing.cases import Case, register, unregister
from minigrad.testing.comparison import assert_allclose, assert_close
from minigrad.testing.making import make_tensor
from minigrad.testing.parity import assert_parity

if TYPE_CHECKING:
    from minigrad.testing.networks import ModuleCase, modules, small_nets
    from minigrad.testing.programs import Program, training_programs
    from minigrad.testing.strategies import broadcastable_shapes, calls, tensors

_DRAWN = {
    "ModuleCase": "networks",
    "Program": "programs",
    "broadcastable_shapes": "strategies",
    "calls": "strategies",
    "modules": "networks",
    "small_nets": "networks",
    "tensors": "strategies",
    "training_programs": "programs",
}


def __getattr__(name: str) -> Any:
    """The names that need hypothesis, from their files."""
    if name not in _DRAWN:
        raise AttributeError(f"module 'minigrad.testing' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"minigrad.testing.{_DRAWN[name]}"), name)


__all__ = [
    "Case",
    "GradcheckError",
    "ModuleCase",
    "Program",
    "T",
    "assert_allclose",
    "assert_close",
    "assert_parity",
    "booleans",
    "broadcastable_shapes",
    "call",
    "calls",
    "gradcheck",
    "gradgradcheck",
    "integers",
    "make_tensor",
    "matrices",
    "modules",
    "places",
    "reals",
    "recorded",
    "register",
    "replay",
    "small_nets",
    "tensors",
    "training_programs",
    "unregister",
    "write_capsule",
]
