"""What follows from the view ops: their copies (``view_copy``), and views in place (``t_``)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minigrad.autograd.apply import make
from minigrad.autograd.graph import AccumulateGrad, end_anew, storage_of
from minigrad.autograd.inplace import check_writable
from minigrad.autograd.modes import MODE
from minigrad.autograd.registry import REGISTRY, T, call, function, into
from minigrad.autograd.signatures import show

ANY = ("float", "int", "bool")


def _documented(summary: str, example: str, shape: list[int]) -> str:
    """A docstring with an example that gives a shape."""
    return f"{summary}\n\n>>> import minigrad as torch\n>>> {example}\ntorch.Size({shape})"


def _copies(view: str, example: str, shape: list[int]) -> Callable[..., Any]:
    """The function that gives what a view shows as a copy."""

    def copied(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        found = getattr(input, view)(*args, **kwargs)
        if not isinstance(found, tuple):
            found = found.clone()
            return found if out is None else into(out, found, True)
        if out is None:
            return tuple([part.clone() for part in found])
        for target, part in zip(out, found, strict=True):
            into(target, part, True)
        return tuple(out)

    copied.__doc__ = _documented(
        f"A copy of what :meth:`Tensor.{view}` shows: no memory is shared.", example, shape
    )
    return copied


# By view: a call that is tested, and an example of its own with the shape that it gives.
COPIES: dict[str, Any] = {
    "as_strided": (call(T(4), (2, 2), (1, 1)), "(torch.zeros(4), (2, 2), (1, 1))", [2, 2]),
    "detach": (call(T(3)), "(torch.zeros(3))", [3]),
    "diagonal": (call(T(2, 3), 1), "(torch.zeros(2, 3), 1)", [2]),
    "expand": (call(T(2, 1), (2, 3)), "(torch.zeros(2, 1), (2, 3))", [2, 3]),
    "narrow": (call(T(4), 0, 1, 2), "(torch.zeros(4), 0, 1, 2)", [2]),
    "permute": (call(T(2, 3), (1, 0)), "(torch.zeros(2, 3), (1, 0))", [3, 2]),
    "select": (call(T(2, 3), 1, 0), "(torch.zeros(2, 3), 1, 0)", [2]),
    "split": (call(T(3), 2), "(torch.zeros(3), 2)[0]", [2]),
    "split_with_sizes": (call(T(3), (1, 2)), "(torch.zeros(3), (1, 2))[1]", [2]),
    "squeeze": (call(T(2, 1), 1), "(torch.zeros(2, 1), 1)", [2]),
    "t": (call(T(2, 3)), "(torch.zeros(2, 3))", [3, 2]),
    "transpose": (call(T(2, 3), 0, 1), "(torch.zeros(2, 3), 0, 1)", [3, 2]),
    "unbind": (call(T(2, 3)), "(torch.zeros(2, 3))[0]", [3]),
    "unfold": (call(T(4), 0, 2, 1), "(torch.zeros(4), 0, 2, 1)", [3, 2]),
    "unsqueeze": (call(T(2), 0), "(torch.zeros(2), 0)", [1, 2]),
    "view": (call(T(3), (3, 1)), "(torch.zeros(2, 3), (3, 2))", [3, 2]),
}
for _name, (_sample, _example, _shape) in COPIES.items():
    function(
        f"{_name}_copy",
        where=("torch", "Tensor") if _name == "narrow" else ("torch",),
        dtypes=ANY,
        samples=(_sample,),
        gradcheck=_name != "detach",
        returns="Any",
    )(_copies(_name, f"torch.{_name}_copy{_example}.shape", _shape))


@function(where=("torch",), dtypes=ANY, samples=(call(T(2, 3)),))
def alias_copy(input: Any, *, out: Any = None) -> Any:
    """A copy of the tensor: no memory is shared.

    >>> import minigrad as torch
    >>> torch.alias_copy(torch.tensor([1.]))
    tensor([1.])
    """
    return input.clone() if out is None else into(out, input.clone(), True)


@function(
    where=("torch",),
    dtypes=ANY,
    samples=(call(T(4, 3), 0, 1, 3), call(T(4), step=2), call(T(2, 3), 1)),
)
def slice_copy(
    input: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1, *, out: Any = None
) -> Any:
    """A copy of a stretch of an axis.

    >>> import minigrad as torch
    >>> torch.slice_copy(torch.arange(5), 0, 1, 4, 2)
    tensor([1, 3])
    """
    at = dim + input._array.ndim if dim < 0 else dim
    found = input[(slice(None),) * at + (slice(start, end, step),)].clone()
    return found if out is None else into(out, found, True)


@function(where=("torch",), dtypes=ANY, samples=(call(T(2, 3)), call(T())), gradcheck=False)
def detach(input: Any) -> Any:
    """The same memory without the graph.

    >>> import minigrad as torch
    >>> torch.detach(torch.ones(2, requires_grad=True)).requires_grad
    False
    """
    return input.detach()


@function("torch_detach_", where=("torch",), torch="detach_", gradcheck=False)
def detach_(input: Any) -> Any:
    """Cut a tensor itself out of the graph: it becomes a leaf.

    >>> import minigrad as torch
    >>> torch.detach_(torch.ones(2, requires_grad=True) * 2).is_leaf
    True
    """
    return input.detach_()


def become(tensor: Any, view: Any, former: Any = None) -> Any:
    """Make a tensor the view that was taken of it: another shape of the same memory, in place.

    ``former`` stands for the tensor as it was: what earlier views were taken of.
    """
    recorded = check_writable(tensor)
    tensor._array = view._array
    storage_of(tensor).write()
    if former is not None and view._view is not None:
        view._view.base = former
        tensor._view = view._view
    elif tensor._view is not None:
        tensor._view = view._view
    if recorded:
        tensor._node = view._node
    elif isinstance(tensor._node, AccumulateGrad) and MODE.get() <= 0:
        end_anew(tensor)
    return tensor


def _former(tensor: Any) -> Any:
    """A tensor in its present form, if views of it may know it; None if none do."""
    node, storage = tensor._node, tensor._storage
    if storage is None or tensor._view is not None or isinstance(node, AccumulateGrad):
        return None
    former = make(tensor._array, node)
    former._storage = storage
    return former


def _in_place(name: str, view: str, example: str, shape: list[int]) -> None:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        former = _former(self)  # before there is one more view
        return become(self, getattr(self, view)(*args, **kwargs), former)

    summary = f"In-place form of :meth:`{view}`: the tensor itself takes the new shape."
    method.__doc__ = _documented(summary, f"torch.{example}.shape", shape)
    show(method, lambda: inspect.signature(REGISTRY[view].method))
    where = ("torch", "Tensor") if name == "as_strided_" else ("Tensor",)
    function(name, where=where, torch=None, samples=REGISTRY[view].samples)(method)


_in_place("squeeze_", "squeeze", "zeros(2, 1).squeeze_()", [2])
_in_place("unsqueeze_", "unsqueeze", "zeros(2).unsqueeze_(0)", [1, 2])
_in_place("transpose_", "transpose", "zeros(2, 3).transpose_(0, 1)", [3, 2])
_in_place("swapaxes_", "transpose", "zeros(2, 3).swapaxes_(0, 1)", [3, 2])
_in_place("swapdims_", "transpose", "zeros(2, 3).swapdims_(0, 1)", [3, 2])
_in_place("t_", "t", "zeros(2, 3).t_()", [3, 2])
_in_place("as_strided_", "as_strided", "zeros(4).as_strided_((2,), (2,))", [2])
