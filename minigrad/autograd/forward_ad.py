"""Forward mode, as far as two backward sweeps give it: dual tensors.

``make_dual`` notes the tangent of a tensor. ``unpack_dual`` goes back from a result to the tensors
that have tangents, with a weight that is itself differentiated: what it finds is linear in the
weight, and its derivative by the weight, in the direction of the tangents, is the tangent of the
result. So a dual tensor requires grad here, and operations must be recorded.
Source: https://docs.pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.autograd.apply import edge_of
from minigrad.autograd.levels import Level, grads_of, zeros_like
from minigrad.autograd.modes import enable_grad, is_grad_enabled


class DualLevel(Level):
    """A level, and the tensors that have tangents in it."""

    def __init__(self) -> None:
        super().__init__()
        self.duals: list[tuple[Any, Any]] = []


_levels: list[DualLevel] = []


class UnpackedDualTensor(NamedTuple):
    """What :func:`unpack_dual` returns.

    >>> import minigrad as torch
    >>> torch.autograd.forward_ad.unpack_dual(torch.ones(1))
    UnpackedDualTensor(primal=tensor([1.]), tangent=None)
    """

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Begin to take tangents; returns the number of the level, which is 0."""
    if _levels:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment; torch.func.jvp can be nested"
        )
    _levels.append(DualLevel())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Forget all tangents."""
    if level not in (None, len(_levels) - 1) or not _levels:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is "
            "not supported."
        )
    _levels.pop()


class dual_level:
    """The block (or the function) in which tensors have tangents.

    >>> import minigrad as torch
    >>> import minigrad.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor([1., 2.]), torch.tensor([1., 10.]))
    ...     fwAD.unpack_dual(x * x).tangent
    tensor([ 2., 40.])
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *error: object) -> None:
        exit_dual_level()

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator."""

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with dual_level():
                return fn(*args, **kwargs)

        return wrapped


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A tensor that has a tangent; the memory is the same.

    >>> import minigrad as torch
    >>> import minigrad.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor(2.), torch.tensor(1.))
    ...     fwAD.unpack_dual(x ** 3).tangent
    tensor(12.)
    """
    if not _levels or (level is not None and level < 0):
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, value in (("primal", tensor), ("tangent", tangent)):
        if not value.is_floating_point():
            raise ValueError(f"Expected {name} to be floating point or complex, got: {value.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(tensor.shape)} while the "
            f"given forward gradient is of size {list(tangent.shape)}."
        )
    if not is_grad_enabled():
        raise NotImplementedError(
            "make_dual: forward mode is taken by backward sweeps here, and needs operations to be "
            "recorded, but grad mode is off; use enable_grad()"
        )
    entered = _levels[-1].enter(tensor)
    _levels[-1].duals.append((entered, tangent))
    return _levels[-1].writable(entered)


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """A tensor without its tangent, and the tangent; None if it has none.

    >>> import minigrad as torch
    >>> import minigrad.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor(0.), torch.tensor(3.))
    ...     fwAD.unpack_dual(x.sin())
    UnpackedDualTensor(primal=tensor(0.), tangent=tensor(3.))
    """
    if not _levels or not _levels[-1].duals or edge_of(tensor) is None:
        return UnpackedDualTensor(tensor, None)
    here = _levels[-1]
    inputs = [entered for entered, _ in here.duals]
    tangents = [tangent for _, tangent in here.duals]
    with enable_grad():
        weight = zeros_like(tensor, requires_grad=True)
        pulled = grads_of([tensor], inputs, [weight], create_graph=True)
    used = [(p, t) for p, t in zip(pulled, tangents, strict=True) if p is not None]
    if not used:
        return UnpackedDualTensor(tensor, None)
    outer = here.leads_outside(tensor) or any([edge_of(t) is not None for t in tangents])
    recorded = outer and is_grad_enabled()
    (tangent,) = grads_of([p for p, _ in used], [weight], [t for _, t in used], recorded, True)
    if tangent is None:
        tangent = zeros_like(tensor)
    return UnpackedDualTensor(here.leave(tensor), tangent)


__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]
