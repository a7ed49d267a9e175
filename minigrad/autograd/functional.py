"""Jacobians, Hessians and products with them, of functions of tensors.

Source: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.apply import edge_of
from minigrad.autograd.grad import stacked
from minigrad.autograd.levels import grads_of, zeros_like
from minigrad.autograd.modes import enable_grad
from minigrad.autograd.tensor_base import TensorBase

Function = Callable[..., Any]
Several = tuple[Any, ...]
RESULT = "outputs of the user-provided function"


def _tuple(value: Any, what: str, caller: str) -> tuple[bool, Several]:
    """Tensors as a tuple, and whether they were one."""
    given = isinstance(value, tuple)
    several = value if given else (value,)
    for index, one in enumerate(several):
        if not isinstance(one, TensorBase):
            which = f"value at index {index}" if given else f"given {what}"
            raise TypeError(
                f"The {what} given to {caller} must be either a Tensor or a tuple of Tensors but "
                f"the {which} has type {type(one)}."
            )
    return given, several


def _like(values: Sequence[Any], given: bool) -> Any:
    """A tuple again, if that is what was given."""
    return tuple(values) if given else values[0]


def _entered(inputs: Several, create_graph: bool, wanted: bool = True) -> Several:
    """New tensors of the graph, which lead on to the given ones if their gradients are wanted."""
    return tuple(
        t.view_as(t)
        if create_graph and edge_of(t) is not None
        else t.detach().requires_grad_(wanted)
        for t in inputs
    )


def _left(values: Any, create_graph: bool) -> Any:
    """Results without their graph, unless it is wanted."""
    if isinstance(values, tuple):
        return tuple(_left(v, create_graph) for v in values)
    return values if create_graph else values.detach()


def _weights(v: Any, like: Several, given: bool, create_graph: bool, caller: str) -> Several:
    """The vector of a product, checked against what it is multiplied with."""
    _, several = _tuple(v, "v", caller)
    if len(several) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(several)}."
            if given
            else "The given v should contain a single Tensor."
        )
    for index, (one, other) in enumerate(zip(several, like, strict=True)):
        if one.shape != other.shape:
            start = f"Entry {index} in " if given else ""
            raise RuntimeError(
                f"{start}v has invalid size: should be {other.shape} but got {one.shape}."
            )
    return _entered(several, create_graph, wanted=False)


def _no_vector(like: Several, what: str) -> None:
    if len(like) != 1 or like[0].numel() != 1:
        raise RuntimeError(
            f"The vector v can only be None if {what} a single Tensor with a single element."
        )


def _all_depend(values: Several, what: str, strict: bool) -> None:
    """In strict mode, raise if a value does not depend on the inputs."""
    for index, value in enumerate(values if strict else ()):
        if value is None or edge_of(value) is None:
            raise RuntimeError(
                f"{what} {index} is independent of the input. This is not allowed in strict mode. "
                "The function must depend on its input in a differentiable manner, as often as it "
                "is differentiated."
            )


def _filled(found: Several, like: Several, what: str, strict: bool, create_graph: bool) -> Several:
    """Zeros where nothing depends on anything; in strict mode that is an error."""
    if strict:
        for index, g in enumerate(found):
            if g is None:
                _all_depend((None,) * (index + 1), what, strict)
        if create_graph:
            _all_depend(found, what, strict)
    return tuple(zeros_like(t) if g is None else g for g, t in zip(found, like, strict=True))


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of a function, and a vector multiplied by its Jacobian.

    >>> import minigrad as torch
    >>> torch.autograd.functional.vjp(torch.square, torch.tensor([1., 2.]), torch.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, given = _tuple(inputs, "inputs", "vjp")
        entered = _entered(given, create_graph)
        many_out, outputs = _tuple(func(*entered), RESULT, "vjp")
        _all_depend(outputs, "Output", strict)
        weights = None
        if v is None:
            _no_vector(outputs, "the user-provided function returns")
        else:
            weights = _weights(v, outputs, many_out, create_graph, "vjp")
        found = grads_of(outputs, entered, weights, create_graph)
        product = _filled(found, entered, "The gradient of input", strict, create_graph)
    return (
        _like(_left(outputs, create_graph), many_out),
        _like(_left(product, create_graph), many_in),
    )


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of a function, and its Jacobian multiplied by a vector.

    >>> import minigrad as torch
    >>> torch.autograd.functional.jvp(torch.square, torch.tensor([1., 2.]), torch.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, given = _tuple(inputs, "inputs", "jvp")
        entered = _entered(given, create_graph)
        weights = _vector(v, entered, many_in, create_graph, "jvp")
        many_out, outputs = _tuple(func(*entered), RESULT, "jvp")
        _all_depend(outputs, "Output", strict)
        dummies = tuple(zeros_like(out, requires_grad=True) for out in outputs)
        pulled = grads_of(outputs, entered, dummies, create_graph=True)
        _all_depend(pulled, "The gradient of input", strict)
        found = grads_of(pulled, dummies, weights, create_graph)
        product = _filled(found, outputs, "The product of output", strict, create_graph)
    return (
        _like(_left(outputs, create_graph), many_out),
        _like(_left(product, create_graph), many_out),
    )


def _vector(v: Any, entered: Several, many: bool, create_graph: bool, caller: str) -> Any:
    """The vector that is multiplied with the inputs' side; None for a single number."""
    if v is not None:
        return _weights(v, entered, many, create_graph, caller)
    _no_vector(entered, "the input to the user-provided function is")
    return None


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of a function: for each output a tensor, or one for each input.

    It is taken row by row, whatever ``vectorize`` and ``strategy`` are; both are checked.

    >>> import minigrad as torch
    >>> torch.autograd.functional.jacobian(torch.square, torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy("jacobian", create_graph, strict, vectorize, strategy)
    with enable_grad():
        many_in, given = _tuple(inputs, "inputs", "jacobian")
        entered = _entered(given, create_graph)
        many_out, outputs = _tuple(func(*entered), RESULT, "jacobian")
        _all_depend(outputs, "Output", strict)
        blocks = []
        for out in outputs:
            flat = out.reshape(-1)
            rows = []
            for position in range(out.numel()):
                found = grads_of((flat[position],), entered, None, create_graph, True)
                rows.append(_filled(found, entered, "The gradient of input", strict, create_graph))
            blocks.append(
                tuple(
                    _rows([row[i] for row in rows], t).reshape((*out.shape, *t.shape))
                    for i, t in enumerate(entered)
                )
            )
    whole = _left(tuple(blocks), create_graph)
    if strategy == "forward-mode" and many_in and many_out:
        return [list(block) for block in whole]  # as torch gives them
    return _like([_like(block, many_in) for block in whole], many_out)


def _rows(rows: Sequence[Any], like: Any) -> Any:
    return stacked(rows) if rows else like.new_zeros((0, *like.shape))


def _check_strategy(
    name: str, create_graph: bool, strict: bool, vectorize: bool, strategy: str
) -> None:
    """Raise torch's errors for options that do not go together."""
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode", got ' + repr(strategy)
        )
    forward = strategy == "forward-mode"
    start = f"torch.autograd.functional.{name}: "
    if forward and create_graph:
        raise NotImplementedError(
            f'{start}`create_graph=True` and `strategy="forward-mode"` do not go together'
        )
    if strict and (forward or vectorize):
        raise RuntimeError(
            f'{start}`strict=True` does not go with `vectorize=True` or `strategy="forward-mode"`'
        )
    if forward and not vectorize:
        raise NotImplementedError(f'{start}`strategy="forward-mode"` asks for `vectorize=True`')


def _scalar(outputs: Any, many: bool, caller: str) -> None:
    if many:
        raise RuntimeError(f"The function given to {caller} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {caller} should contain a single element"
        )


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function that returns a single number.

    >>> import minigrad as torch
    >>> torch.autograd.functional.hessian(lambda x: (x ** 3).sum(), torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    many, given = _tuple(inputs, "inputs", "hessian")

    def single(*values: Any) -> Any:
        several, out = _tuple(func(*values), RESULT, "hessian")
        _all_depend(out, "Output", strict)
        _scalar(out, several, "hessian")
        return out[0].squeeze()

    def gradient(*values: Any) -> Several:
        found: Several = jacobian(single, values, create_graph=True)
        _all_depend(found, "The gradient of input", strict)
        return found

    whole = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return _like([_like(block, many) for block in whole], many)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The number that a function returns, and a vector multiplied by its Hessian.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.])
    >>> torch.autograd.functional.vhp(lambda x: (x ** 3).sum(), x, torch.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        many, entered, weights, output, slope = _curved(
            func, inputs, v, create_graph, strict, "vhp"
        )
        found = grads_of(slope, entered, weights, create_graph)
        product = _filled(found, entered, "The slope of input", strict, create_graph)
    return _left(output, create_graph), _like(_left(product, create_graph), many)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The number that a function returns, and its Hessian multiplied by a vector.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.])
    >>> torch.autograd.functional.hvp(lambda x: (x ** 3).sum(), x, torch.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        many, entered, weights, output, slope = _curved(
            func, inputs, v, create_graph, strict, "hvp"
        )
        dummies = tuple(zeros_like(t, requires_grad=True) for t in entered)
        twice = grads_of(slope, entered, dummies, create_graph=True)
        found = grads_of(twice, dummies, weights, create_graph)
        product = _filled(found, entered, "The slope of input", strict, create_graph)
    return _left(output, create_graph), _like(_left(product, create_graph), many)


def _curved(
    func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, caller: str
) -> tuple[bool, Several, Any, Any, Several]:
    """What both products with the Hessian begin with: inputs, vector, output and its slope."""
    many, given = _tuple(inputs, "inputs", caller)
    entered = _entered(given, create_graph)
    weights = _vector(v, entered, many, create_graph, caller)
    several, outputs = _tuple(func(*entered), RESULT, caller)
    _all_depend(outputs, "Output", strict)
    _scalar(outputs, several, caller)
    slope = grads_of(outputs, entered, None, create_graph=True)
    _all_depend(slope, "The gradient of input", strict)
    return many, entered, weights, outputs[0], slope


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
