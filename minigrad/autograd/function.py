"""``Function``: a user's own op, with a forward and a backward on Tensors.

Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

from minigrad import dtypes
from minigrad.autograd.apply import edge_of, make, may_save, pack
from minigrad.autograd.context import FunctionCtx
from minigrad.autograd.graph import (
    Node,
    Output,
    Storage,
    call_site,
    new,
    storage_of,
    tick,
)
from minigrad.autograd.inplace import check_writable, rebase
from minigrad.autograd.modes import MODE, NO_GRAD, PACKING
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import GradientShapeError


class FunctionNode(Node):
    """One call of a Function in the graph; ``ctx`` is what its forward left."""

    op = None
    function: type[Function]
    ctx: FunctionCtx
    positions: list[int | None]
    argument_dtypes: list[Any]
    origins: list[tuple[str, Any]]
    zeros_like: list[Any]

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at 0x{id(self):x}>"

    def __getattr__(self, name: str) -> Any:
        """What users wrote on the context, which in torch is the node itself."""
        if name == "ctx":
            raise AttributeError(name)
        return getattr(self.ctx, name)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved, with its place in the graph; an error if freed or overwritten."""
        values = self.read_saved()
        return tuple(
            None if value is None else self._unpack(value, store, origin)
            for value, store, origin in zip(values, self.stores, self.origins, strict=True)
        )

    def saved_places(self) -> list[Node | None]:
        """Where in the graph the saved values stand; an output stands nowhere, for hooks."""
        return [None if at[0] == "output" else self._origin(at) for at in self.origins]

    def _unpack(self, value: Any, store: Storage | None, origin: Any) -> Any:
        """A saved value as a Tensor; it shares its storage, so that later writes are noticed."""
        tensor = make(value, self._origin(origin))
        tensor._storage = store
        return tensor

    def _origin(self, origin: Any) -> Node | None:
        """The node of a saved input or of this function's own output."""
        kind, index = origin
        if kind == "input":
            return self.edges[index]  # type: ignore[no-any-return]
        if kind == "output":
            return Output(self, index, self.shape[index])
        return index  # type: ignore[no-any-return]

    def user_vjp(self, g: Any, reading: Any) -> list[Any]:
        """Call the user's backward and check what it returns."""
        self.check()
        given = []
        for index, part in enumerate(g):
            if part is None and self.ctx.materialize_grads and self.zeros_like[index] is not None:
                part = self.zeros(index)
            given.append(None if part is None else reading.to_tensor(part))
        returned = self.function.backward(self.ctx, *given)
        returned = returned if isinstance(returned, tuple) else (returned,)
        count = len(self.positions)
        if len(returned) > count and all(r is None for r in returned[count:]):
            returned = returned[:count]
        if len(returned) != count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {count}, got {len(returned)})"
            )
        for index, (position, r) in enumerate(zip(self.positions, returned, strict=True)):
            if position is None and r is not None:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position "
                    f"{index + 1}, but the corresponding forward input was not a Variable"
                )
        places = [p for p in self.positions if p is not None]
        return [
            None
            if edge is None or returned[p] is None
            else self._fitted(p, returned[p], edge, reading)
            for p, edge in zip(places, self.edges, strict=True)
        ]

    def _fitted(self, position: int, g: Any, edge: Node, reading: Any) -> Any:
        """A gradient that the user returned, in the dtype and shape of its argument."""
        if not isinstance(g, TensorBase):
            raise RuntimeError(
                f"expected Variable or None (got {type(g).__name__}) from {self.name()}"
            )
        fitted, F, shape, dtype = reading.from_tensor(g), reading.F, edge.shape, g._array.dtype
        if dtype != self.argument_dtypes[position]:
            fitted = F.cast(fitted, dtypes.of_numpy(self.argument_dtypes[position]))
        if g._array.shape == shape:
            return fitted
        if not _broadcasts_to(shape, g._array.shape):
            raise GradientShapeError(
                f"Function {self.name()} returned an invalid gradient at index {position} - got "
                f"{list(g._array.shape)} but expected shape compatible with {list(shape)} "
                f"(of argument {position + 1}) [{self.where()}]"
            )
        return F.sum_to(fitted, shape)

    def zeros(self, index: int) -> Any:
        """A zero cotangent for an output that nobody used."""
        xp, dtype = self.zeros_like[index]
        return xp.zeros(self.shape[index], dtype)


def _broadcasts_to(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    """Whether a gradient of the large shape can be summed to the small one."""
    tail = large[len(large) - len(small) :]
    return len(small) <= len(large) and all(a in (1, b) for a, b in zip(small, tail, strict=True))


class Function:
    """A user-defined op: ``forward(ctx, *args)`` and ``backward(ctx, *grads)`` as static methods.

    Called by ``apply``. backward runs on Tensors, so it can be differentiated again.

    >>> import minigrad as torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         x, = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = torch.tensor(3., requires_grad=True)
    >>> Square.apply(x).backward(); x.grad
    tensor(6.)
    """

    _node_class: type[FunctionNode] | None = None

    def __init__(self) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function will raise an error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; the user's to write."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save for backward apart from forward, which then takes no ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of forward's arguments; the user's to write."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: a Function is applied by its class."""
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method: call .apply of the class."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward unrecorded, and record the call as one node."""
        if cls.__dict__.get("_node_class") is None:
            cls._node_class = type(f"{cls.__name__}Backward", (FunctionNode,), {})
            cls._node_class.function = cls
        assert cls._node_class is not None
        node = new(cls._node_class)
        apart = cls.setup_context is not Function.setup_context
        if apart:  # it is told of defaults too
            args, kwargs = _bound(cls.forward, args, kwargs), {}
        given = (*args, *kwargs.values())
        _prepare(node, given)
        token = MODE.set(min(MODE.get(), NO_GRAD))
        try:
            if apart:
                output = cls.forward(*args)
                cls.setup_context(node.ctx, args, output)
            else:
                output = cls.forward(node.ctx, *args, **kwargs)
        finally:
            MODE.reset(token)
        return _record(node, given, output)


_signature = functools.lru_cache(maxsize=128)(inspect.signature)


def _bound(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """The arguments of a call in their order, with those that were left to their defaults.

    >>> _bound(lambda x, times=2: x, (), {"x": 1})
    (1, 2)
    """
    bound = _signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _prepare(node: FunctionNode, args: tuple[Any, ...]) -> None:
    """Fill in what the node knows before forward runs."""
    recording = MODE.get() > 0
    edges = [edge_of(a) if isinstance(a, TensorBase) and recording else None for a in args]
    tensor_edges = [e for a, e in zip(args, edges, strict=True) if isinstance(a, TensorBase)]
    node.edges = tuple(tensor_edges)
    node.argument_dtypes = [getattr(getattr(a, "_array", None), "dtype", None) for a in args]
    node.positions = [i if isinstance(a, TensorBase) else None for i, a in enumerate(args)]
    node.params = node.saved = node.stores = ()
    node.origins = []
    node.hooks = None
    node.shape = ()
    node.seq = tick()
    node.code, node.lasti = call_site(3)
    node.ctx = FunctionCtx(node, tuple(e is not None for e in edges))


def _record(node: FunctionNode, args: tuple[Any, ...], output: Any) -> Any:
    """Point the outputs to the node, and save what forward asked to save."""
    ctx = node.ctx
    single = not isinstance(output, tuple)
    outs: list[Any] = [output] if single else list(output)
    dirty = {id(t) for t in ctx.dirty_tensors}
    given = {id(a): a for a in args if isinstance(a, TensorBase)}
    if not dirty <= {id(o) for o in outs}:
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are modified inplace must all be outputs of the Function."
        )
    if all(edge is None for edge in node.edges):
        for tensor in ctx.dirty_tensors:
            storage_of(tensor).write()
        return output
    for tensor in ctx.dirty_tensors:
        check_writable(tensor, args)
        storage_of(tensor).write()
    # An input returned as it is must not lose its own history: the output is a new view of it.
    results = [
        make(o._array) if isinstance(o, TensorBase) and id(o) in given and id(o) not in dirty else o
        for o in outs
    ]
    _save(node, args, outs)
    node.seq = tick()
    node.shape = tuple(o._array.shape if isinstance(o, TensorBase) else () for o in results)
    node.zeros_like = [_zeros(o) for o in results]
    constant = {id(t) for t in ctx.non_differentiable}
    for index, (result, out) in enumerate(zip(results, outs, strict=True)):
        floating = isinstance(result, TensorBase) and result._array.dtype.kind in "fV"
        if floating and id(out) not in constant:
            place = Output(node, index, result._array.shape)
            if id(out) in dirty:
                rebase(result, place)
            else:
                result._node = place
    # An output kept here would hold its own graph.
    ctx.dirty_tensors = ctx.non_differentiable = ()
    return results[0] if single else tuple(results)


def _zeros(out: Any) -> Any:
    from minigrad.backend import xp_of

    return (xp_of(out._array), out._array.dtype) if isinstance(out, TensorBase) else None


def _save(node: FunctionNode, args: tuple[Any, ...], outs: list[Any]) -> None:
    """Keep arrays, and where each came from: keeping the Tensors would tie a knot in the graph."""
    inputs = [a for a in args if isinstance(a, TensorBase)]
    saved: list[Any] = []
    stores: list[Any] = []
    origins: list[tuple[str, Any]] = []
    for tensor in node.ctx.to_save:
        if tensor is None:
            saved.append(None)
            stores.append(None)
            origins.append(("none", None))
            continue
        origin: tuple[str, Any] = ("none", tensor._node)
        for index, source in enumerate(inputs):
            if source is tensor:
                origin = ("input", index)
        for index, out in enumerate(outs):
            if out is tensor and origin[0] == "none":
                origin = ("output", index)
        saved.append(tensor._array)
        stores.append(may_save(tensor))
        origins.append(origin)
    node.saved, node.stores, node.origins = tuple(saved), tuple(stores), origins
    node.ctx.to_save = ()
    if MODE.get() == PACKING:
        pack(node)


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that can't be differentiated: a second derivative then raises.

    >>> import minigrad as torch
    >>> from minigrad.autograd.function import once_differentiable
    >>> class Twice(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, g):
    ...         return 2 * g
    """

    @functools.wraps(fn)
    def backward(ctx: Any, *gradients: Any) -> Any:
        token = MODE.set(min(MODE.get(), NO_GRAD))
        try:
            returned = fn(ctx, *gradients)
        finally:
            MODE.reset(token)
        if not any(g is not None and edge_of(g) is not None for g in gradients):
            return returned
        several = returned if isinstance(returned, tuple) else (returned,)
        barred = tuple(r if r is None else _Barrier.apply(r.detach(), *gradients) for r in several)
        return barred if isinstance(returned, tuple) else barred[0]

    return backward


class InplaceFunction(Function):
    """torch's old base of functions that may write in place; a plain Function."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace


class _Barrier(Function):
    """Lets a value through, but no derivative."""

    @staticmethod
    def forward(ctx: Any, value: Any, *sources: Any) -> Any:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]
