"""Derivatives compared with differences: ``gradcheck`` and ``gradgradcheck``.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.functional import jvp
from minigrad.autograd.grad import grad
from minigrad.autograd.levels import zeros_like
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import GradcheckError

Function = Callable[..., Any]


def _tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def _differentiable(outputs: Any) -> list[Any]:
    return [o for o in _tuple(outputs) if isinstance(o, TensorBase) and edge_of(o) is not None]


def _checked(inputs: Any) -> tuple[tuple[Any, ...], list[int]]:
    """The inputs, and the positions of those that want a gradient."""
    given = _tuple(inputs)
    wanted = [
        i for i, t in enumerate(given) if isinstance(t, TensorBase) and edge_of(t) is not None
    ]
    for index in wanted:
        array = given[index]._array
        if array.dtype != np.float64:
            warnings.warn(
                f"Input #{index} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=4,
            )
        if any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True)):
            raise RuntimeError(
                f"The {index}th input has a dimension with stride 0. gradcheck only supports "
                "inputs that are non-overlapping; call .contiguous() on it."
            )
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    return given, wanted


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of a function agree with differences of its values.

    ``fast_mode`` makes the full check too. Batched gradients are single ones in a loop here, and
    need no check of their own; ``masked`` concerns sparse tensors only.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("gradcheck: expected check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("gradcheck: check_batched_grad=True asks for check_backward_ad=True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "gradcheck: check_batched_forward_grad=True asks for check_forward_ad=True"
        )
    given, wanted = _checked(inputs)
    try:
        check = _Check(func, given, wanted, eps, atol, rtol)
        if check_backward_ad:
            check.backward(nondet_tol, check_grad_dtypes)
            check.weights()
            if check_undefined_grad:
                check.undefined()
        if check_forward_ad:
            check.forward()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


class _Check:
    """A function at a point, and the Jacobian there by differences."""

    def __init__(
        self,
        func: Function,
        inputs: tuple[Any, ...],
        wanted: list[int],
        eps: float,
        atol: float,
        rtol: float,
    ) -> None:
        self.func, self.inputs, self.eps, self.atol, self.rtol = func, inputs, eps, atol, rtol
        self.places = wanted
        self.wanted = [inputs[i] for i in wanted]
        self.outputs = _differentiable(func(*inputs))
        self.numerical = [self.differences(t) for t in self.wanted]  # by input, then by output
        if not self.outputs and any((j != 0).any() for per in self.numerical for j in per):
            raise GradcheckError("Numerical gradient for function expected to be zero")

    def values(self) -> list[Any]:
        """The outputs that have gradients (all, if none has), as flat copies."""
        result = self.func(*self.inputs)
        found = _differentiable(result) if self.outputs else _tuple(result)
        return [o._array.reshape(-1).astype(np.float64) for o in found if hasattr(o, "_array")]

    def differences(self, tensor: Any) -> list[Any]:
        """For each output the matrix of central differences, a row for each element of an input."""
        array, rows = tensor._array, []
        for position in np.ndindex(array.shape):
            old = array[position].copy()
            array[position] = old - self.eps
            low = self.values()
            array[position] = old + self.eps
            high = self.values()
            array[position] = old
            rows.append([(b - a) / (2 * self.eps) for a, b in zip(low, high, strict=True)])
        if not rows:
            return [np.zeros((0, o._array.size)) for o in self.outputs]
        return [np.stack(column) for column in zip(*rows, strict=True)]

    def rows(self, output: Any, strict_dtype: bool) -> list[Any]:
        """The matrices of one output's derivatives, by one backward sweep for each element."""
        found = [np.zeros((t._array.size, output._array.size)) for t in self.wanted]
        weight = zeros_like(output.detach())
        flat = weight._array.reshape(-1)
        for column in range(flat.size):
            flat[...] = 0
            flat[column] = 1
            gradients = grad(
                [output], self.wanted, [weight.clone()], retain_graph=True, allow_unused=True
            )
            for matrix, g, t in zip(found, gradients, self.wanted, strict=True):
                if g is None:
                    continue
                if g._array.shape != t._array.shape:
                    raise GradcheckError("Analytical gradient has incorrect size")
                if strict_dtype and g._array.dtype != t._array.dtype:
                    raise GradcheckError("Gradient has dtype mismatch")
                matrix[:, column] = g._array.reshape(-1)
        return found

    def backward(self, nondet_tol: float, strict_dtype: bool) -> None:
        """Compare the derivatives of backward with the differences."""
        for number, output in enumerate(self.outputs):
            first, second = self.rows(output, strict_dtype), self.rows(output, False)
            for one, other in zip(first, second, strict=True):
                if one.size and np.abs(one - other).max() > nondet_tol:
                    raise GradcheckError(
                        "Backward is not reentrant, i.e., running backward with same input and "
                        "grad_output multiple times gives different values, although analytical "
                        "gradient matches numerical gradient. The tolerance for nondeterminism was "
                        f"{nondet_tol}."
                    )
            self.compare(number, first)

    def forward(self) -> None:
        """Compare products with tangents with the differences."""
        found: list[list[Any]] = [
            [np.zeros((t._array.size, o._array.size)) for t in self.wanted] for o in self.outputs
        ]
        for index, tensor in enumerate(self.wanted):
            for row in range(tensor._array.size):
                tangents = [zeros_like(t.detach()) for t in self.wanted]
                tangents[index]._array.reshape(-1)[row] = 1
                _, products = jvp(self.of_wanted, tuple(self.wanted), tuple(tangents))
                for per_output, product in zip(found, products, strict=True):
                    per_output[index][row] = product._array.reshape(-1)
        for number, matrices in enumerate(found):
            self.compare(number, matrices, "computed with forward mode ")

    def of_wanted(self, *values: Any) -> tuple[Any, ...]:
        """The function of those inputs alone that want a gradient."""
        whole = list(self.inputs)
        for place, value in zip(self.places, values, strict=True):
            whole[place] = value
        return tuple(_differentiable(self.func(*whole)))

    def compare(self, number: int, matrices: Sequence[Any], mode: str = "") -> None:
        """Raise if the derivatives of one output are not its differences."""
        for index, (found, per_output) in enumerate(zip(matrices, self.numerical, strict=True)):
            if not np.allclose(found, per_output[number], self.rtol, self.atol):
                raise GradcheckError(
                    f"Jacobian {mode}mismatch for output {number} with respect to input {index},\n"
                    f"numerical:{make(per_output[number])!r}\nanalytical:{make(found)!r}\n"
                )

    def weights(self) -> None:
        """Zero weights must give zero gradients."""
        if self.outputs:
            zeros = [zeros_like(o.detach()) for o in self.outputs]
            found = grad(self.outputs, self.wanted, zeros, retain_graph=True, allow_unused=True)
            if any(g is not None and g._array.any() for g in found):
                raise GradcheckError("backward not multiplied by grad_output")

    def undefined(self) -> None:
        """Outputs of which nobody asks for a gradient must do no harm."""
        for left_out in range(len(self.outputs) if len(self.outputs) > 1 else 0):
            outputs = _differentiable(self.func(*self.inputs))
            del outputs[left_out]
            zeros = [zeros_like(o.detach()) for o in outputs]
            try:
                found = grad(outputs, self.wanted, zeros, allow_unused=True)
            except RuntimeError as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads."
                ) from error
            if any(g is not None and g._array.any() for g in found):
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are "
                    "undefined or zero."
                )


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives of a function agree with differences of its gradients.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "gradgradcheck: expected check_fwd_over_rev or check_rev_over_rev to be True"
        )
    if (check_undefined_grad or check_batched_grad) and not check_rev_over_rev:
        raise AssertionError(
            "gradgradcheck: check_undefined_grad=True and check_batched_grad=True ask for "
            "check_rev_over_rev=True"
        )
    given = _tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*given))
        weights = tuple(_random_like(out, gen_non_contig_grad_outputs) for out in outputs)
    else:
        weights = _tuple(grad_outputs)
    count = len(weights)
    wanted = [i for i, t in enumerate(given) if isinstance(t, TensorBase) and edge_of(t)]

    def gradients(*args: Any) -> tuple[Any, ...]:
        outputs = _differentiable(func(*args[:-count]))
        sources = [args[i] for i in wanted]
        found = grad(outputs, sources, args[-count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients,
        given + weights,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        masked=masked,
    )


def _random_like(output: Any, gaps: bool) -> Any:
    """Random weights for an output, with gaps in memory if so wanted."""
    if gaps and output._array.size > 1:
        wide = output.detach().new_empty((*output.shape, 2)).uniform_(-1, 1)
        return wide.select(-1, 0).requires_grad_()
    return output.detach().new_empty(output.shape).uniform_(-1, 1).requires_grad_()


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
