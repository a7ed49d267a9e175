"""The short cuts for ops of one tensor, views, ops of two, and all others: ``x * y`` goes here.

They do what ``general`` does, in one function and without loops, and hand over to it whatever is
not plain: mixed dtypes, integers under a float function, another device.
"""

from __future__ import annotations

import functools
import operator as operators
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.apply import (
    any_other,
    as_array,
    edge_of,
    general,
    may_save,
    pack,
    record,
    share,
    tensor_class,
)
from minigrad.autograd.arguments import OPERANDS, alike, array_error, holds, plain_kinds
from minigrad.autograd.graph import (
    OUR_FILES,
    AccumulateGrad,
    InferenceStorage,
    Storage,
    new,
    tick,
    view_of,
)
from minigrad.autograd.modes import MODE, PACKING
from minigrad.autograd.op import Binary, Op, tensors
from minigrad.backend.native import ufunc
from minigrad.backend.numpy_backend import IGNORE, reset_errors, set_errors

ndarray, asarray = np.ndarray, np.asarray
direct: Any = np.ndarray  # as in apply.py, which `amp.casting` changes too
mode, getframe = MODE.get, sys._getframe


def single(op: type[Op], depth: int) -> Callable[..., Any]:
    """The short cut of an op of one tensor, with any parameters: elementwise, a sum."""
    forward = ufunc(np, op.ufunc) if op.ufunc else functools.partial(op.forward, np)
    cls, kinds, Tensor = op.node_class, plain_kinds(op), tensor_class()
    differentiable, nothing = op.differentiable, (None,) if op.holds else ()
    save_in, save_out = "input" in op.saves, "out" in op.saves
    last_code: Any = None  # the user's code that was last found to call this op

    def call(input: Any, *params: Any) -> Any:
        nonlocal last_code
        try:
            x = input._array
        except AttributeError:
            return general(op, (input,), params)
        if type(x) is not direct or (kinds and x.dtype.kind not in kinds):
            return general(op, (input,), params)
        token = set_errors(IGNORE)
        try:
            r = forward(x, *params) if params else forward(x)
        except (ValueError, TypeError) as error:
            raise array_error(op, (x,), error) from error
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
                node.params = params
                node.hooks = None
                node.seq = tick()
                frame = getframe(depth)
                code = frame.f_code
                if code is not last_code:  # in a loop it is the same again: the user's own
                    while code.co_filename in OUR_FILES and frame.f_back is not None:
                        frame = frame.f_back
                        code = frame.f_code
                    last_code = code
                node.code = code
                node.lasti = frame.f_lasti
                if save_out:
                    out._storage = store = Storage()
                    node.saved, node.stores = (out._array,), (store,)
                    if save_in:
                        node.saved = (x, out._array)
                        node.stores = (may_save(input), store)
                elif save_in:
                    node.saved, node.stores = (x,), (may_save(input),)
                else:
                    node.saved, node.stores = (), nothing
                if recording == PACKING:
                    pack(node)
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


def viewing(op: type[Op]) -> Callable[..., Any]:
    """The short cut of a view of one tensor: no arithmetic, and so no errors to silence."""
    forward = functools.partial(op.forward, np)
    cls, Tensor = op.node_class, tensor_class()

    def call(input: Any, *params: Any) -> Any:
        try:
            x = input._array
        except AttributeError:
            return general(op, (input,), params)
        if type(x) is not ndarray:
            return general(op, (input,), params)
        try:
            r = forward(x, *params)
        except (ValueError, TypeError) as error:
            raise array_error(op, (x,), error) from error
        out = new(Tensor)
        out._array = r
        out._node = out._storage = out._grad = out._view = None
        recording = mode()
        root = r.base
        if recording >= 0 and (r is x or (root is not None and (root is x or root is x.base))):
            storage = input._storage
            if storage is None:
                storage = input._storage = Storage()
            out._storage = storage
            out._view = view_of(input, (op, params, None), recording > 0)
            if recording == 0 and input._node is not None:
                out._node = AccumulateGrad(out)  # torch: a view made in no_grad mode is a leaf
        else:
            share(op, input, params, out, None)
            if recording < 0 and out._storage is None:
                out._storage = InferenceStorage()
        if recording > 0:
            edge = input._node if input._view is None else edge_of(input)
            if edge is not None:
                out._node = node = record(cls, (edge,), r.shape, getframe(1))
                node.params = params
        return out

    return call


def binary(op: type[Op], depth: int, operator: bool) -> Callable[[Any, Any], Any]:
    """The short cut of an elementwise op of two arguments; as ``x * y`` it may decline."""
    forward = ufunc(np, op.ufunc) if op.ufunc else functools.partial(op.forward, np)
    cls, kinds, Tensor = op.node_class, plain_kinds(op), tensor_class()
    differentiable, numbers = op.differentiable, op.numbers is None or "other" in op.numbers
    wanted = dict(zip(op.saves, op.wanted_by, strict=True))
    saves_x, saves_y = "input" in wanted, "other" in wanted
    # Which of (input, other) the gradient of input asks for, which that of other, which either.
    for_left, for_right = (tuple(i in wanted.get(n, ()) for n in op.inputs) for i in (0, 1))
    for_both = tuple(map(operators.or_, for_left, for_right))
    compares, as_they_are = op.name == "eq", "fd" if op.wide else "efd"
    last_code: Any = None  # the user's code that was last found to call this op

    def call(input: Any, other: Any) -> Any:
        nonlocal last_code
        kind = type(other)
        try:
            x = input._array
            if kind is Tensor:
                y = other._array
                usual = x.dtype is y.dtype
            elif (kind is float or kind is int) and numbers:
                y = other
                usual = x.dtype.char in as_they_are
                if not usual and kind is int and holds(x.dtype.char, other):
                    usual = True
                    if not op.ufunc:  # a forward of ours may ask for its dtype
                        y = other = x.dtype.type(other)
            elif operator and not isinstance(other, OPERANDS):
                if compares and kind is ndarray:  # as torch does, of `==` alone
                    return call(input, tensors.from_array(other))
                return NotImplemented
            else:
                y = other._array
                usual = x.dtype is y.dtype
        except AttributeError:
            usual = False
        if not usual or type(x) is not direct or (kinds and x.dtype.kind not in kinds):
            same = alike(op, input, other) if numbers or kind is Tensor else None
            return general(op, (input, other)) if same is None else call(*same)
        token = set_errors(IGNORE)
        try:
            r = forward(x, y)
        except (ValueError, TypeError) as error:
            if y is not other and type(y) is not ndarray:  # on a card
                return general(op, (input, other))
            raise array_error(op, (x, y), error) from error
        finally:
            reset_errors(token)
        out = new(Tensor)
        out._array = r if type(r) is ndarray else asarray(r)
        out._node = out._storage = out._view = out._grad = None
        recording = mode()
        if recording > 0:
            left = input._node if input._view is None else edge_of(input)
            right = None
            if y is not other:
                right = other._node if other._view is None else edge_of(other)
            if (left is not None or right is not None) and differentiable:
                out._node = node = new(cls)  # `record`, written out: a call costs as much as it
                node.edges = (left, right)
                node.shape = r.shape
                node.params = ()
                node.hooks = None
                node.seq = tick()
                frame = getframe(depth)
                code = frame.f_code
                if code is not last_code:  # in a loop it is the same again: the user's own
                    while code.co_filename in OUR_FILES and frame.f_back is not None:
                        frame = frame.f_back
                        code = frame.f_code
                    last_code = code
                node.code = code
                node.lasti = frame.f_lasti
                if not wanted:
                    node.saved = node.stores = ()
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
                if not (keep_x or keep_y):
                    node.stores = ()  # nothing to free; a number that is asked for is something
                if recording == PACKING:
                    pack(node)
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


def several(op: type[Op], depth: int) -> Callable[..., Any]:
    """The short cut of any op with one result: a few tensors, some absent, kept values, a vjp."""
    forward = functools.partial(op.forward, np)
    cls, Tensor, count = op.node_class, tensor_class(), len(op.inputs)
    kinds, one_type, check = plain_kinds(op), bool(op.promotes), op.check
    keeps, absent, differentiable = bool(op.keeps), op.numbers is None, op.differentiable
    # Where each saved value is found, and whose gradients ask for it. The output stands after the
    # arguments, and what was kept after the output.
    starts = {"input": 0, "out": count, "kept": count + 1}
    sources = [
        (starts[kind] + index, wanted)
        for (kind, index), wanted in zip(op.sources, op.wanted_by, strict=True)
    ]
    arguments = [i for i in range(count) if i not in op.constants]
    otherwise = any_other(op)  # with numbers in the place of tensors
    last_code: Any = None  # the user's code that was last found to call this op

    def call(*args: Any) -> Any:
        nonlocal last_code
        inputs, params = args[:count], args[count:]
        try:
            values: list[Any] = [None if t is None else t._array for t in inputs]
        except AttributeError:
            return otherwise(*args)
        dtype = None
        for value in values:
            if type(value) is direct:
                if dtype is None:
                    dtype = value.dtype
                elif one_type and value.dtype is not dtype:
                    return general(op, inputs, params)
            elif value is not None or not absent:
                return general(op, inputs, params)
        if dtype is None or (kinds and dtype.kind not in kinds):
            return general(op, inputs, params)
        if check is not None:
            check(inputs)
        token = set_errors(IGNORE)
        try:
            r = forward(*values, *params)
        except (ValueError, TypeError) as error:
            raise array_error(op, values, error) from error
        finally:
            reset_errors(token)
        kept: Any = ()
        if keeps:
            r, *kept = r
        out = new(Tensor)
        out._array = r = r if type(r) is ndarray else as_array(r)
        out._node = out._storage = out._view = out._grad = None
        recording = mode()
        if recording > 0:
            edges: list[Any] = [None] * count
            wants = False
            for i in arguments:
                tensor = inputs[i]
                if tensor is not None:
                    edge = tensor._node if tensor._view is None else edge_of(tensor)
                    if edge is not None:
                        edges[i] = edge
                        wants = differentiable
            if wants and r.dtype.kind in "fV":
                out._node = node = new(cls)  # `record`, written out: a call costs as much as it
                node.edges = tuple(edges)
                node.shape = r.shape
                node.params = params
                node.hooks = None
                node.seq = tick()
                frame = getframe(depth)
                code = frame.f_code
                if code is not last_code:  # in a loop it is the same again: the user's own
                    while code.co_filename in OUR_FILES and frame.f_back is not None:
                        frame = frame.f_back
                        code = frame.f_code
                    last_code = code
                node.code = code
                node.lasti = frame.f_lasti
                saved: list[Any] = []
                stores: list[Any] = []
                to_free = False  # a node that saved no array can run again
                for index, wanted in sources:
                    value = store = None
                    for i in wanted:
                        if edges[i] is not None:
                            if index < count:
                                tensor = inputs[index]
                                if tensor is not None:
                                    value, store = values[index], tensor._storage
                                    if type(store) is not Storage:
                                        store = may_save(tensor)
                                    to_free = True
                            elif index > count:
                                value = kept[index - count - 1]
                                to_free = to_free or type(value) is ndarray
                            else:
                                value, store = r, Storage()
                                out._storage, to_free = store, True
                            break
                    saved.append(value)
                    stores.append(store)
                node.saved = tuple(saved)
                node.stores = tuple(stores) if to_free else ()
                if recording == PACKING:
                    pack(node)
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


def short_cut(op: type[Op], depth: int = 1, operator: bool = False) -> Callable[..., Any] | None:
    """The short cut that fits an op; as an operator only one that may decline, or None.

    ``depth`` is how far above it the user's frame usually is: 2 behind a public function of ours.
    """
    if (made := _fitting(op, depth, operator)) is not None:
        op.cuts.append(made)
    return made


def _fitting(op: type[Op], depth: int, operator: bool) -> Callable[..., Any] | None:
    one = op.outputs == 1 and not (op.writes or op.variadic)
    if one and op.joint is None and not op.keeps:
        if op.inputs == ("input",) and op.promotes != "common":
            if not op.view:
                return single(op, depth)
            if op.differentiable and not op.saves:
                return viewing(op)
        pair = op.inputs == ("input", "other") and not op.params and "out" not in op.saves
        if pair and issubclass(op, Binary):
            return binary(op, depth, operator)
    if operator:
        return None
    return several(op, depth) if one and not op.view else any_other(op)
