"""Derivatives compared with differences: ``gradcheck`` and ``gradgradcheck``.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.jacobians import (
    Array,
    Function,
    Gradients,
    Point,
    as_tuple,
    differentiable,
)
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import GradcheckError, GradientShapeError


class ProjectionWarning(UserWarning):
    """Says that ``fast_mode`` was asked for, and what it can miss."""


def _checked(inputs: Any, warn: bool) -> tuple[tuple[Any, ...], list[int]]:
    """The inputs, and the positions of those that want a gradient."""
    given = as_tuple(inputs)
    wanted = [
        i for i, t in enumerate(given) if isinstance(t, TensorBase) and edge_of(t) is not None
    ]
    for index in wanted:
        array = given[index]._array
        if warn and array.dtype != np.float64:
            warnings.warn(
                f"Input #{index} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=4,
            )
        steps = zip(array.strides, array.shape, strict=True)
        if array.size and any(s == 0 and n > 1 for s, n in steps):
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
    eps: float | None = 1e-6,
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

    |analytical - numerical| <= atol + rtol * |numerical|. An error says where it is worst, how it
    goes with the step, and what is likely to be wrong, and holds a test to be pasted.

    ``fast_mode`` compares one random projection of each Jacobian, in place of all its elements: a
    fault that is small, or orthogonal to it, can pass. ``eps=None`` chooses the step by the
    element type and measures what differences can tell there: so float32 can be checked. Batched
    gradients are single ones in a loop here, and need no check of their own; ``masked`` concerns
    sparse tensors only. The complex step is left out: minigrad has no complex numbers.

    Raises: GradcheckError (``raise_exception=False``: returns False); ValueError if no input
    requires a gradient; RuntimeError if an input has elements that share memory.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("gradcheck: expected check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("gradcheck: check_batched_grad=True asks for check_backward_ad=True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "gradcheck: check_batched_forward_grad=True asks for check_forward_ad=True"
        )
    if fast_mode:
        _warn_of_projections()
    rules = _Rules(eps, atol, rtol, nondet_tol, check_grad_dtypes, check_undefined_grad, fast_mode)
    given, wanted = _checked(inputs, eps is not None)
    return _run(func, given, wanted, rules, check_backward_ad, check_forward_ad, raise_exception)


def _warn_of_projections() -> None:
    warnings.warn(
        "fast_mode=True compares one random projection of each Jacobian: a wrong element that is "
        "small or orthogonal to it can pass. Use the full check for what you rely on.",
        ProjectionWarning,
        stacklevel=3,
    )


@dataclass(frozen=True)
class _Rules:
    """What is asked of a check."""

    eps: float | None
    atol: float
    rtol: float
    nondet_tol: float
    dtypes: bool
    undefined: bool
    fast: bool

    def step(self, tensor: Any) -> float:
        """How far an element is moved; without eps the best step for central differences."""
        if self.eps is not None:
            return self.eps
        size = float(np.abs(tensor._array.astype(np.float64)).max(initial=1.0))
        return float(_precision(tensor) ** (1 / 3)) * size


def _precision(tensor: Any) -> float:
    """The relative distance of neighbouring numbers of a tensor's type."""
    from minigrad.limits import finfo

    return float(finfo(tensor.dtype).eps)


def _run(
    func: Function,
    inputs: tuple[Any, ...],
    places: list[int],
    rules: _Rules,
    backward: bool,
    forward: bool,
    raise_exception: bool,
) -> bool:
    """Check what was asked for; failures are raised, or False."""
    __tracebackhide__ = True
    try:
        _Check(Point(func, inputs, places), rules).all(backward, forward)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    except GradientShapeError as error:  # not a GradcheckError: in torch it is no mere False either
        from minigrad.autograd.explanation import shape_fault

        raise shape_fault(error) from error
    return True


class _Check:
    """The checks of a function at a point."""

    def __init__(self, point: Point, rules: _Rules) -> None:
        self.point, self.rules = point, rules
        self.second = isinstance(point.func, Gradients)
        self.jacobians: list[list[Array]] = []  # by output, then by input: analytical
        self.differences: list[list[Array]] = []  # by input, then by output: numerical

    def all(self, backward: bool, forward: bool) -> None:
        """Run the checks that were asked for."""
        __tracebackhide__ = True
        from minigrad.autograd import probes

        before = [t._array.copy() for t in self.point.wanted]
        if not self.point.outputs:
            return self.constant()
        if backward:
            if not (self.rules.fast and self.projections()):
                self.backward()
            probes.kept(self.point, before)
            probes.weights(self.point)
            if not self.second:
                if self.jacobians:
                    probes.linear(self.point, self.jacobians)
                probes.layouts(self.point)
                probes.undisturbed(self.point)
            if self.rules.undefined:
                probes.undefined(self.point)
        if forward:
            for number, matrices in enumerate(self.point.tangential()):
                self.compare(number, matrices, "computed with forward mode ")
        return None

    def numerical(self, index: int) -> list[Array]:
        """The Jacobians of all outputs by one input, by differences."""
        while len(self.differences) <= index:
            tensor = self.point.wanted[len(self.differences)]
            self.differences.append(self.point.numerical(tensor, self.rules.step(tensor)))
        return self.differences[index]

    def constant(self) -> None:
        """Without an output that has a gradient, nothing may move."""
        __tracebackhide__ = True
        for index in range(len(self.point.wanted)):
            if any((j != 0).any() for j in self.numerical(index)):
                from minigrad.autograd.probes import failure

                text = "Numerical gradient for function expected to be zero"
                seen = "the outputs are cut off from the inputs (detached, or computed by NumPy)"
                raise failure(self.point, text, "no gradient", seen)

    def backward(self) -> None:
        """Compare all of the Jacobians that backward gives."""
        __tracebackhide__ = True
        from minigrad.autograd import probes

        for number, output in enumerate(self.point.outputs):
            one = self.point.analytical(output, self.seen)
            other = self.point.analytical(output)
            self.jacobians.append(one)
            probes.reentrant(self.point, one, other, self.rules.nondet_tol)
            self.compare(number, one)

    def seen(self, gradient: Any, tensor: Any) -> None:
        """A gradient must have the shape and the type of its input."""
        if gradient._array.shape != tensor._array.shape:
            from minigrad.autograd.probes import shaped

            shaped(self.point, gradient, tensor)
        if self.rules.dtypes and gradient._array.dtype != tensor._array.dtype:
            raise GradcheckError(
                f"Gradient has dtype mismatch: {gradient.dtype} for an input of {tensor.dtype}"
            )

    def compare(self, number: int, found: list[Array], mode: str = "") -> None:
        """Raise if the derivatives of one output are not its differences."""
        __tracebackhide__ = True
        for index, tensor in enumerate(self.point.wanted):
            wanted = self.numerical(index)[number]
            allowed = self.allowed(index, number, wanted)
            with np.errstate(invalid="ignore"):
                right = np.abs(found[index] - wanted) <= allowed
            right |= (found[index] == wanted) & ~np.isnan(wanted)
            if right.all():
                continue
            from minigrad.autograd.explanation import Mismatch

            title = (
                f"Jacobian {mode}mismatch for output {number} with respect to input {index},\n"
                f"numerical:{make(wanted)!r}\nanalytical:{make(found[index])!r}\n"
            )
            columns = [self.numerical(i)[number] for i in range(len(self.point.wanted))]
            step = self.rules.step(tensor)
            args = (self.point, number, index, found, columns, allowed, step, title)
            raise Mismatch(*args).error()

    def allowed(self, index: int, number: int, wanted: Array) -> Array:
        """How far each element may be off; without eps, what differences can tell here."""
        if self.rules.eps is not None:
            return self.rules.atol + self.rules.rtol * np.abs(wanted)
        tensor, output = self.point.wanted[index], self.point.outputs[number]
        step = self.rules.step(tensor)
        precision = max(_precision(tensor), _precision(output))
        size = float(np.abs(output._array.astype(np.float64)).max(initial=0.0))
        rounding = 4 * precision * max(size, 1e-30) / step
        twice = self.point.numerical(tensor, 2 * step)[number]
        bound: Array = rounding + np.abs(twice - wanted) + 64 * precision * np.abs(wanted)
        return bound

    def projections(self) -> bool:
        """Whether a random projection of each Jacobian agrees."""
        rng, point = np.random.default_rng(0), self.point
        weights = [rng.uniform(0.1, 1, o._array.size) for o in point.outputs]
        pulled = []
        for output, weight in zip(point.outputs, weights, strict=True):
            given = output.detach().clone()
            given._array[...] = weight.reshape(given._array.shape)
            one, other = (point.pull([output], [given.clone()]) for _ in range(2))
            pulled.append(one)
            for g, again, tensor in zip(one, other, point.wanted, strict=True):
                if g is None:
                    continue
                self.seen(g, tensor)
                if g._array.size and not np.abs(g._array - again._array).max() <= max(
                    self.rules.nondet_tol, 0.0
                ):
                    return False
        for index, tensor in enumerate(point.wanted):
            direction = rng.uniform(0.1, 1, tensor._array.shape)
            slopes = point.along(tensor, direction, self.rules.step(tensor))
            for number, (slope, weight) in enumerate(zip(slopes, weights, strict=True)):
                g = pulled[number][index]
                got = 0.0 if g is None else float((g._array * direction).sum())
                want = float((slope * weight).sum())
                size = float(weight.sum() * direction.sum())
                if not abs(got - want) <= self.rules.atol * max(size, 1) + self.rules.rtol * abs(
                    want
                ):
                    return False
        return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float | None = 1e-6,
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

    The arguments are those of :func:`gradcheck`; ``grad_outputs`` weighs the outputs (by default
    at random), and the check is of the gradients by the inputs and by these weights.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    __tracebackhide__ = True
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "gradgradcheck: expected check_fwd_over_rev or check_rev_over_rev to be True"
        )
    if (check_undefined_grad or check_batched_grad) and not check_rev_over_rev:
        raise AssertionError(
            "gradgradcheck: check_undefined_grad=True and check_batched_grad=True ask for "
            "check_rev_over_rev=True"
        )
    given = as_tuple(inputs)
    if grad_outputs is None:
        outputs = differentiable(func(*given))
        weights = tuple(_random_like(out, gen_non_contig_grad_outputs) for out in outputs)
    else:
        weights = as_tuple(grad_outputs)
    count = len(weights)
    wanted = [i for i, t in enumerate(given) if isinstance(t, TensorBase) and edge_of(t)]

    gradients = Gradients(func, wanted, count)
    if fast_mode:
        _warn_of_projections()
    rules = _Rules(eps, atol, rtol, nondet_tol, check_grad_dtypes, check_undefined_grad, fast_mode)
    given, places = _checked(given + weights, eps is not None)
    forward, backward = check_fwd_over_rev, check_rev_over_rev
    return _run(gradients, given, places, rules, backward, forward, raise_exception)


def _random_like(output: Any, gaps: bool) -> Any:
    """Random weights for an output, with gaps in memory if so wanted."""
    if gaps and output._array.size > 1:
        wide = output.detach().new_empty((*output.shape, 2)).uniform_(-1, 1)
        return wide.select(-1, 0).requires_grad_()
    return output.detach().new_empty(output.shape).uniform_(-1, 1).requires_grad_()


__all__ = ["GradcheckError", "ProjectionWarning", "gradcheck", "gradgradcheck"]
