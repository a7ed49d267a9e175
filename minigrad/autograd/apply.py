"""Running an op: arrays in, arrays out, and a node where a gradient is wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.arguments import (
    array_error,
    check_given,
    check_kind,
    module_of,
    plain_kinds,
    promoted,
)
from minigrad.autograd.graph import (
    OUR_FILES,
    AccumulateGrad,
    InferenceStorage,
    Node,
    Output,
    Storage,
    View,
    new,
    storage_of,
    tick,
    view_of,
)
from minigrad.autograd.modes import HOOKS, MODE, PACKING
from minigrad.autograd.op import Op, renamed
from minigrad.autograd.parcels import Packed, parcel
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Cards, at, elsewhere, xp_of
from minigrad.backend.numpy_backend import IGNORE, reset_errors, set_errors
from minigrad.errors import InPlaceError

ndarray = np.ndarray
# The class of arrays that the short cuts take; no class while ops change types by themselves.
direct: Any = np.ndarray
_cast: Callable[[type[Op], Sequence[Any]], Sequence[Any]] | None = None
VIEW_OF_NO_GRAD = (
    "A view was created in no_grad mode and its base or itself is modified inplace with grad mode "
    "enabled. Make the view outside of no_grad, or write to a clone of it."
)
mode = MODE.get
getframe = sys._getframe
_tensor_class: list[type[TensorBase]] = [TensorBase]


def bind_tensor_class(cls: type[TensorBase]) -> None:
    """Tell the engine which class its results are of (``Tensor`` stands above this room)."""
    _tensor_class[0] = cls


def tensor_class() -> type[TensorBase]:
    """The class of results."""
    return _tensor_class[0]


def make(array: Any, node: Node | None = None) -> Any:
    """A Tensor around an array."""
    out = new(_tensor_class[0])
    out._array = array if type(array) is ndarray else as_array(array)
    out._node = node
    out._storage = out._view = out._grad = None
    if mode() < 0:
        out._storage = InferenceStorage()
    return out


def as_array(value: Any) -> Any:
    """An array for what a NumPy reduction or a 0-d operation returned as a scalar."""
    return np.asarray(value) if isinstance(value, (np.generic, ndarray)) else value


def edge_of(tensor: TensorBase) -> Node | None:
    """The node a tensor's gradient goes to; for a view of a rewritten base, made anew."""
    view = tensor._view
    if view is not None and mode() > 0:
        if view.base._view is not None:  # it took another shape in place: its former self
            view.base = view.base._view.base
        base_node = view.base._node  # None: the base was detached, the view stays where it was
        changed = base_node is not view.base_node and base_node is not None
        if changed and type(base_node) is not AccumulateGrad:  # it became a leaf
            if not view.recorded:
                raise InPlaceError(VIEW_OF_NO_GRAD)
            _refresh(tensor)
    return tensor._node  # type: ignore[no-any-return]


def _refresh(tensor: TensorBase) -> None:
    """Record a view anew on its rewritten base, by the view ops that led to it."""
    view = tensor._view
    fresh = view.base
    for op, params, index in view.path:
        fresh = apply(op, (fresh,), params)
        fresh = fresh if index is None else fresh[index]
    tensor._node = renamed(fresh, "AsStridedBackward0")._node
    view.base_node = view.base._node


def apply(op: type[Op], inputs: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
    """Run an op on Tensors (Python numbers and None pass through), and record it if need be."""
    return op.short(*inputs, *params)


def general(op: type[Op], inputs: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
    """The way that every op can take, and that the short cuts fall back on."""
    if Cards.several and elsewhere(*inputs):
        with at(*inputs):
            return general(op, inputs, params)
    if _cast is not None:
        inputs = _cast(op, inputs)
    if op.numbers is not None or op.check is not None:
        check_given(op, inputs)
    if op.promotes:
        inputs = promoted(op, inputs)
    values = [t._array if isinstance(t, TensorBase) else t for t in inputs]
    xp = np
    if any([type(v) is not ndarray or v is t for v, t in zip(values, inputs, strict=True)]):
        xp = module_of(op, inputs, values)
    if op.kinds:
        check_kind(op, values)
    if op.writes:
        values[0] = values[0].copy()
    result = run(op, xp, values, params)
    return finish(op, inputs, values, params, result)


def cast_first(cast: Callable[[type[Op], Sequence[Any]], Sequence[Any]] | None) -> Any:
    """Let a function cast the arguments of every op before it runs; what ``direct`` is then."""
    global _cast, direct
    _cast, direct = cast, np.ndarray if cast is None else None
    return direct


def any_other(op: type[Op]) -> Callable[..., Any]:
    """The short cut of any other op: several tensors, absent ones, several results, kept values."""
    count, fixed, absent = len(op.inputs), not op.variadic, op.numbers is None
    kinds, one_type = plain_kinds(op), bool(op.promotes)
    check, writes = op.check, op.writes
    others = absent and not one_type  # numbers and None may stand for tensors
    one, fresh, kept = op.outputs == 1, not op.view, len(op.keeps)

    def call(*args: Any) -> Any:
        number = count if fixed else len(args) - len(op.params)
        inputs, params = args[:number], args[number:]
        values: list[Any] = []
        dtype, in_graph = None, False
        for t in inputs:
            kind = type(t)
            if t is None or kind is float or kind is int:
                if not (others or (absent and t is None)):
                    return general(op, inputs, params)
                values.append(t)
                continue
            try:
                value = t._array
            except AttributeError:
                return general(op, inputs, params)
            if type(value) is not direct:
                return general(op, inputs, params)
            if dtype is None:
                dtype = value.dtype
            elif one_type and value.dtype is not dtype:
                return general(op, inputs, params)
            if t._node is not None or t._view is not None:
                in_graph = True
            values.append(value)
        if dtype is None or (kinds and dtype.kind not in kinds):
            return general(op, inputs, params)
        if check is not None:
            check(inputs)
        if writes:
            values[0] = values[0].copy()
        result = run(op, np, values, params)
        if fresh and (not in_graph or mode() <= 0):
            if one:
                return make(result[0] if kept else result)
            return tuple([make(r) for r in (result[:-kept] if kept else result)])
        return finish(op, inputs, values, params, result)

    return call


def run(op: type[Op], xp: Any, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
    """Call forward with NumPy's warnings silenced and its errors in torch's types."""
    if Cards.several and elsewhere(*values):
        with at(*values):
            return run(op, xp, values, params)
    token = set_errors(IGNORE)
    try:
        if op.variadic:
            return op.forward(xp, *values, **dict(zip(op.params, params)))  # noqa: B905 (slow)
        return op.forward(xp, *values, *params)
    except (ValueError, TypeError) as error:
        raise array_error(op, values, error) from error
    finally:
        reset_errors(token)


def finish(
    op: type[Op],
    inputs: Sequence[Any],
    values: Sequence[Any],
    params: tuple[Any, ...],
    result: Any,
) -> Any:
    """Wrap what forward returned, and record the call."""
    kept: tuple[Any, ...] = ()
    several = op.outputs != 1
    if op.keeps:
        count = len(op.keeps)
        kept = result[-count:]
        result = result[:-count] if several else result[0]
    if op.view and several:
        outs = _views(op, inputs[0], params, result)
    else:
        outs = tuple([make(r) for r in result]) if several else (make(result),)
        if op.view:
            share(op, inputs[0], params, outs[0], None)
    if mode() > 0 and op.differentiable and outs:
        edges = [
            (t._node if t._view is None else edge_of(t)) if isinstance(t, TensorBase) else None
            for t in inputs
        ]
        if any(edges):
            _record(op, inputs, tuple(edges), values, params, outs, kept)
    return outs if several else outs[0]


def _views(
    op: type[Op], source: TensorBase, params: tuple[Any, ...], arrays: Sequence[Any]
) -> tuple[Any, ...]:
    """The views that one call makes: ``make`` and ``share`` for each, with what they have in common
    looked up once."""
    storage, memory, recording = storage_of(source), source._array, mode()
    base, plain = memory.base, recording > 0 and type(memory) is ndarray
    cls, above = _tensor_class[0], source._view
    root = source if above is None else above.base
    root_node, recorded = root._node, above is None or above.recorded
    outs = []
    for index, array in enumerate(arrays):
        owner = array.base
        if plain and owner is not None and (owner is memory or owner is base):
            out = new(cls)
            out._array = array
            out._node = out._grad = None
            out._storage = storage
            out._view = view = new(View)
            view.above, view.base, view.base_node = above, root, root_node
            view.step, view.recorded = (op, params, index), recorded
        else:
            out = make(array)
            share(op, source, params, out, index)
        outs.append(out)
    return tuple(outs)


def share(
    op: type[Op], source: TensorBase, params: tuple[Any, ...], out: TensorBase, index: int | None
) -> None:
    """Give a view the storage of what it looks at, if it does share its memory."""
    memory, array = source._array, out._array
    root = array.base
    same = array is memory or (root is not None and (root is memory or root is memory.base))
    if same or xp_of(array).may_share_memory(array, memory):  # as_strided hides the base
        recording = mode()
        out._storage = storage_of(source)
        out._view = view_of(source, (op, params, index), recording > 0)
        if recording == 0 and source._node is not None:
            out._node = AccumulateGrad(out)  # torch: a view made in no_grad mode is a leaf


def _record(
    op: type[Op],
    inputs: Sequence[Any],
    edges: tuple[Node | None, ...],
    values: Sequence[Any],
    params: tuple[Any, ...],
    outs: Sequence[Any],
    kept: Sequence[Any],
) -> None:
    """Make the node of a call, and point the outputs to it."""
    if op.constants:  # an argument without a derivative gets no edge
        edges = tuple([None if i in op.constants else e for i, e in enumerate(edges)])
    if not any(edges) or (op.outputs == 1 and outs[0]._array.dtype.kind not in "fV"):
        return
    node = record(op.node_class, edges, outs[0]._array.shape, getframe(2))
    node.params = params
    _save(node, op, inputs, values, outs, kept)
    if op.outputs == 1:
        outs[0]._node = node
        return
    for index, out in enumerate(outs):
        if out._array.dtype.kind in "fV":
            out._node = Output(node, index, out._array.shape)
    node.shape = tuple(out._array.shape for out in outs)


def _save(
    node: Node,
    op: type[Op],
    inputs: Sequence[Any],
    values: Sequence[Any],
    outs: Sequence[Any],
    kept: Sequence[Any],
) -> None:
    """Save what the wanted derivatives ask for, with the storages that tell of later writes."""
    saved: list[Any] = []
    stores: list[Storage | None] = []
    to_free = False  # a node that saved nothing can run again
    for (kind, index), wanted in zip(op.sources, op.wanted_by, strict=True):
        value, store = None, None
        if op.variadic or any([node.edges[i] is not None for i in wanted]):
            if kind == "kept":
                value = kept[index]
                to_free = to_free or hasattr(value, "nbytes")
                store = _store_of(value, outs, inputs)
            elif kind == "out":
                value, store, to_free = outs[0]._array, storage_of(outs[0]), True
            elif op.variadic:
                value, to_free = tuple(values), True
            else:
                value = values[index]
                to_free = to_free or value is not None  # torch keeps a number as a tensor
                if isinstance(inputs[index], TensorBase):
                    store = may_save(inputs[index])
        saved.append(value)
        stores.append(store)
    node.saved = tuple(saved)
    if to_free:
        node.stores = tuple(stores)
        if mode() == PACKING:
            pack(node)


def _store_of(value: Any, *tensors_: Sequence[Any]) -> Storage | None:
    """The storage of the result or the argument that an op keeps as it is: an index."""
    if getattr(value, "dtype", None) != np.int64:
        return None
    for t in (*tensors_[0], *tensors_[1]):
        if isinstance(t, TensorBase) and t._array is value:
            return may_save(t)
    return None


def pack(node: Node) -> None:
    """Put what a node has saved into parcels, if hooks hold here."""
    pairs = HOOKS.get()
    if pairs and node.stores:
        places = node.saved_places()
        saved = [parcel(v, at, *pairs[-1]) for v, at in zip(node.saved, places, strict=True)]
        node.saved = Packed(saved)
        node.stores = (None,) * len(saved)  # a later write does not reach what is packed


def may_save(tensor: TensorBase) -> Storage:
    """The storage of a tensor that is about to be saved; not one made in inference mode."""
    storage = tensor._storage
    if storage is None:
        storage = tensor._storage = Storage()
    elif storage.inference:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
            "inference mode in computation tracked by autograd. Clone them, or use no_grad()."
        )
    return storage  # type: ignore[no-any-return]


def record(cls: type[Node], edges: tuple[Any, ...], shape: Any, frame: Any) -> Node:
    """A new node, with nothing saved yet; ``frame`` is where the search for the user begins."""
    node = new(cls)
    node.edges = edges
    node.shape = shape
    node.saved = node.stores = node.params = ()
    node.hooks = None
    node.seq = tick()
    code = frame.f_code
    while code.co_filename in OUR_FILES and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    node.code = code
    node.lasti = frame.f_lasti
    return node
