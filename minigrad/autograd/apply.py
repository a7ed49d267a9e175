"""Running an op: arrays in, arrays out, and a node where a gradient is wanted.

Three ways in, one meaning: ``apply`` takes any op; ``unary`` and ``binary`` build the short cuts
for elementwise ops that every ``x * y`` goes through, and fall back on ``apply`` for whatever is
not plain (mixed dtypes, integers under a float function, another device).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd import graph
from minigrad.autograd.graph import (
    PACKAGE,
    InferenceStorage,
    Node,
    Output,
    Storage,
    View,
    call_site,
    new,
    storage_of,
    tick,
)
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import xp_of
from minigrad.backend.numpy_backend import quiet, unquiet
from minigrad.errors import DeviceError, DtypeError, ShapeError

ndarray = np.ndarray
mode = MODE.get
getframe = sys._getframe
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
        raise _shape_error(op, values, error) from error
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
        from minigrad.autograd.op import node_class

        cls = node_class(op, op.grad_fn(*params))
    node = new(cls)
    node.edges = edges
    node.params = params
    node.hooks = None
    node.code, node.lasti = call_site(2)
    node.shape = outs[0]._array.shape
    node.seq = tick()
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
    return values[index], may_save(storage_of(source))


def may_save(storage: Storage) -> Storage:
    """The storage itself, unless it was made in inference mode."""
    if storage.inference:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. To work around you can make a clone "
            "to get a normal tensor and use it in autograd."
        )
    return storage


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


def _is_number(value: Any) -> bool:
    return isinstance(value, (TensorBase, int, float, complex, np.number, np.bool_))


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


def _shape_error(op: type[Op], values: Sequence[Any], error: ValueError) -> RuntimeError:
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
    forward = getattr(np, op.ufunc) if op.ufunc else lambda x: op.forward(np, x)
    cls, floats, Tensor = op.node_class, op.promotes == "float", _tensor_class[0]
    save_in, save_out = "input" in op.saves, "out" in op.saves
    plain = not op.keeps and not op.view and op.pulls is not None

    def call(input: Any) -> Any:
        try:
            x = input._array
        except AttributeError:
            return apply(op, (input,))
        if type(x) is not ndarray or not plain or (floats and x.dtype.kind != "f"):
            return apply(op, (input,))
        token = quiet()
        try:
            r = forward(x)
        finally:
            unquiet(token)
        out = new(Tensor)
        out._array = r if type(r) is ndarray else np.asarray(r)
        out._node = out._storage = out._view = out._grad = None
        recording = mode()
        if recording > 0:
            edge = input._node if input._view is None else edge_of(input)
            if edge is not None and differentiable:
                out._node = node = new(cls)
                node.edges = (edge,)
                node.params = ()
                node.hooks = None
                node.shape = r.shape
                node.seq = tick()
                frame = getframe(1)
                while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back:
                    frame = frame.f_back
                node.code = frame.f_code
                node.lasti = frame.f_lasti
                if save_out:
                    out._storage = store = Storage()
                    node.saved, node.stores = (out._array,), (store,)
                    if save_in:
                        node.saved = (x, out._array)
                        node.stores = (may_save(storage_of(input)), store)
                elif save_in:
                    node.saved, node.stores = (x,), (may_save(storage_of(input)),)
                else:
                    node.saved = node.stores = ()
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    differentiable = op.differentiable
    return call


def binary(op: type[Op], operator: bool = False) -> Callable[[Any, Any], Any]:
    """The short cut of an elementwise op of two arguments; as ``x * y`` it may decline."""
    forward = getattr(np, op.ufunc) if op.ufunc else lambda x, y: op.forward(np, x, y)
    cls, floats, Tensor = op.node_class, op.promotes == "float", _tensor_class[0]
    differentiable = op.differentiable
    wanted = dict(zip(op.saves, op.wanted_by, strict=True))
    # For each value that may be saved: does the gradient of input (other) ask for it?
    x_for_x, x_for_y = 0 in wanted.get("input", ()), 1 in wanted.get("input", ())
    y_for_x, y_for_y = 0 in wanted.get("other", ()), 1 in wanted.get("other", ())
    saves_x, saves_y = "input" in wanted, "other" in wanted
    special = "out" in wanted or bool(op.keeps) or op.pulls is None or None in op.pulls

    def call(input: Any, other: Any) -> Any:
        try:
            x = input._array
            if type(other) is float or type(other) is int:
                y, right = other, None
                if x.dtype.kind != "f":
                    return apply(op, (input, other))
            else:
                y, right = other._array, other._node
                if x.dtype is not y.dtype or (floats and x.dtype.kind != "f"):
                    return apply(op, (input, other))
        except AttributeError:
            if operator and not _is_number(other):
                return NotImplemented
            return apply(op, (input, other))
        if type(x) is not ndarray or (special and differentiable):
            return apply(op, (input, other))
        token = quiet()
        try:
            r = forward(x, y)
        except ValueError as error:
            raise _shape_error(op, (x, y), error) from error
        finally:
            unquiet(token)
        out = new(Tensor)
        out._array = r if type(r) is ndarray else np.asarray(r)
        out._node = out._storage = out._view = out._grad = None
        recording = mode()
        if recording > 0:
            left = input._node if input._view is None else edge_of(input)
            if right is not None or y is not other:
                right = right if other._view is None else edge_of(other)
            if (left is not None or right is not None) and differentiable:
                out._node = node = new(cls)
                node.edges = (left, right)
                node.params = ()
                node.hooks = None
                node.shape = r.shape
                node.seq = tick()
                frame = getframe(1)
                while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back:
                    frame = frame.f_back
                node.code = frame.f_code
                node.lasti = frame.f_lasti
                if not wanted:
                    node.saved = node.stores = ()
                    return out
                keep_x = (x_for_x and left is not None) or (x_for_y and right is not None)
                keep_y = (y_for_x and left is not None) or (y_for_y and right is not None)
                sx = may_save(storage_of(input)) if keep_x else None
                sy = may_save(storage_of(other)) if keep_y and y is not other else None
                if saves_x and saves_y:
                    node.saved = (x if keep_x else None, y if keep_y else None)
                    node.stores = (sx, sy)
                elif saves_x:
                    node.saved, node.stores = (x if keep_x else None,), (sx,)
                else:
                    node.saved, node.stores = (y if keep_y else None,), (sy,)
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


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
