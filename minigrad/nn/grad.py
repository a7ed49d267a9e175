"""Gradients of convolutions as functions, for derivatives that are written by hand.

Source: https://docs.pytorch.org/docs/stable/nn.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.grad import grad
from minigrad.autograd.modes import enable_grad
from minigrad.nn import functional as F

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]

Sizes = int | Sequence[int]


def _by(conv: Callable[..., Any], given: Any, other: Any, sizes: Any, g: Any, *options: Any) -> Any:
    """The gradient of a convolution by the argument of which only the sizes are known.

    It is linear in that argument, so that any value will do: zeros.
    """
    with enable_grad():
        unknown = g.new_zeros(tuple(sizes)).requires_grad_()
        pair = (unknown, other) if given is None else (given, unknown)
        out = conv(*pair, None, *options)
        return grad(out, unknown, g, create_graph=g.requires_grad)[0]


def _two(conv: Callable[..., Any], axes: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def by_input(
        input_size: Sequence[int],
        weight: Any,
        grad_output: Any,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Any:
        return _by(conv, None, weight, input_size, grad_output, stride, padding, dilation, groups)

    def by_weight(
        input: Any,
        weight_size: Sequence[int],
        grad_output: Any,
        stride: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Any:
        return _by(conv, input, None, weight_size, grad_output, stride, padding, dilation, groups)

    for fn, what, by, call in (
        (by_input, "input", "x", "x.shape, w, g"),
        (by_weight, "weight", "w", "x, w.shape, g"),
    ):
        name = fn.__name__ = fn.__qualname__ = f"conv{axes}d_{what}"
        fn.__doc__ = f"""The gradient of ``conv{axes}d`` by its {what}, given its cotangent.

        The convolution is linear in its {what}: it, times the gradient, adds up to what the result
        and the cotangent do.

        >>> import minigrad as torch
        >>> x, w, g = (torch.ones(1, 1, *[n] * {axes}) for n in (3, 2, 2))
        >>> y = torch.nn.functional.conv{axes}d(x, w)
        >>> torch.equal((torch.nn.grad.{name}({call}) * {by}).sum(), (g * y).sum())
        True
        """
    return by_input, by_weight


conv1d_input, conv1d_weight = _two(F.conv1d, 1)
conv2d_input, conv2d_weight = _two(F.conv2d, 2)
conv3d_input, conv3d_weight = _two(F.conv3d, 3)
