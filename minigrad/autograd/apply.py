"""Running an op: arrays in, arrays out, and a node where a gradient is wanted.

Three ways in, one meaning: ``apply`` takes any op; ``unary`` and ``binary`` build the short cuts
for elementwise ops that every ``x * y`` goes through, and fall back on ``apply`` for whatever is
not plain (mixed dtypes, integers under a float function, another device).
"""

from __future__ import annotations

import functools
import operator as operators
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd import graph
from minigrad.autograd.graph import (
    OUR_FILES,
    InferenceStorage,
    Node,
    Output,
    Storage,
    View,
    new,
    storage_of,
    tick,
)
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op, node_class, tensors
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import xp_of
from minigrad.backend.numpy_backend import IGNORE, quiet, reset_errors, set_errors, unquiet
from minigrad.errors import DeviceError, DtypeError, ShapeError

ndarray, asarray = np.ndarray, np.asarray
mode = MODE.get
getframe = sys._getframe
OPERANDS = (TensorBase, int, float, complex, np.number, np.bool_)  # what an operator takes
_tensor_class: list[type[TensorBase]] = [TensorBase]


def bind_tensor_class(cls: type[TensorBase]) -> None:
    """Tell the engine which class its results are of (``Tensor`` stands above this room)."""
    _tensor_class[0] = cls


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
    if view is not None and view.base._node is not view.base_node and mode() > 0:
        _refresh(tensor)
    return tensor._node  # type: ignore[no-any-return]


def _refresh(tensor: TensorBase) -> None:
    """Record a view anew on its rewritten base, by the view ops that led to it."""
    view = tensor._view
    fresh = view.base
    for op, params, index in view.path:
        fresh = apply(op, (fresh,), params)
        fresh = fresh if index is None else fresh[index]
    tensor._node = fresh._node
    view.base_node = view.base._node


def apply(op: type[Op], inputs: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
    """Run an op on Tensors (Python numbers and None pass through), and record it if need be."""
    if op.promotes:
        inputs = promoted(op, inputs)
    values = [t._array if isinstance(t, TensorBase) else t for t in inputs]
    first = next((t._array for t in inputs if isinstance(t, TensorBase)), None)
    if first is None or not all(_is_argument(t) for t in inputs):
        raise _wrong_type(op, inputs)
    if op.writes:
        values[0] = values[0].copy()
    result = run(op, xp_of(first), values, params)
    return finish(op, inputs, values, params, result)


def run(op: type[Op], xp: Any, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
    """Call forward with NumPy's warnings silenced and its errors in torch's types."""
    token = quiet()
    try:
        if op.variadic:
            return op.forward(xp, *values, **dict(zip(op.params, params, strict=True)))
        return op.forward(xp, *values, *params)
    except ValueError as error:
        raise shape_error(op, values, error) from error
    finally:
        unquiet(token)


def finish(
    op: type[Op],
    inputs: Sequence[Any],
    values: Sequence[Any],
    params: tuple[Any, ...],
    result: Any,
) -> Any:
    """Wrap what forward returned, and record the call."""
    kept: tuple[Any, ...] = ()
    if op.keeps:
        kept = tuple(result[-len(op.keeps) :])
        result = result[: -len(op.keeps)]
        if op.outputs == 1:
            result = result[0]
    several = op.outputs != 1
    outs = [make(r) for r in result] if several else [make(result)]
    if op.view:
        _share(op, inputs[0], params, outs)
    if op.differentiable and mode() > 0:
        edges = tuple([edge_of(t) if isinstance(t, TensorBase) else None for t in inputs])
        if any(edges):
            _record(op, inputs, edges, values, params, outs, kept)
            if op.view:
                for out in outs:
                    if out._view is not None:
                        out._view.base_node = out._view.base._node
    return tuple(outs) if several else outs[0]


def _share(
    op: type[Op], source: TensorBase, params: tuple[Any, ...], outs: Sequence[TensorBase]
) -> None:
    """Give views the storage of what they look at, if they do share its memory."""
    memory = source._array
    for index, out in enumerate(outs):
        array = out._array
        if array is memory or (
            array.base is not None and (array.base is memory or array.base is memory.base)
        ):
            out._storage = storage_of(source)
            out._view = View(source, op, params, None if op.outputs == 1 else index)


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
    if op.pulls is not None:  # an argument without a derivative gets no edge
        edges = tuple([e if p is not None else None for e, p in zip(edges, op.pulls, strict=True)])
        if not any(edges):
            return
    cls = op.node_class
    if callable(op.grad_fn):
        cls = node_class(op, op.grad_fn(*params))
    node = record(cls, edges, outs[0]._array.shape, getframe(2))
    node.params = params
    saved, stores = [], []
    for name, wanted in zip(op.saves, op.wanted_by, strict=True):
        value, store = None, None
        if op.variadic or any(edges[i] is not None for i in wanted):
            value, store = _lookup(op, name, inputs, values, outs, kept)
        saved.append(value)
        stores.append(store)
    node.saved, node.stores = tuple(saved), tuple(stores)
    if op.outputs == 1:
        outs[0]._node = node
        return
    for index, out in enumerate(outs):
        if out._array.dtype.kind in "fV":
            out._node = Output(node, index, out._array.shape)
    node.shape = tuple(out._array.shape for out in outs)


def _lookup(
    op: type[Op],
    name: str,
    inputs: Sequence[Any],
    values: Sequence[Any],
    outs: Sequence[Any],
    kept: Sequence[Any],
) -> tuple[Any, Storage | None]:
    """A value to save, and the storage that tells whether it was written since."""
    if name in op.keeps:
        return kept[op.keeps.index(name)], None
    if name == "out":
        return outs[0]._array, storage_of(outs[0])
    if op.variadic:
        return tuple(values), None
    index = op.inputs.index(name)
    source = inputs[index]
    if not isinstance(source, TensorBase):
        return source, None
    return values[index], may_save(source)


def may_save(tensor: TensorBase) -> Storage:
    """The storage of a tensor that is about to be saved; not one made in inference mode."""
    storage = tensor._storage
    if storage is None:
        storage = tensor._storage = Storage()
    elif storage.inference:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. To work around you can make a clone "
            "to get a normal tensor and use it in autograd."
        )
    return storage  # type: ignore[no-any-return]


def promoted(op: type[Op], inputs: Sequence[Any]) -> Sequence[Any]:
    """The arguments in one dtype, by torch's rules; Python numbers stay numbers."""
    found = [t._array.dtype for t in inputs if isinstance(t, TensorBase)]
    plain = len(found) == len(inputs) and all(d is found[0] for d in found)
    if plain and (op.promotes != "float" or found[0].kind == "f"):
        return inputs
    if not found or not all(_is_argument(t) for t in inputs):
        raise _wrong_type(op, inputs)
    common = result_type(inputs)
    if op.promotes == "float" and not common.is_floating_point:
        common = dtypes.get_default_dtype()
    return [_as_type(t, common) for t in inputs]


def result_type(values: Sequence[Any]) -> dtypes.dtype:
    """The dtype that Tensors and Python numbers have together."""
    dims, zeros, scalars = [], [], []
    for t in values:
        if not isinstance(t, TensorBase):
            if t is not None:
                scalars.append(dtypes.scalar_type(t))
        elif t._array.ndim:
            dims.append(dtypes.of_numpy(t._array.dtype))
        else:
            zeros.append(dtypes.of_numpy(t._array.dtype))
    return dtypes.promote(dims, zeros, scalars)


def common_type(*values: Any) -> list[Any]:
    """Tensors brought to the dtype that they have together; numbers become 0-d tensors of it."""
    common = result_type(values)
    return [
        _as_type(v, common) if isinstance(v, TensorBase) else make(np.asarray(v, common.numpy))
        for v in values
    ]


def _as_type(value: Any, common: dtypes.dtype) -> Any:
    if isinstance(value, TensorBase):
        return value if value._array.dtype == common.numpy else tensors.cast(value, common)
    if value is not None and common.category is dtypes.Category.INTEGER:
        return np.asarray(value).astype(common.numpy)[()]  # wraps around, as torch does
    return value


def _is_argument(value: Any) -> bool:
    return value is None or isinstance(value, (TensorBase, int, float, np.generic))


def _wrong_type(op: type[Op], inputs: Sequence[Any]) -> TypeError:
    for position, value in enumerate(inputs):
        if not _is_argument(value) or (position == 0 and not isinstance(value, TensorBase)):
            name = op.inputs[min(position, len(op.inputs) - 1)]
            return TypeError(
                f"{op.name}(): argument '{name}' (position {position + 1}) must be Tensor, "
                f"not {type(value).__name__}"
            )
    return TypeError(f"{op.name}(): expected at least one Tensor")


def shape_error(op: type[Op], values: Sequence[Any], error: ValueError) -> RuntimeError:
    """torch's words for shapes that do not broadcast; NumPy's for anything else."""
    shapes = [v.shape for v in values if hasattr(v, "shape")]
    if op.broadcasts and len(shapes) >= 2:
        a, b = shapes[0], shapes[1]
        for back in range(1, min(len(a), len(b)) + 1):
            if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
                dim = max(len(a), len(b)) - back
                return ShapeError(
                    f"The size of tensor a ({a[-back]}) must match the size of tensor b "
                    f"({b[-back]}) at non-singleton dimension {dim} ({op.name}: shapes {a} and {b})"
                )
    return ShapeError(f"{op.name}: {error}; shapes {', '.join(map(str, shapes))}")


def unary(op: type[Op]) -> Callable[[Any], Any]:
    """The short cut of an elementwise op of one argument."""
    forward = getattr(np, op.ufunc) if op.ufunc else functools.partial(op.forward, np)
    cls, floats, Tensor = op.node_class, op.promotes == "float", _tensor_class[0]
    differentiable = op.differentiable
    save_in, save_out = "input" in op.saves, "out" in op.saves
    if op.keeps or op.view or op.joint is not None:
        return lambda input: apply(op, (input,))

    def call(input: Any) -> Any:
        try:
            x = input._array
        except AttributeError:
            return apply(op, (input,))
        if type(x) is not ndarray or (floats and x.dtype.kind != "f"):
            return apply(op, (input,))
        token = set_errors(IGNORE)
        try:
            r = forward(x)
        finally:
            reset_errors(token)
        out = new(Tensor)
        out._array = r if type(r) is ndarray else asarray(r)
        out._node = out._storage = out._view = out._grad = None
        recording = mode()
        if recording > 0:
            edge = input._node if input._view is None else edge_of(input)
            if edge is not None and differentiable:
                out._node = node = new(cls)  # `record`, written out: a call costs as much as it
                node.edges = (edge,)
                node.shape = r.shape
                node.saved = node.stores = node.params = ()
                node.hooks = None
                node.seq = tick()
                frame = getframe(1)
                while frame.f_code.co_filename in OUR_FILES and frame.f_back is not None:
                    frame = frame.f_back
                node.code = frame.f_code
                node.lasti = frame.f_lasti
                if save_out:
                    out._storage = store = Storage()
                    node.saved, node.stores = (out._array,), (store,)
                    if save_in:
                        node.saved = (x, out._array)
                        node.stores = (may_save(input), store)
                elif save_in:
                    node.saved, node.stores = (x,), (may_save(input),)
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


def binary(op: type[Op], operator: bool = False) -> Callable[[Any, Any], Any]:
    """The short cut of an elementwise op of two arguments; as ``x * y`` it may decline."""
    forward = getattr(np, op.ufunc) if op.ufunc else functools.partial(op.forward, np)
    cls, floats, Tensor = op.node_class, op.promotes == "float", _tensor_class[0]
    differentiable = op.differentiable
    wanted = dict(zip(op.saves, op.wanted_by, strict=True))
    saves_x, saves_y = "input" in wanted, "other" in wanted
    # Which of (input, other) the gradient of input asks for, which that of other, which either.
    for_left, for_right = (tuple(i in wanted.get(n, ()) for n in op.inputs) for i in (0, 1))
    for_both = tuple(map(operators.or_, for_left, for_right))
    if "out" in wanted or op.keeps or op.joint is not None:
        return lambda input, other: apply(op, (input, other))

    def call(input: Any, other: Any) -> Any:
        kind = other.__class__
        try:
            x = input._array
            if kind is Tensor:
                y = other._array
                usual = x.dtype is y.dtype
            elif kind is float or kind is int:
                y = other
                usual = x.dtype.kind == "f"
            elif operator and not isinstance(other, OPERANDS):
                return NotImplemented
            else:
                y = other._array
                usual = x.dtype is y.dtype
        except AttributeError:
            usual = False
        if not usual or type(x) is not ndarray or (floats and x.dtype.kind != "f"):
            return apply(op, (input, other))
        token = set_errors(IGNORE)
        try:
            r = forward(x, y)
        except ValueError as error:
            raise shape_error(op, (x, y), error) from error
        finally:
            reset_errors(token)
        out = new(Tensor)
        out._array = r if type(r) is ndarray else asarray(r)
        out._node = out._storage = out._view = out._grad = None
        recording = mode()
        if recording > 0:
            left = input._node if input._view is None else edge_of(input)
            if y is other:
                right = None
            else:
                right = other._node if other._view is None else edge_of(other)
            if (left is not None or right is not None) and differentiable:
                out._node = node = new(cls)  # `record`, written out: a call costs as much as it
                node.edges = (left, right)
                node.shape = r.shape
                node.saved = node.stores = node.params = ()
                node.hooks = None
                node.seq = tick()
                frame = getframe(1)
                while frame.f_code.co_filename in OUR_FILES and frame.f_back is not None:
                    frame = frame.f_back
                node.code = frame.f_code
                node.lasti = frame.f_lasti
                if not wanted:
                    return out
                if right is None:
                    keep_x, keep_y = for_left
                else:
                    keep_x, keep_y = for_right if left is None else for_both
                x_store = y_store = None
                if keep_x:
                    x_store = input._storage
                    if type(x_store) is not Storage:
                        x_store = may_save(input)
                else:
                    x = None
                if not keep_y:
                    y = None
                elif y is not other:
                    y_store = other._storage
                    if type(y_store) is not Storage:
                        y_store = may_save(other)
                if saves_x and saves_y:
                    node.saved, node.stores = (x, y), (x_store, y_store)
                elif saves_x:
                    node.saved, node.stores = (x,), (x_store,)
                else:
                    node.saved, node.stores = (y,), (y_store,)
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


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


def check_same_device(op: str, values: Sequence[Any]) -> None:
    """Raise torch's error if arrays lie on different devices."""
    from minigrad.backend import backend_of

    places = {str(backend_of(v).device_of(v)) for v in values if hasattr(v, "shape")}
    if len(places) > 1:
        one, two, *_ = sorted(places)
        raise DeviceError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{one} and {two}! ({op}: move one of them with .to(device))"
        )


__all__ = ["DtypeError", "apply", "binary", "edge_of", "finish", "graph", "make", "run", "unary"]
