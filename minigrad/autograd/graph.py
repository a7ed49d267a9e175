"""The recorded graph: what a tensor knows of it, nodes, saved values and their versions.

Three kinds of node stand behind a tensor's one pointer ``_node``, "where my gradient goes":

* ``AccumulateGrad``: the tensor is a leaf; the gradient is added to its ``.grad``;
* ``Node``: an op made the tensor; the gradient goes on to that op's arguments;
* ``Output``: an op with several outputs made it; the gradient waits there for its siblings.

``None`` means that nobody wants a gradient. Pointers go one way only, tensor -> node -> older
nodes, so a graph dies by reference counting as soon as the last tensor of it does.

One clock orders everything: each node is born at a tick (``seq``), each in-place write happens at
a tick (``Storage.written``). Reverse order of birth is a topological order, and a saved value is
stale exactly if its storage was written after the node that saved it was born.
"""

from __future__ import annotations

import itertools
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, ClassVar, NamedTuple

from minigrad.autograd.parcels import Packed, opened
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import GraphFreedError, ModifiedInPlaceError

new = object.__new__
tick: Callable[[], int] = itertools.count(1).__next__
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# Frames of these files are minigrad's own. A set of names is faster to ask than a prefix.
OUR_FILES: set[str] = {
    os.path.join(folder, name)
    for folder, _, names in os.walk(PACKAGE)
    for name in names
    if name.endswith(".py")
}


class Storage:
    """What all views of one memory share: how often and when it was last written in place.

    The numbers stand in the class until the first write, so a new storage costs no assignment.
    """

    version = 0  # torch's ``_version``
    written = 0  # tick of the last write
    inference = False

    def write(self) -> None:
        """Announce an in-place write."""
        self.version += 1
        self.written = Clock.last_write = tick()


class Clock:
    """The tick of the latest in-place write to any storage: an older graph needs no check."""

    last_write = 0


class InferenceStorage(Storage):
    """The storage of a tensor that was made in inference mode: it may not be saved."""

    inference = True


def storage_of(tensor: TensorBase) -> Storage:
    """The storage of a tensor, made when somebody first asks."""
    storage = tensor._storage
    if storage is None:
        storage = tensor._storage = Storage()
    return storage  # type: ignore[no-any-return]


class View:
    """How a differentiable view hangs on its base: the view ops that lead there.

    ``base_node`` is the base's node when the view's own node was made: if the base has since been
    written in place with history, the view's node is out of date and is made anew when needed.
    """

    __slots__ = ("above", "base", "base_node", "recorded", "step")
    base: TensorBase
    above: View | None  # the view that this is a view of
    base_node: Node | None
    step: tuple[Any, tuple[Any, ...], Any]  # op, parameters, and which of several outputs
    recorded: bool  # not made in no_grad mode, nor a view of one that was

    @property
    def path(self) -> tuple[Any, ...]:
        """The steps that lead from the base to the view."""
        return (self.step,) if self.above is None else (*self.above.path, self.step)

    @property
    def multiple(self) -> bool:
        """Whether it is one of several views made by one call, or a view of one: not written."""
        return self.step[2] is not None or (self.above is not None and self.above.multiple)


def view_of(source: TensorBase, step: tuple[Any, tuple[Any, ...], Any], recorded: bool) -> View:
    """How a new view hangs on the base of the tensor that it looks at."""
    view: View = new(View)
    above: View | None = source._view
    view.above = above
    view.step = step
    if above is None:
        view.base = source
        view.base_node = source._node
        view.recorded = recorded
    else:
        view.base = base = above.base
        view.base_node = base._node
        view.recorded = recorded and above.recorded
    return view


class Hooks:
    """The callbacks of a node: on the cotangent that comes in, and after its vjp has run."""

    watched = False  # whether a leaf, or several tensors together, ever got one: see `engine`
    __slots__ = ("metadata", "post", "pre", "retain", "tensor")

    def __init__(self) -> None:
        self.retain: Callable[[Any], Any] | None = None  # Tensor.retain_grad, after the others
        self.tensor: dict[int, Callable[[Any], Any]] = {}  # Tensor.register_hook
        self.pre: dict[int, Callable[..., Any]] = {}  # Node.register_prehook
        self.post: dict[int, Callable[..., Any]] = {}  # Node.register_hook
        self.metadata: dict[Any, Any] = {}  # Node.metadata


FREED: Any = type("Freed", (), {"__repr__": lambda self: "<freed>"})()


# Nodes that torch's engine makes itself, and names so.
ENGINES = {"CopySlices", "CopyBackwards", "NotImplemented"}


class Node:
    """One recorded call of an op: whose gradients it can compute, from what it saved.

    ``edges`` are the nodes of the arguments (None where no gradient is wanted), ``saved`` the
    values that the vjp asks for by name, ``stores`` their storages, ``shape`` the shape of the
    output and so of the gradient that comes in, ``code`` and ``lasti`` the user's call.

    >>> import minigrad as torch
    >>> y = torch.ones(2, requires_grad=True) * 3
    >>> y.grad_fn.name(), y.grad_fn.next_functions[0][0].name()
    ('MulBackward0', 'torch::autograd::AccumulateGrad')
    """

    __slots__ = (
        "__weakref__",
        "code",
        "edges",
        "hooks",
        "lasti",
        "params",
        "saved",
        "seq",
        "shape",
        "stores",
    )
    op: ClassVar[Any]
    edges: tuple[Node | None, ...]
    saved: tuple[Any, ...]
    stores: tuple[Storage | None, ...]
    params: tuple[Any, ...]
    shape: Any
    seq: int
    hooks: Hooks | None
    code: CodeType | None
    lasti: int

    def name(self) -> str:
        """torch's name of the node, such as ``MulBackward0``."""
        chosen = getattr(self.op, "grad_fn", "")
        found = chosen(*self.params) if callable(chosen) else type(self).__name__
        return f"torch::autograd::{found}" if found in ENGINES else found

    def __repr__(self) -> str:
        return f"<{self.name().rpartition('::')[2]} object at 0x{id(self):x}>"

    @property
    def metadata(self) -> dict[Any, Any]:
        """Anything that users want to attach to the node."""
        return hooks_of(self).metadata

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the arguments, each with the number of the output that was used."""
        return tuple(
            (edge.edges[0], edge.index) if isinstance(edge, Output) else (edge, 0)
            for edge in self.edges
        )

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the vjp; it may replace the former."""
        return RemovableHandle(hooks_of(self).post, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the node's vjp; it may replace them."""
        return RemovableHandle(hooks_of(self).pre, fn)

    def check(self) -> None:
        """Raise if the saved values were freed, or overwritten since they were saved."""
        if self.saved is FREED:
            raise GraphFreedError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved tensors after calling backward. "
                f"[{self.where()}]"
            )
        for value, store in zip(self.saved, self.stores, strict=False):
            if store is not None and store.written > self.seq:
                raise ModifiedInPlaceError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: [{_describe(value)}] is at version {store.version}; it "
                    f"was saved by {self.name()} before the last write. Hint: clone() it before "
                    f"the write, or write out of place. [{self.where()}]"
                )

    def saved_places(self) -> Sequence[Any]:
        """Where in the graph the saved values stand; an output stands nowhere, for hooks."""
        if self.op.variadic:
            return [self.edges if kind == "input" else None for kind, _ in self.op.sources]
        return [self.edges[i] if kind == "input" else None for kind, i in self.op.sources]

    def read_saved(self) -> Sequence[Any]:
        """The saved values, checked, and unpacked if hooks packed them."""
        self.check()
        if type(self.saved) is Packed:
            return tuple([opened(value) for value in self.saved])
        return self.saved

    def free(self) -> None:
        """Drop the saved values; a node without arrays can run again, as in torch."""
        if self.stores:
            self.saved = FREED
            self.stores = ()

    def where(self) -> str:
        """The user's line that recorded this node."""
        return f"{self.name()}, recorded at {source_line(self.code, self.lasti)}"


class Output(Node):
    """One of several outputs of an op; ``edges`` holds the op's node, which never points back."""

    __slots__ = ("index",)
    op = None
    index: int

    def __init__(self, owner: Node, index: int, shape: Any) -> None:
        self.edges = (owner,)
        self.index = index
        self.shape = shape
        self.seq = tick()
        self.saved = ()
        self.stores = ()
        self.params = ()
        self.hooks = None
        self.code, self.lasti = owner.code, owner.lasti


class AccumulateGrad(Node):
    """The end of a path: adds the gradient to ``.grad`` of a leaf.

    The leaf owns this node; the node knows the leaf only weakly (else the two would be a cycle).
    """

    __slots__ = ("_leaf", "post_accumulate")
    op = None

    def __init__(self, leaf: TensorBase) -> None:
        self.edges = ()
        self.shape = leaf._array.shape
        self.seq = tick()
        self.saved = ()
        self.stores = ()
        self.params = ()
        self.hooks = None
        self.code, self.lasti = None, 0
        self._leaf = weakref.ref(leaf)
        self.post_accumulate: dict[int, Callable[[Any], Any]] = {}

    def name(self) -> str:
        """torch's name of the node."""
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The leaf, or None if it is no more."""
        return self._leaf()


def end_anew(leaf: Any) -> None:
    """Another end for a leaf that took another shape: the graphs that are there keep the former."""
    old, leaf._node = leaf._node, AccumulateGrad(leaf)
    leaf._node.hooks, leaf._node.post_accumulate = old.hooks, old.post_accumulate


class GradientEdge(NamedTuple):
    """A place in the graph: an output of a node. ``autograd.graph.get_gradient_edge`` finds it."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None  # the ``Output``, where the node has several

    @property
    def place(self) -> Node:
        """The node that the gradient goes to."""
        if self.ownership_token is not None:
            return self.ownership_token
        shape = self.node.shape
        several = bool(shape) and isinstance(shape[0], tuple)
        return Output(self.node, self.output_nr, shape[self.output_nr]) if several else self.node


class RemovableHandle:
    """Takes a hook away again by ``remove()``, or at the end of a ``with`` block.

    >>> import minigrad as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with x.register_hook(lambda g: 10 * g):
    ...     (x * 1).backward()
    >>> x.grad
    tensor([10.])
    """

    __module__ = "minigrad.utils.hooks"  # torch's import path
    _ids = itertools.count()

    def __init__(self, hooks: dict[int, Any], fn: Any, *marks: dict[int, Any]) -> None:
        self.id = next(self._ids)
        self._tables = (hooks, *marks)  # what is noted about a hook goes with it
        hooks[self.id] = fn

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        for table in self._tables:
            table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def hooks_of(node: Node) -> Hooks:
    """The hooks of a node, made when the first is registered."""
    if node.hooks is None:
        node.hooks = Hooks()
        if isinstance(node, AccumulateGrad):
            Hooks.watched = True
    return node.hooks


def call_site(depth: int) -> tuple[CodeType, int]:
    """The user's code object and instruction: the nearest caller outside of minigrad."""
    frame = sys._getframe(depth)
    while frame.f_code.co_filename in OUR_FILES and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def source_line(code: CodeType | None, lasti: int) -> str:
    """``file:line in function`` of an instruction, resolved only when somebody wants to read it."""
    if code is None:
        return "an unknown line"
    for line, _ in zip((p[0] for p in code.co_positions()), range(lasti // 2 + 1), strict=False):
        number = line
    return f"{code.co_filename}:{number} in {code.co_name}"


def _describe(value: Array) -> str:
    shape = list(getattr(value, "shape", ()))
    dtype = getattr(value, "dtype", None)
    kind = type(value).__name__ if dtype is None else f"torch.{of_numpy(dtype).type_name}Tensor"
    return f"{kind} {shape}"
