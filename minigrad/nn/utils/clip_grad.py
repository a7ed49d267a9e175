"""Limiting gradients before a step: by their norm, or value by value."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import GeneratorType

from minigrad import functions, linalg
from minigrad.autograd import no_grad
from minigrad.device import device as Device
from minigrad.tensor import Tensor

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]

Tensors = Tensor | Iterable[Tensor]


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Tensors) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def _on(place: Device, tensor: Tensor) -> Tensor:
    # Asking first is much cheaper than a `to` that has nothing to do.
    here = tensor.device
    return tensor if here is place or here == place else tensor.to(place)


@no_grad()
def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of several tensors, taken as one long vector: the norm of their norms.

    ``foreach`` chooses among torch's kernels and changes nothing here.

    Raises: RuntimeError for a norm that is not finite, with ``error_if_nonfinite``.

    >>> import minigrad as torch
    >>> torch.nn.utils.get_total_norm([torch.tensor([3.0]), torch.tensor([0.0, 4.0])])
    tensor(5.)
    """
    listed = _listed(tensors)
    order = float(norm_type)
    if not listed:
        return functions.tensor(0.0)
    place = listed[0].device
    norms = [_on(place, linalg.vector_norm(tensor, order)) for tensor in listed]
    total: Tensor = linalg.vector_norm(functions.stack(norms), order)
    if error_if_nonfinite and not functions.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply the gradients by ``max_norm / total_norm`` if that makes them smaller.

    g <- g min(1, max_norm / (total_norm + 1e-6))

    >>> import minigrad as torch
    >>> p = torch.zeros(2, requires_grad=True)
    >>> p.grad = torch.tensor([3.0, 4.0])
    >>> torch.nn.utils.clip_grads_with_norm_(p, 1.0, torch.tensor(5.0))
    >>> p.grad
    tensor([0.6000, 0.8000])
    """
    grads = _gradients(parameters)
    limit = float(max_norm)
    if not grads:
        return
    # A product with 1 spares the question whether to clip, which would wait for a card.
    factor = functions.clamp(limit / (total_norm + 1e-6), max=1.0)
    for grad in grads:
        grad.mul_(_on(grad.device, factor))


@no_grad()
def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients so that their common norm is at most ``max_norm``; returns the norm.

    Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks,
    2013.

    Raises: RuntimeError for a norm that is not finite, with ``error_if_nonfinite``.

    >>> import minigrad as torch
    >>> p = torch.zeros(2, requires_grad=True)
    >>> p.grad = torch.tensor([3.0, 4.0])
    >>> torch.nn.utils.clip_grad_norm_([p], max_norm=1.0), p.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(listed, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The old name of ``clip_grad_norm_``, which it warns about.

    >>> import minigrad as torch
    >>> torch.nn.utils.clip_grad_norm is not torch.nn.utils.clip_grad_norm_
    True
    """
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Move each number of the gradients into [-clip_value, clip_value].

    >>> import minigrad as torch
    >>> p = torch.zeros(2, requires_grad=True)
    >>> p.grad = torch.tensor([0.5, -4.0])
    >>> torch.nn.utils.clip_grad_value_(p, 1.0)
    >>> p.grad
    tensor([ 0.5000, -1.0000])
    """
    bound = float(clip_value)
    for grad in _gradients(parameters):
        grad.clamp_(-bound, bound)
