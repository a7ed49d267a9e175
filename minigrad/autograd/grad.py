"""``backward`` and ``grad``: the two ways to ask for gradients."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.engine import Reading, start, sweep
from minigrad.autograd.graph import AccumulateGrad, GradientEdge, Node, hooks_of
from minigrad.autograd.modes import enable_grad
from minigrad.autograd.paths import paths_to
from minigrad.autograd.registry import REGISTRY
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import xp_of

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


def _as_tuple(value: Any) -> tuple[Any, ...]:
    one = isinstance(value, TensorBase) or value is None or type(value) is GradientEdge
    return (value,) if one else tuple(value)


def _inputs(value: Any, caller: str) -> tuple[Any, ...]:
    """What to differentiate by: one, several, or the values of a dictionary."""
    if isinstance(value, Mapping) and type(value) is not dict:
        raise TypeError(
            f"`inputs` argument to `{caller}()` must be a dict, not {type(value).__name__}. Other "
            "Mapping types are not supported."
        )
    wanted = tuple(value.values()) if type(value) is dict else _as_tuple(value)
    if not wanted:
        raise RuntimeError(f"`inputs` argument to `{caller}()` cannot be empty.")
    return wanted


def _matched(outputs: Sequence[Any], gradients: Any) -> tuple[Any, ...]:
    given = _as_tuple(gradients) if gradients is not None else (None,) * len(outputs)
    for gradient in given:
        if gradient is not None and not isinstance(gradient, TensorBase):
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
            )
    if len(given) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    return given


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradient of the tensors, weighted by ``grad_tensors``, to ``.grad`` of the leaves.

    With ``inputs`` (tensors, edges or a dictionary of tensors) only to ``.grad`` of those.

    Raises: RuntimeError if a tensor has no graph, is no scalar and has no weight, or if its
    graph was freed by an earlier call without ``retain_graph``.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum()); x.grad
    tensor([2., 4.])
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError("backward: give `grad_tensors` only, not `grad_variables` as well")
        grad_tensors = grad_variables
    wanted = () if inputs is None else _inputs(inputs, "backward")
    outputs = _as_tuple(tensors)
    keep_graph = create_graph if retain_graph is None else retain_graph
    reading = Reading(create_graph, keep_graph)
    waiting = start(outputs, _matched(outputs, grad_tensors), reading)
    if create_graph:
        warnings.warn(
            "Using backward() with create_graph=True leaves the graph of the derivative in .grad "
            "of the leaves. Use autograd.grad when creating the graph, or set .grad to None after "
            "use, so that it is freed.",
            stacklevel=3,
        )
    if inputs is None:
        sweep(waiting, reading)
        return
    targets = set()
    for index, tensor in enumerate(wanted):
        targets.add(_target(tensor, index))
        if isinstance(tensor, TensorBase):
            retain(tensor)
    reading.needed = paths_to(waiting, targets)
    sweep(waiting, reading)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Any,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of the outputs with respect to the inputs; ``.grad`` is left alone.

    With ``create_graph=True`` the result is itself recorded and can be differentiated again. A
    dictionary of inputs gives a dictionary. ``is_grads_batched``: the first axis of each of
    ``grad_outputs`` counts weights, for each of which a sweep is made; the results are stacked.

    Raises: RuntimeError if an input is not part of the graph (unless ``allow_unused``).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import minigrad as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> (first,) = torch.autograd.grad(x ** 3, x, create_graph=True)
    >>> torch.autograd.grad(first, x)
    (tensor(18.),)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    keep_graph = create_graph if retain_graph is None else retain_graph
    unused = bool(allow_unused) or materialize_grads
    outs, wanted = _as_tuple(outputs), _inputs(inputs, "grad")
    options = (create_graph, unused, materialize_grads)
    if is_grads_batched:
        found = _batched(outs, wanted, _as_tuple(grad_outputs), keep_graph, options)
    else:
        found = _grad(outs, wanted, grad_outputs, keep_graph, options)
    return dict(zip(inputs, found, strict=True)) if type(inputs) is dict else found


def _batched(
    outs: tuple[Any, ...],
    wanted: tuple[Any, ...],
    weights: tuple[Any, ...],
    keep_graph: bool,
    options: tuple[bool, bool, bool],
) -> tuple[Any, ...]:
    """One sweep for each row of the weights, and the rows of the results stacked."""
    count = next((len(w) for w in weights if w is not None), 0)
    if count == 0:
        raise RuntimeError("grad: expected rows of weights in grad_outputs, got none")
    rows = [
        _grad(
            outs,
            wanted,
            [None if w is None else w[row] for w in weights],
            keep_graph or row + 1 < count,
            options,
        )
        for row in range(count)
    ]
    return tuple(None if g[0] is None else stacked(g) for g in zip(*rows, strict=True))


def stacked(parts: Sequence[Any]) -> Any:
    """Tensors of one shape joined along a new first axis."""
    return REGISTRY["stack"].function(parts)


def _grad(
    outs: tuple[Any, ...],
    wanted: tuple[Any, ...],
    grad_outputs: Any,
    keep_graph: bool,
    options: tuple[bool, bool, bool],
) -> tuple[Any, ...]:
    """The gradients of outputs by inputs, in one sweep."""
    create_graph, unused, zeros = options
    reading = Reading(create_graph, keep_graph)
    reading.accumulate = False
    targets = [_target(t, index) for index, t in enumerate(wanted)]
    waiting = start(outs, _matched(outs, grad_outputs), reading)
    reading.captured = dict.fromkeys(targets)
    reading.needed = paths_to(waiting, set(targets))
    waiting = {seq: entry for seq, entry in waiting.items() if seq in reading.needed}
    sweep(waiting, reading)
    made: dict[int, Any] = {}
    return tuple(
        _result(reading, node, (index, t), unused, zeros, made)
        for index, (node, t) in enumerate(zip(targets, wanted, strict=True))
    )


def _target(tensor: Any, index: int) -> Node:
    """The node in which a tensor's gradient will be found."""
    if isinstance(tensor, GradientEdge):
        return tensor.place
    if not isinstance(tensor, TensorBase):
        raise RuntimeError(
            f"all inputs have to be Tensors or GradientEdges, but got {type(tensor).__name__}"
        )
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(
            f"One of the differentiated Tensors does not require grad (input {index})"
        )
    return edge


def _result(
    reading: Reading,
    node: Node,
    wanted: tuple[int, Any],
    unused: bool,
    zeros: bool,
    made: dict[int, Any],
) -> Any:
    """One gradient as a Tensor; the same one, as in torch, where two inputs got the same array."""
    assert reading.captured is not None
    index, tensor = wanted
    g = reading.captured[node]
    if g is not None:
        if id(g) not in made:
            made[id(g)] = reading.to_tensor(g)
        return _in_its_order(_of_its_type(made[id(g)], tensor), tensor)
    if zeros:
        if not isinstance(tensor, TensorBase):
            raise RuntimeError(
                "materialize_grads cannot be used when the given input is a GradientEdge"
            )
        filled: Any = make(xp_of(tensor._array).zeros_like(tensor._array))
        return filled.requires_grad_(reading.recorded)
    if unused:
        return None
    raise RuntimeError(
        f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
        "Set allow_unused=True if this is the desired behavior."
    )


def _of_its_type(gradient: Any, tensor: Any) -> Any:
    """A gradient in its tensor's dtype: derivatives may have been worked out in a wider one."""
    if isinstance(tensor, TensorBase) and gradient._array.dtype != tensor._array.dtype:
        return gradient.to(tensor.dtype)  # type: ignore[attr-defined]
    return gradient


def _in_its_order(gradient: Any, tensor: Any) -> Any:
    """A gradient in rows if its tensor lies so: programs flatten what ``grad`` gives by ``view``.

    torch's formulas for transposed factors leave it so.
    """
    if gradient._array.flags.c_contiguous or not isinstance(tensor, TensorBase):
        return gradient
    if not tensor._array.flags.c_contiguous:
        return gradient
    with enable_grad():  # what was recorded stays so
        return gradient.contiguous()


def retain(tensor: Any) -> None:
    """Let a recorded tensor keep its gradient in ``.grad``, as a leaf does."""
    import weakref

    node = edge_of(tensor)
    if node is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if isinstance(node, AccumulateGrad):
        return
    weak = weakref.ref(tensor)

    def keep(g: Any) -> None:
        owner = weak()
        if owner is not None:  # a copy: the same cotangent may go to others too
            g = _of_its_type(g, owner)
            owner._grad = g.clone() if owner._grad is None else owner._grad + g

    hooks = hooks_of(node)
    hooks.retain = hooks.retain or keep
