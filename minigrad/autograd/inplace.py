"""Writing in place: what may be written, and how the graph follows.

``x.op_(...)`` is ``op`` out of place with its result written into ``x``'s memory; then ``x``
points to the result's node. If ``x`` is a view, its base gets a node that says "the old base,
with this region replaced", and every view of that base is recorded anew when it is next used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import VIEW_OF_NO_GRAD, apply, edge_of, finish, make, run
from minigrad.autograd.arguments import array_error, promoted
from minigrad.autograd.graph import (
    AccumulateGrad,
    Node,
    Output,
    call_site,
    hooks_of,
    new,
    storage_of,
    tick,
)
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_overlap
from minigrad.autograd.straight import plain_values, straight_form, written
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, Cards, at, elsewhere, xp_of
from minigrad.backend.numpy_backend import IGNORE, reset_errors, set_errors
from minigrad.errors import DtypeError, InPlaceError, ShapeError


class CopySlices(Op):
    """The node of a base after one of its views was written: the base with a region replaced."""

    grad_fn: ClassVar[Any] = "CopySlices"

    @staticmethod
    def forward(xp: Any, input: Array, value: Array, path: Any) -> Any:
        """Replace the region that the view ops of ``path`` lead to."""
        out = input.copy()
        region = replay(out, path)
        if xp.shares_memory(region, out) or region.size == 0:
            region[...] = value
        else:  # a path that had to copy in this layout: write through positions instead
            where = replay(xp.arange(out.size).reshape(out.shape), path)
            flat = out.reshape(-1)
            flat[where] = value
            out = flat.reshape(out.shape)
        return out

    @staticmethod
    def grad_input(g: Any, path: Any, F: Any) -> Any:
        """The gradient of what was not replaced."""
        return F.copy_slices(g, 0.0, path)

    @staticmethod
    def grad_value(g: Any, path: Any, F: Any) -> Any:
        """The gradient of what replaced it."""
        for op, params, index in path:
            g = getattr(F, op.name)(g, *params)
            g = g if index is None else g[index]
        return g


def replay(array: Any, path: Sequence[Any]) -> Any:
    """Follow view ops on an array."""
    for op, params, index in path:
        array = op.forward(xp_of(array), array, *params)
        array = array if index is None else array[index]
    return array


def check_writable(tensor: TensorBase, others: Iterable[Any] = ()) -> bool:
    """Raise torch's error if a write would corrupt the graph.

    Returns whether the write is to be recorded: the tensor or what is written wants a gradient.
    """
    storage, recorded = tensor._storage, False
    if MODE.get() > 0:
        recorded = _any_edge(tensor, others)
        if recorded:
            _check_history(tensor)
        if storage is not None and storage.inference:
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed."
                "You can make a clone to get a normal tensor before doing inplace update."
            )
    return recorded


def _check_history(tensor: TensorBase) -> None:
    """Raise if a write that is to be recorded can't be: on leaves, and on some views."""
    view = tensor._view
    if view is not None and not view.recorded:
        raise InPlaceError(VIEW_OF_NO_GRAD)
    if view is not None and view.multiple:
        raise InPlaceError(
            f"{_called(tensor)}. This view is the output of a function that returns multiple "
            "views. Such functions do not allow the output views to be modified inplace. You "
            "should replace the inplace operation by an out-of-place one."
        )
    if view is not None and isinstance(view.base._node, AccumulateGrad):
        raise InPlaceError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )
    if isinstance(tensor._node, AccumulateGrad):
        raise InPlaceError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )


def _called(tensor: TensorBase) -> str:
    """torch's words for a view that is written: where it stands in the graph, if it does."""
    node: Any = tensor._node
    if node is None:
        return (
            "A view was created in no_grad mode and is being modified inplace "
            "with grad mode enabled"
        )
    index = 0
    if isinstance(node, Output):
        node, index = node.edges[0], node.index
    name = node.name().rstrip("0123456789").removesuffix("Backward")
    return f"Output {index} of {name} is a view and is being modified inplace"


def in_place(fn: Callable[..., Any], op: type[Op] | None) -> Callable[..., Any]:
    """The in-place form of a function: ``x.fn_(...)``."""
    straight, codes, card_codes = straight_form(op)
    keeps_input = op is None or "input" in op.saves or bool(op.keeps)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        values = plain_values(self, args, codes, kwargs, card_codes) if codes else None
        if values is not None:
            token = set_errors(IGNORE)
            try:
                straight(self._array, *values, **kwargs)
                written(self)
                return self
            except ValueError as error:
                raise _broadcast_error(op, self, args, error) from error
            except TypeError:
                pass  # not arguments of its kind: the general way says what they should be
            finally:
                reset_errors(token)
        recorded = check_writable(self, (*args, *kwargs.values()) if kwargs else args)
        check_overlap(self, args)
        array = self._array.copy() if recorded and keeps_input else self._array
        old = make(array, edge_of(self) if recorded else None)
        return replace(self, fn(old, *args, **kwargs))

    return method


def _any_edge(tensor: TensorBase, args: Iterable[Any]) -> bool:
    return edge_of(tensor) is not None or any(
        [isinstance(a, TensorBase) and edge_of(a) is not None for a in args]
    )


def _value(argument: Any) -> Any:
    return argument._array if isinstance(argument, TensorBase) else argument


def replace(tensor: Any, result: Any) -> Any:
    """Write a result into a tensor's memory, and let the tensor take its place in the graph."""
    if Cards.several and elsewhere(tensor):
        with at(tensor):
            return replace(tensor, result)
    array, value = tensor._array, result._array
    if value.shape != array.shape:
        raise _shape_error(array.shape, value.shape)
    if value.dtype != array.dtype:
        check_cast(value.dtype, array.dtype)
        value = value.astype(array.dtype)
    xp_of(array).copyto(array, value)
    storage = storage_of(tensor)
    storage.write()
    node = edge_of(result)
    if node is None and tensor._view is None and tensor._node is None:
        return tensor  # no graph to follow
    plain = node is not None and node.stores and type(node.saved) is tuple
    if node is not None and plain and value is result._array:
        stale = storage in node.stores  # it saved what was just overwritten: `x.mul_(x)`
        # What backward needs of the output is in the tensor's own memory now.
        node.stores = tuple(
            storage if s is value else old for s, old in zip(node.saved, node.stores, strict=True)
        )
        node.saved = tuple(array if s is value else s for s in node.saved)
        if not stale:
            node.seq = tick()  # born after the write that made its output
    if MODE.get() > 0:
        rebase(tensor, node)
    return tensor


def check_cast(source: Any, target: Any) -> None:
    """Raise torch's error if a result of one dtype may not be written to memory of another."""
    wide, narrow = dtypes.of_numpy(source), dtypes.of_numpy(target)
    if wide.category > narrow.category:
        raise DtypeError(
            f"result type {wide.type_name} can't be cast to the desired output type "
            f"{narrow.type_name}"
        )


def rebase(tensor: TensorBase, node: Node | None) -> None:
    """Point a written tensor, or the base that it is a view of, to the node of its new value."""
    view = tensor._view
    old = tensor._node
    if view is None:
        tensor._node = node
        _keep_retained(old, node)
        return
    base = view.base
    if node is None and edge_of(base) is None:
        return
    slices = new(CopySlices.node_class)
    slices.edges = (edge_of(base), node)
    slices.params = (view.path,)
    slices.saved = slices.stores = ()
    slices.hooks = None
    slices.shape = base._array.shape
    slices.seq = tick()
    slices.code, slices.lasti = call_site(2)
    _keep_retained(base._node, slices)
    base._node = slices
    _keep_retained(old, edge_of(tensor))  # which records the view anew on the changed base


def _keep_retained(old: Node | None, new: Node | None) -> None:
    """Let ``retain_grad`` follow the tensor; other hooks stay with the value that they saw."""
    if old is not None and old.hooks is not None and new is not None and new is not old:
        keep, old.hooks.retain = old.hooks.retain, None
        if keep is not None:
            hooks_of(new).retain = keep


def write(
    op: type[Op],
    tensor: Any,
    others: Sequence[Any],
    params: tuple[Any, ...],
    check: bool = True,
) -> Any:
    """Run an op whose forward writes into its first argument, straight in the tensor's memory.

    ``check=False``: an element may be written twice (but not in a graph, where elements that are
    one in memory would get gradients of their own), or the caller has made sure that none is.
    """
    recorded = check_writable(tensor, others)
    if check or recorded:
        spread = [t for t in others if isinstance(t, TensorBase) and t._array.ndim] if check else ()
        check_overlap(tensor, spread)  # one number is read before anything is written
    inputs = [tensor, *others]
    if op.promotes:
        inputs = list(promoted(op, inputs))
        if inputs[0] is not tensor:
            return replace(tensor, apply(op, inputs, params))
    values = [_value(v) for v in inputs]
    before = edge_of(tensor) if recorded else None
    result = run(op, xp_of(tensor._array), values, params)
    storage_of(tensor).write()
    if recorded:
        inputs[0] = make(tensor._array, before)
        rebase(tensor, finish(op, inputs, values, params, result)._node)
    return tensor


def _shape_error(shape: tuple[int, ...], got: tuple[int, ...]) -> ShapeError:
    return ShapeError(
        f"output with shape {list(shape)} doesn't match the broadcast shape {list(got)}"
    )


def _broadcast_error(
    op: Any, tensor: TensorBase, args: Sequence[Any], error: Exception
) -> Exception:
    arrays = [tensor._array, *(a._array for a in args if isinstance(a, TensorBase))]
    try:
        return _shape_error(arrays[0].shape, np.broadcast_shapes(*[a.shape for a in arrays]))
    except ValueError:
        return array_error(op, arrays, error)
