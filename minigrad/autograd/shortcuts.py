"""The short cuts for elementwise ops of one and two arguments, which every ``x * y`` goes through.

They do what ``apply`` does, in one function and without loops, and hand over to it whatever is not
plain: mixed dtypes, integers under a float function, another device, saved extras.
"""

from __future__ import annotations

import functools
import operator as operators
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply, edge_of, may_save, tensor_class
from minigrad.autograd.arguments import OPERANDS, shape_error
from minigrad.autograd.graph import OUR_FILES, InferenceStorage, Storage, new, tick
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.backend.numpy_backend import IGNORE, reset_errors, set_errors

ndarray, asarray = np.ndarray, np.asarray
mode = MODE.get
getframe = sys._getframe


def unary(op: type[Op]) -> Callable[[Any], Any]:
    """The short cut of an elementwise op of one argument."""
    forward = getattr(np, op.ufunc) if op.ufunc else functools.partial(op.forward, np)
    cls, floats, Tensor = op.node_class, op.promotes == "float", tensor_class()
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
                node.params = ()
                node.hooks = None
                node.seq = tick()
                frame = getframe(1)
                code = frame.f_code
                while code.co_filename in OUR_FILES and frame.f_back is not None:
                    frame = frame.f_back
                    code = frame.f_code
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
                    node.saved = node.stores = ()
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call


def binary(op: type[Op], operator: bool = False) -> Callable[[Any, Any], Any]:
    """The short cut of an elementwise op of two arguments; as ``x * y`` it may decline."""
    forward = getattr(np, op.ufunc) if op.ufunc else functools.partial(op.forward, np)
    cls, floats, Tensor = op.node_class, op.promotes == "float", tensor_class()
    differentiable = op.differentiable
    wanted = dict(zip(op.saves, op.wanted_by, strict=True))
    saves_x, saves_y = "input" in wanted, "other" in wanted
    # Which of (input, other) the gradient of input asks for, which that of other, which either.
    for_left, for_right = (tuple(i in wanted.get(n, ()) for n in op.inputs) for i in (0, 1))
    for_both = tuple(map(operators.or_, for_left, for_right))
    if "out" in wanted or op.keeps or op.joint is not None:
        return lambda input, other: apply(op, (input, other))

    def call(input: Any, other: Any) -> Any:
        kind = type(other)
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
                frame = getframe(1)
                code = frame.f_code
                while code.co_filename in OUR_FILES and frame.f_back is not None:
                    frame = frame.f_back
                    code = frame.f_code
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
        elif recording < 0:
            out._storage = InferenceStorage()
        return out

    return call
