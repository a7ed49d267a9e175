"""The backward sweep: from outputs to leaves, newest node first.

Nodes are numbered by birth, and a node's arguments are always older than it. So taking the newest
waiting node first means that all of its cotangents have arrived: no recursion, no counting of
dependencies, linear in the graph, any depth. Where only one node waits (a chain) the heap is
not touched at all.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.arguments import broadcasts_to
from minigrad.autograd.graph import AccumulateGrad, Clock, GradientEdge, Hooks, Node, Output
from minigrad.autograd.hook_values import put_in, put_in_all, shown
from minigrad.autograd.modes import ANOMALY, MODE, NO_GRAD, recording
from minigrad.autograd.op import arrays, pull_all, saved_as_tensors, tensors
from minigrad.autograd.paths import Cotangents, uses_of_leaves
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Cards, at, follow, followed, moves, xp_of
from minigrad.backend.numpy_backend import quiet, unquiet
from minigrad.errors import GradientShapeError, ShapeError


class _Here(threading.local):
    sweep: Reading | None = None  # the innermost that runs in this thread
    keep = False  # whether graphs are kept whatever the calls say: see `func/batching.py`


Here = _Here()


class Reading:
    """How a sweep reads the derivatives: on arrays, or on Tensors so that they are recorded."""

    def __init__(self, create_graph: bool, retain_graph: bool) -> None:
        self.F = tensors if create_graph else arrays
        self.recorded = create_graph
        self.retain = retain_graph or Here.keep
        self.anomaly = ANOMALY.get() > 1
        self.captured: dict[Node, Any] | None = None  # gradients that `grad` was asked for
        self.needed: set[int] | None = None  # seqs of nodes on a path to those; None: all
        self.accumulate = True  # write .grad of leaves
        self.references = 0  # to the gradient that was accumulated last
        self.roots: list[Node] = []  # where the sweep began

    def to_tensor(self, g: Any) -> Any:
        """A cotangent as hooks and users see it."""
        return g if isinstance(g, TensorBase) else make(g)

    def from_tensor(self, g: Any) -> Any:
        """A cotangent as the sweep carries it."""
        if self.recorded:
            return g
        return g._array if isinstance(g, TensorBase) else g


def sweep(waiting: Cotangents, reading: Reading) -> None:
    """Run every waiting node, newest first, until none waits."""
    if Hooks.watched:
        reading.roots = [node for node, _ in waiting.values()]
    outer, Here.sweep = Here.sweep, reading
    token, mode = quiet(), MODE.set(recording() if reading.recorded else NO_GRAD)
    try:
        with at(*[g for _, g in waiting.values()]):
            _sweep(waiting, reading)
    finally:
        MODE.reset(mode)
        unquiet(token)
        Here.sweep = outer


def current_sweep() -> Reading:
    """The innermost sweep that runs here; for hooks, which are called in one."""
    assert Here.sweep is not None, "no backward runs here"
    return Here.sweep


def _sweep(waiting: Cotangents, reading: Reading) -> None:
    F, needed, retain = reading.F, reading.needed, reading.retain
    special, captured = reading.recorded or reading.anomaly, reading.captured or ()
    uses = uses_of_leaves(waiting, needed) if Hooks.watched else None
    heap = [-seq for seq in waiting]  # a heap gives the smallest: the newest, negated
    heapify(heap)
    alone: tuple[Node, Any] | None = None  # the next node, while it is the only one that waits
    found: Any
    saved: Any
    node: Node | None = None
    try:
        while alone is not None or heap:
            node, g = alone if alone is not None else waiting.pop(-heappop(heap))
            alone = None
            if Cards.several:
                follow(g)
            if special or node.hooks is not None or node.op is None or node in captured:
                if isinstance(node, Output):
                    _set_aside(node, g, waiting, heap, reading)
                    continue
                found = visit(node, g, reading)
            else:
                saved, pulls = node.saved, node.op.pulls
                if Clock.last_write > node.seq or type(saved) is not tuple:
                    saved = node.read_saved()
                if pulls is None:
                    found = zip(node.edges, pull_all(node, g, saved, F, needed), strict=False)
                else:
                    found = []
                    for parent, pull in zip(node.edges, pulls):  # noqa: B905 (strict= is slow)
                        if parent is not None and (needed is None or parent.seq in needed):
                            found.append((parent, pull(g, saved, node, F)))
                if not retain:
                    node.free()
            if Cards.several:  # a move brings its gradient to another card
                found = followed(found)
            if uses is not None:
                whole: list[tuple[Node, Any]] = []
                found = _without_leaves(found, node, uses, whole, F)
                saved = g = None  # which may be a leaf's gradient, too
                while whole:
                    leaf, gradient = whole.pop(0)
                    visit(leaf, gradient, reading)
            for parent, gradient in found:
                if parent is None or gradient is None:
                    continue
                if needed is not None and parent.seq not in needed:
                    continue
                if gradient.shape != parent.shape:
                    gradient = fit(gradient, parent.shape, node, F)
                if alone is None and not heap:
                    alone = (parent, gradient)
                    continue
                if alone is not None:  # not alone any more
                    waiting[alone[0].seq] = alone
                    heappush(heap, -alone[0].seq)
                    alone = None
                seq = parent.seq
                if seq in waiting:
                    waiting[seq] = (parent, add(waiting[seq][1], gradient))
                else:
                    waiting[seq] = (parent, gradient)
                    heappush(heap, -seq)
            # Let go at once: what is still named here would stay in memory during the next node.
            found = saved = g = gradient = None
        for _, (node, _, g) in sorted(uses.items(), reverse=True) if uses else ():
            if g is not None:  # a use that it waited for was never reached
                visit(node, g, reading)
    except Exception as error:
        if node is not None and "recorded at" not in str(error):
            error.add_note(f"In the backward of {node.where()}")
        raise


def _without_leaves(
    found: Any, node: Node, uses: dict[int, list[Any]], whole: list[tuple[Node, Any]], F: Any
) -> list[tuple[Any, Any]]:
    """Take the gradients of leaves out of what a node gave; those that are whole go to a list."""
    rest = []
    for parent, gradient in found:
        use = uses.get(parent.seq) if isinstance(parent, AccumulateGrad) else None
        if use is None:
            rest.append((parent, gradient))
            continue
        use[1] -= 1
        if gradient is not None:
            if gradient.shape != parent.shape:
                gradient = fit(gradient, parent.shape, node, F)
            use[2] = gradient if use[2] is None else add(use[2], gradient)
        if use[1] == 0 and use[2] is not None:
            whole.append((use[0], use[2]))
            use[2] = None
    return rest


def add(so_far: Any, g: Any) -> Any:
    """A further cotangent of the same node."""
    return so_far + g


def _set_aside(
    node: Output, g: Any, waiting: Cotangents, heap: list[int], reading: Reading
) -> None:
    """Lay the cotangent of one output beside those of its siblings, at their common node."""
    g = arrived(node, g, reading)
    owner = node.edges[0]
    assert owner is not None
    if reading.needed is not None and owner.seq not in reading.needed:
        return
    if owner.seq not in waiting:
        waiting[owner.seq] = (owner, (None,) * len(owner.shape))
        heappush(heap, -owner.seq)
    parts = list(waiting[owner.seq][1])
    parts[node.index] = g if parts[node.index] is None else add(parts[node.index], g)
    waiting[owner.seq] = (owner, tuple(parts))


def fit(g: Any, shape: tuple[int, ...], node: Node, F: Any) -> Any:
    """Undo broadcasting, here and nowhere else; any other wrong shape is an error."""
    if node.op is not None and node.op.broadcasts and broadcasts_to(shape, tuple(g.shape)):
        return F.sum_to(g, shape)
    if node.op is not None and node.op.broadcasts and broadcasts_to(tuple(g.shape), shape):
        return F.expand(g, shape)
    raise GradientShapeError(
        f"{node.name()} returned a gradient of shape {tuple(g.shape)} for an argument of shape "
        f"{tuple(shape)} [{node.where()}]"
    )


def arrived(node: Node, g: Any, reading: Reading) -> Any:
    """What happens to a complete cotangent: the tensor's hooks, ``retain_grad``, capture."""
    if node.hooks is not None:
        for hook in tuple(node.hooks.tensor.values()):
            changed = hook(reading.to_tensor(g))
            g = g if changed is None else put_in(changed, g, reading, node)
        if node.hooks.retain is not None:
            node.hooks.retain(reading.to_tensor(g))
    if reading.captured is not None and node in reading.captured:
        reading.captured[node] = g
    return g


def leads_on(node: Node, reading: Reading) -> bool:
    """Whether a node has to run: not if its cotangent is all that was asked for."""
    needed = reading.needed
    return needed is None or any([e is not None and e.seq in needed for e in node.edges])


def visit(node: Node, g: Any, reading: Reading) -> list[tuple[Any, Any]]:
    """Run one node with everything that may hang on it: hooks, captures, anomaly checks."""
    g = arrived(node, g, reading)
    if isinstance(node, AccumulateGrad):
        if not reading.accumulate:
            return []
        if node.hooks is None:  # the usual case
            accumulate(node, g, reading)
            return []
    elif not leads_on(node, reading):
        return []
    if node.hooks is not None:
        for hook in tuple(node.hooks.pre.values()):
            changed = hook(shown(g, reading))
            g = g if changed is None else put_in_all(changed, g, reading, node)
    gradients = _gradients(node, g, reading)
    if node.hooks is not None:
        for hook in tuple(node.hooks.post.values()):
            outer = tuple(None if x is None else reading.to_tensor(x) for x in gradients)
            changed = hook(outer, shown(g, reading))
            if changed is not None:
                changed = changed if isinstance(changed, tuple) else (changed,)
                gradients = [None if c is None else reading.from_tensor(c) for c in changed]
    if not reading.retain:
        node.free()
    return list(zip(node.edges, gradients, strict=False))


def _gradients(node: Node, g: Any, reading: Reading) -> Sequence[Any]:
    """The gradients of a node's arguments, in the sweep's reading."""
    if isinstance(node, AccumulateGrad):
        accumulate(node, g, reading)
        return ()
    if node.op is None:
        user_defined: Any = node
        gradients: Sequence[Any] = user_defined.user_vjp(g, reading)
    else:
        saved = saved_as_tensors(node, make) if reading.recorded else node.read_saved()
        gradients = pull_all(node, g, saved, reading.F, reading.needed)
    if reading.anomaly:
        for index, gradient in enumerate(gradients):
            _check_nan(node, index, gradient)
    return gradients


def _check_nan(node: Node, index: int, gradient: Any) -> None:
    if gradient is None or node.edges[index] is None:
        return
    array = gradient._array if isinstance(gradient, TensorBase) else gradient
    if xp_of(array).isnan(array).any():
        raise RuntimeError(f"Function '{node.name()}' returned nan values in its {index}th output.")


def accumulate(node: AccumulateGrad, g: Any, reading: Reading) -> None:
    """Add a gradient to the leaf's ``.grad``, in place where the old one has no history."""
    leaf = node.variable
    if leaf is None or leaf._node is None:
        return
    if g.shape != leaf._array.shape:
        raise GradientShapeError(
            f"a backward found an invalid gradient for a leaf that has been resized since: got "
            f"{list(g.shape)} but expected shape compatible with {list(leaf._array.shape)}"
        )
    old = leaf._grad
    if reading.recorded:
        if g._array.dtype != leaf._array.dtype:
            g = g.to(leaf.dtype)
        leaf._grad = tensors.clone(g) if old is None else old + g
    else:
        if g.dtype is not leaf._array.dtype:
            g = g.astype(leaf._array.dtype)
        if old is None:
            reading.references = references = getrefcount(g)
            unshared = references <= UNSHARED and moves.owned(g)
            leaf._grad = make(g if unshared else moves.row_major(g))
        elif old._node is not None:
            leaf._grad = old + make(g)
        else:
            old._array += g
            if old._storage is not None:
                old._storage.write()
    for hook in tuple(node.post_accumulate.values()):
        hook(leaf)


def grad_for_root(output: TensorBase, gradient: Any) -> Any:
    """The cotangent that a sweep starts with: the given one, checked, or one for a scalar."""
    array = output._array
    if gradient is None:
        if array.size != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        with at(array):
            return make(xp_of(array).ones_like(array))
    if not isinstance(gradient, TensorBase):
        raise TypeError(
            f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
        )
    if gradient._array.shape != array.shape:
        raise ShapeError(
            f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has "  # type: ignore[attr-defined]
            f"a shape of {output.shape}."  # type: ignore[attr-defined]
        )
    return gradient


def _standing_for(edge: GradientEdge, gradient: Any) -> Any:
    """A tensor of the shape of an edge; of its cotangent's dtype, for an edge has none."""
    like = gradient._array if isinstance(gradient, TensorBase) else np.zeros(0, np.float32)
    return make(xp_of(like).zeros(edge.place.shape, like.dtype))


def start(outputs: Sequence[Any], gradients: Sequence[Any], reading: Reading) -> Cotangents:
    """The cotangents of the outputs, by node."""
    waiting: Cotangents = {}
    for number, (output, gradient) in enumerate(zip(outputs, gradients, strict=True)):
        if type(output) is GradientEdge:
            edge: Node | None = output.place
            output = _standing_for(output, gradient)
        else:
            edge = edge_of(output)
        if edge is None:
            raise RuntimeError(
                f"element {number} of tensors does not require grad and does not have a grad_fn"
            )
        g = reading.from_tensor(grad_for_root(output, gradient))
        if not reading.recorded and g.dtype is not output._array.dtype:
            g = g.astype(output._array.dtype)
        if edge.seq in waiting:
            g = add(waiting[edge.seq][1], g)
        waiting[edge.seq] = (edge, g)
    return waiting


def _references_of_an_unshared_gradient() -> int:
    """How many references `accumulate` counts if nobody but the sweep knows a gradient.

    They are the names that the sweep's own functions have for it; how many of those count differs
    between versions of Python, so one gradient is sent through and counted.
    """
    leaf = make(np.zeros(1))
    leaf._node = node = AccumulateGrad(leaf)
    reading = Reading(create_graph=False, retain_graph=False)
    sweep({node.seq: (node, np.zeros(1))}, reading)
    return reading.references


# Whatever is held elsewhere as well (the cotangent of another leaf, a saved value, an array that
# the user passed in) must be copied, for the next backward adds to ``.grad`` in place.
UNSHARED = 0
UNSHARED = _references_of_an_unshared_gradient()
