"""An op: a ``forward`` on arrays and a derivative per argument, written once, read twice.

The derivative ``grad_<argument>`` asks for what it needs *by name*, in its signature:

=====================  ==========================================================================
``g``                  the cotangent of the output (a tuple if there are several outputs)
an argument's name     that argument; it is saved in forward, but only if this gradient is wanted
``out``                the output, saved likewise
a name in ``keeps``    what forward returned after its output(s), for this very purpose
a parameter's name     the parameter (``dim``, ``stride``, ...)
``shape``              the shape that this gradient must have
``F``                  the ops themselves, for what operators on ``g`` cannot say
=====================  ==========================================================================

The same text is run on plain arrays for a first-order gradient (``F`` is :data:`arrays`), and on
Tensors, recorded, for ``create_graph=True`` (``F`` is :data:`tensors`): every order, one formula.
An op whose gradients share work defines ``vjp`` instead, with the same names and ``needs``,
and returns one gradient for each argument.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

from minigrad.autograd.graph import Node, Output
from minigrad.autograd.signatures import arguments_of, empty, names_of
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, halves, native, xp_of

# Every primitive op by name, read on arrays and read on Tensors.
arrays: Any = SimpleNamespace()
tensors: Any = SimpleNamespace()

Pull = Callable[[Any, Sequence[Any], Node, Any], Any]


class Op:
    """Base of all primitive ops; a subclass is never instantiated.

    ``forward(xp, *tensors, *params)`` takes arrays first (annotated ``Array``, or not annotated
    and without a default), then parameters.
    """

    name: ClassVar[str] = ""
    broadcasts: ClassVar[bool] = False  # the engine sums gradients back to the arguments' shapes
    # "common": arguments are brought to one dtype; "float": and that a float; "same": they have
    # one dtype already, or it is an error
    promotes: ClassVar[str] = ""
    mixed: ClassVar[Callable[..., Exception] | None] = None  # torch's error for several dtypes
    kinds: ClassVar[str] = ""  # NumPy's letters of the dtypes that have it ("fV": floats); "": all
    numbers: ClassVar[tuple[str, ...] | None] = None  # arguments that may be numbers; None: any
    check: ClassVar[Callable[..., None] | None] = None  # of the arguments, as given
    view: ClassVar[bool] = False  # the output may share the first argument's memory
    holds: ClassVar[bool] = False  # its parameters hold arrays, which backward frees
    writes: ClassVar[bool] = False  # forward writes into its first argument and returns it
    # torch's in-place form for plain arrays of floats, written into the first; TypeError: not so
    straight: ClassVar[Callable[..., None] | None] = None
    outputs: ClassVar[int | None] = 1  # None: a tuple, as many as forward returns
    keeps: ClassVar[tuple[str, ...]] = ()  # names of what forward returns after its outputs
    wide: ClassVar[bool] = False  # a number is not rounded to the half precision of the other
    ufunc: ClassVar[str] = ""  # the array module's function that is the whole forward
    called: ClassVar[str] = ""  # what messages call it, if not by its name
    grad_fn: ClassVar[Any] = ""  # torch's name of the node, or a function of params giving it

    # Filled in by `prepare`.
    inputs: ClassVar[tuple[str, ...]] = ()
    variadic: ClassVar[bool] = False
    params: ClassVar[tuple[str, ...]] = ()
    saves: ClassVar[tuple[str, ...]] = ()
    sources: ClassVar[tuple[tuple[str, int], ...]] = ()  # per saved name: where it comes from
    wanted_by: ClassVar[tuple[tuple[int, ...], ...]] = ()  # per saved name: which gradients ask
    pulls: ClassVar[tuple[Pull | None, ...] | None] = None
    joint: ClassVar[Pull | None] = None
    differentiable: ClassVar[bool] = False
    constants: ClassVar[frozenset[int]] = frozenset()  # arguments without a derivative
    short: ClassVar[Callable[..., Any]]  # the op as one function of tensors and parameters
    cuts: ClassVar[list[Any]] = []  # all its short cuts, that one too
    arguments: ClassVar[
        tuple[tuple[str, Any, Any], ...]
    ]  # forward's without xp: name, kind, default
    node_class: ClassVar[type[Node]] = Node

    forward: ClassVar[Callable[..., Any]]


class Unary(Op):
    """An elementwise op of one argument."""

    @staticmethod
    def forward(xp: Any, input: Array) -> Any:
        """Only the signature: the ufunc does the work."""
        raise NotImplementedError


class Binary(Op):
    """An elementwise op of two arguments that are broadcast to one shape and one dtype."""

    broadcasts = True
    promotes = "common"
    numbers: ClassVar[tuple[str, ...] | None] = ("input", "other")

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Any:
        """Only the signature: the ufunc does the work."""
        raise NotImplementedError


def prepare(op: type[Op], name: str) -> None:
    """Read an op's signatures once, and build from them all that running it needs."""
    op.name, op.cuts = name, []
    if op.ufunc:
        op.forward = staticmethod(_ufunc_forward(op, op.ufunc))
    written = inspect.unwrap(op.forward)
    op.arguments = tuple(arguments_of(written))[1:]
    is_tensor = [
        "Array" in str(kind) if kind else default is empty for _, kind, default in op.arguments
    ]
    if is_tensor != sorted(is_tensor, reverse=True):
        raise TypeError(f"{op.__name__}.forward: tensors come first, then parameters")
    names, count = [name for name, _, _ in op.arguments], sum(is_tensor)
    op.inputs, op.params = tuple(names[:count]), tuple(names[count:])
    if "out" in op.params or "g" in op.params:
        raise TypeError(f"{op.__name__}: 'g' and 'out' are the cotangent's and the output's names")
    op.variadic = bool(written.__code__.co_flags & inspect.CO_VARARGS)
    _prepare_derivatives(op)
    torch_name = op.grad_fn if isinstance(op.grad_fn, str) and op.grad_fn else ""
    op.node_class = type(
        torch_name or f"{camel(name)}Backward0",
        (Node,),
        {"__slots__": (), "op": op, "__module__": Node.__module__, **_shown(op)},
    )
    setattr(arrays, name, _on_arrays(op))


@functools.cache
def named_node(op: type[Op], name: str) -> type[Node]:
    """The nodes of an op where torch calls them otherwise: what ``out._node.__class__`` becomes."""
    own = {"__slots__": (), "__module__": Node.__module__, "name": lambda node: name}
    return type(name, (op.node_class,), own)


def renamed(tensor: Any, name: str) -> Any:
    """A tensor that an op made, after its node was given the name that torch's has."""
    node = tensor._node
    node = node.edges[0] if type(node) is Output else node
    if node is not None and node.op is not None:
        node.__class__ = named_node(node.op, name)
    return tensor


# torch's names, in `grad_fn._saved_self`, for what every op calls alike.
SHOWN_AS = {"input": "self", "out": "result"}


def _shown(op: type[Op]) -> dict[str, Any]:
    """``_saved_self`` and its like: what a node saved, and its parameters, as attributes.

    (A ``__getattr__`` of Node would make every access to a node slow.)
    """
    found: dict[str, Any] = {}
    for name in (*op.saves, *op.params):
        shown = SHOWN_AS.get(name, name)
        found[f"_saved_{shown}"] = _attribute(name, False)
        if name in op.saves:
            found[f"_raw_saved_{shown}"] = _attribute(name, True)
    return found


@functools.cache
def _attribute(name: str, raw: bool) -> property:
    def read(node: Any) -> Any:
        from minigrad.autograd.saved import saved_value

        return saved_value(node, name, raw)

    return property(read)


class Unrounded(float):
    """A number that an array of half precision meets in float32; the result is rounded once.

    >>> import numpy as np
    >>> np.float16([10.0]) * Unrounded(0.1)
    array([1.], dtype=float16)
    """

    __slots__ = ()
    __array_ufunc__ = None  # `array * number` is left to the number

    def met(self, ufunc: str, array: Any) -> Any:
        """What a function of the array module gives for an array and the number."""
        xp = xp_of(array)
        found = getattr(xp, ufunc)(halves.single(xp, array), float(self))
        return halves.rounded(xp, found, array.dtype)

    def __rmul__(self, array: Any) -> Any:
        return self.met("multiply", array)

    def __rtruediv__(self, array: Any) -> Any:
        return self.met("true_divide", array)


def _ufunc_forward(op: type[Op], ufunc: str) -> Callable[..., Any]:
    def one(xp: Any, input: Array) -> Any:
        if halves.many(xp, input):
            return halves.met(native.ufunc(xp, ufunc), input)
        return native.ufunc(xp, ufunc, input)(input)

    def two(xp: Any, input: Array, other: Array) -> Any:
        if type(other) is Unrounded:
            return other.met(ufunc, input)
        if halves.many(xp, input, other):
            return halves.met(native.ufunc(xp, ufunc), input, other)
        return native.ufunc(xp, ufunc, input)(input, other)

    return two if issubclass(op, Binary) else one


def camel(name: str) -> str:
    """``max_pool2d`` -> ``MaxPool2D``: how torch forms a node's name."""
    return name.title().replace("_", "")  # a letter after a digit begins a word too


def _prepare_derivatives(op: type[Op]) -> None:
    """Find what each derivative asks for, and so what forward has to save for whom."""
    known = (*op.inputs, "out", *op.keeps)
    asked: dict[str, list[int]] = {}

    def note(fn: Callable[..., Any], index: int) -> None:
        for wanted in names_of(inspect.unwrap(fn))[1:]:
            if wanted in known:
                asked.setdefault(wanted, []).append(index)
            elif wanted not in (*op.params, "shape", "F", "needs"):
                raise TypeError(f"{op.__name__}: nothing is called {wanted!r} in {fn.__name__}")

    vjp = getattr(op, "vjp", None)
    grads = [getattr(op, f"grad_{name}", None) for name in op.inputs]
    if vjp is not None:
        for index in range(len(op.inputs)):
            note(vjp, index)
    for index, fn in enumerate(grads):
        if fn is not None:
            note(fn, index)
    op.saves = tuple(name for name in known if name in asked)
    op.wanted_by = tuple(tuple(asked[name]) for name in op.saves)
    op.sources = tuple(
        ("out", 0)
        if name == "out"
        else ("kept", op.keeps.index(name))
        if name in op.keeps
        else ("input", op.inputs.index(name))
        for name in op.saves
    )
    op.differentiable = vjp is not None or any(grads)
    op.joint = None if vjp is None else make_pull(op, vjp, 0)
    if vjp is None:
        op.pulls = tuple(None if f is None else make_pull(op, f, i) for i, f in enumerate(grads))
        op.constants = frozenset(i for i, f in enumerate(grads) if f is None)


def make_pull(op: type[Op], fn: Callable[..., Any], index: int) -> Pull:
    """``pull(g, saved, node, F)``: call a derivative with what its signature asks for."""
    names = names_of(inspect.unwrap(fn))[1:]
    slots = [op.saves.index(name) for name in names if name in op.saves]
    if len(slots) == len(names):  # the hot cases, free of any loop
        if not slots:
            return lambda g, saved, node, F: fn(g)
        if len(slots) == 1:
            only = slots[0]
            return lambda g, saved, node, F: fn(g, saved[only])
        if len(slots) == 2:
            one, two = slots
            return lambda g, saved, node, F: fn(g, saved[one], saved[two])
    sources = [_source(op, name, index) for name in names]
    return lambda g, saved, node, F: fn(g, *[source(saved, node, F) for source in sources])


def _source(op: type[Op], name: str, index: int) -> Callable[[Any, Any, Any], Any]:
    """Where the value for one name of a derivative's signature is found."""
    if name in op.saves:
        slot = op.saves.index(name)
        return lambda saved, node, F: saved[slot]
    if name in op.params:
        number = op.params.index(name)
        return lambda saved, node, F: node.params[number]
    if name == "shape":
        return lambda saved, node, F: node.edges[index].shape
    if name == "needs":
        return lambda saved, node, F: tuple(edge is not None for edge in node.edges)
    return lambda saved, node, F: F


def _on_arrays(op: type[Op]) -> Callable[..., Any]:
    """The op's reading on arrays: forward without what it keeps for backward."""
    forward, extra = op.forward, len(op.keeps)

    def on_arrays(*args: Any, **kwargs: Any) -> Any:
        xp = xp_of(args[0])
        if op.writes:
            args = (xp.array(args[0]), *args[1:])
        result = forward(xp, *args, **kwargs)
        if extra:
            result = result[0] if op.outputs == 1 else result[:-extra]
        return result

    return on_arrays


def saved_as_tensors(node: Node, make: Callable[[Any, Node | None], TensorBase]) -> list[Any]:
    """The saved values as Tensors that stand where they stood in the graph.

    Kept values are constants, unless the op says by ``rekeep`` how they come from its arguments.
    """
    op: type[Op] = node.op
    values, found = node.read_saved(), []
    stores = (values and node.stores) or (None,) * len(values)
    for (kind, index), value, store in zip(op.sources, values, stores, strict=True):
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            edge: Node | None = None
            if kind == "input":
                edge = node.edges[index]
            elif kind == "out":
                edge = node if op.outputs == 1 else Output(node, 0, value.shape)
            value = make(value, edge)
            value._storage = store  # so that a later write is noticed by the next order too
        found.append(value)  # as it is: None (not saved), a Python number, a shape
    rekeep = getattr(op, "rekeep", None)
    if rekeep is None:
        return found
    known = dict(zip(op.params, node.params, strict=True)) | dict(zip(op.saves, found, strict=True))
    kept = rekeep(tensors, *[known[name] for name in names_of(rekeep)[1:]])
    known.update(zip(op.keeps, kept, strict=True))
    return [known[name] for name in op.saves]


class Asked:
    """A node as its derivatives see it where only some of its gradients are needed."""

    def __init__(self, node: Node, needed: set[int]) -> None:
        self._node = node
        self.edges = [e if e is not None and e.seq in needed else None for e in node.edges]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def pull_all(
    node: Node, g: Any, saved: Sequence[Any], F: Any, needed: set[int] | None = None
) -> Sequence[Any]:
    """The gradients of a node's arguments; None where nobody wants one.

    ``needed``: the births of all nodes whose gradients are, if some are not.
    """
    op: type[Op] = node.op
    asked: Any = node if needed is None else Asked(node, needed)
    if op.joint is not None:
        gradients = op.joint(g, saved, asked, F)
        return gradients if isinstance(gradients, (tuple, list)) else (gradients,)
    assert op.pulls is not None
    return [
        None if edge is None or pull is None else pull(g, saved, asked, F)
        for edge, pull in zip(asked.edges, op.pulls, strict=False)
    ]


__all__ = [
    "Binary",
    "Op",
    "Unary",
    "arrays",
    "prepare",
    "pull_all",
    "renamed",
    "saved_as_tensors",
    "tensors",
]
