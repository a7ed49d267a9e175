"""What hooks are shown of a cotangent, and what they may put in its place: its like alone."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.graph import Node
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import of_numpy
from minigrad.errors import GradientShapeError


def shown(g: Any, reading: Any) -> tuple[Any, ...]:
    """The cotangents of a node's outputs, as Tensors."""
    parts = g if isinstance(g, tuple) else (g,)
    return tuple(None if p is None else reading.to_tensor(p) for p in parts)


def put_in(changed: Any, g: Any, reading: Any, node: Node) -> Any:
    """What a hook returned in place of a cotangent; sizes and dtype are what others count on."""
    if not isinstance(changed, TensorBase):
        raise TypeError(f"a gradient hook returns a Tensor or None, not {type(changed).__name__}")
    array, old = changed._array, g._array if isinstance(g, TensorBase) else g
    if array.shape != old.shape:
        raise GradientShapeError(
            f"hook of {node.name()} has changed the size of value: {old.shape} became {array.shape}"
        )
    if array.dtype != old.dtype:
        was, now = (of_numpy(a.dtype).type_name for a in (old, array))
        raise RuntimeError(
            f"hook of {node.name()} has changed the type of value (was {was}, got {now})"
        )
    return reading.from_tensor(changed)


def put_in_all(changed: Any, g: Any, reading: Any, node: Node) -> Any:
    """The same for all outputs of a node; None where there was none, too."""
    parts = changed if isinstance(changed, tuple) else (changed,)
    whole = g if isinstance(g, tuple) else (g,)
    if len(parts) != len(whole):
        raise RuntimeError(
            f"hook of {node.name()} has returned an incorrect number of values: {len(parts)} for "
            f"{len(whole)}"
        )
    back = tuple(
        None if p is None else reading.from_tensor(p) if o is None else put_in(p, o, reading, node)
        for p, o in zip(parts, whole, strict=True)
    )
    return back if isinstance(g, tuple) else back[0]
