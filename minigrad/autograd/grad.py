"""``backward`` and ``grad``: the two ways to ask for gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.engine import Reading, paths_to, start, sweep
from minigrad.autograd.graph import AccumulateGrad, Node, hooks_of
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import xp_of

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, TensorBase) or value is None else tuple(value)


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
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of the tensors, weighted by ``grad_tensors``, to ``.grad`` of the leaves.

    Raises: RuntimeError if a tensor has no graph, is no scalar and has no weight, or if its
    graph was freed by an earlier call without ``retain_graph``.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum()); x.grad
    tensor([2., 4.])
    """
    outputs = _as_tuple(tensors)
    keep_graph = create_graph if retain_graph is None else retain_graph
    reading = Reading(create_graph, keep_graph)
    waiting = start(outputs, _matched(outputs, grad_tensors), reading)
    if inputs is None:
        sweep(waiting, reading)
        return
    wanted = _as_tuple(inputs)
    if not wanted:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    targets = set()
    for index, tensor in enumerate(wanted):
        targets.add(_target(tensor, index))
        retain(tensor)
    reading.needed = paths_to(waiting, targets)
    sweep(waiting, reading)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of the outputs with respect to the inputs; ``.grad`` is left alone.

    With ``create_graph=True`` the result is itself recorded and can be differentiated again.

    Raises: RuntimeError if an input is not part of the graph (unless ``allow_unused``).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import minigrad as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> (first,) = torch.autograd.grad(x ** 3, x, create_graph=True)
    >>> torch.autograd.grad(first, x)
    (tensor(18.),)
    """
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched is left out; call grad once per row")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    unused_allowed = bool(allow_unused) or materialize_grads
    outs, wanted = _as_tuple(outputs), _as_tuple(inputs)
    keep_graph = create_graph if retain_graph is None else retain_graph
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
        _result(reading, node, t, unused_allowed, materialize_grads, made)
        for node, t in zip(targets, wanted, strict=True)
    )


def _target(tensor: Any, index: int) -> Node:
    """The node in which a tensor's gradient will be found."""
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"expected a Tensor to differentiate by, got {type(tensor).__name__}")
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(
            f"One of the differentiated Tensors does not require grad (input {index})"
        )
    return edge


def _result(
    reading: Reading, node: Node, tensor: Any, unused: bool, zeros: bool, made: dict[int, Any]
) -> Any:
    """One gradient as a Tensor; the same one, as in torch, where two inputs got the same array."""
    assert reading.captured is not None
    g = reading.captured[node]
    if g is not None:
        if id(g) not in made:
            made[id(g)] = reading.to_tensor(g)
        return made[id(g)]
    if zeros:
        return make(xp_of(tensor._array).zeros_like(tensor._array))
    if unused:
        return None
    raise RuntimeError(
        "One of the differentiated Tensors appears to not have been used in the graph. Set "
        "allow_unused=True if this is the desired behavior."
    )


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
            owner._grad = g.clone() if owner._grad is None else owner._grad + g

    hooks = hooks_of(node)
    hooks.retain = hooks.retain or keep
