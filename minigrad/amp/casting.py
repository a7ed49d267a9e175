"""The types that ops change to inside of autocast blocks, and how they are made to.

While a block is open, somewhere in the process, every op takes the general way, where its
arguments are cast first; and public functions of several ops are wrapped. Outside of all blocks
nothing is left of this, and nothing costs anything.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

from minigrad.amp.lists import BANNED, FULL, LOWER, RULES
from minigrad.autograd import shortcuts
from minigrad.autograd.apply import cast_first
from minigrad.autograd.modes import is_grad_enabled
from minigrad.autograd.op import Op
from minigrad.autograd.registry import REGISTRY
from minigrad.dtypes import bfloat16, float16, float32, float64
from minigrad.dtypes import dtype as Dtype
from minigrad.tensor import Tensor

__all__ = ["CACHE", "DEFAULTS", "STATE", "State", "close_block", "open_block"]


class State(NamedTuple):
    """What holds in a thread: the fast type for each kind of device where it is on."""

    types: Mapping[str, Dtype]
    cached: bool
    depth: int


OFF = State({}, True, 0)
STATE: ContextVar[State] = ContextVar("autocast", default=OFF)
DEFAULTS: dict[str, Dtype] = {"cuda": float16, "cpu": bfloat16}
# Of weights, by their identity and the type: cast once in the outermost block.
CACHE: ContextVar[dict[Any, tuple[Tensor, Tensor]] | None] = ContextVar("casts", default=None)
HALVES = (float16, bfloat16)
_open = 0
_lock = threading.Lock()
_undo: list[Callable[[], None]] = []


def open_block() -> None:
    """One more block is open in the process."""
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            shortcuts.direct = cast_first(_cast_arguments)
            for name in {name for rules in (*RULES.values(), *BANNED.values()) for name in rules}:
                _wrap(name)


def close_block() -> None:
    """One block fewer is open."""
    global _open
    with _lock:
        _open -= 1
        if _open == 0:
            shortcuts.direct = cast_first(None)
            while _undo:
                _undo.pop()()


def _wrap(name: str) -> None:
    """Let a public function, and the method, cast their arguments too, until the last block ends.

    They may be of several ops; and a type that the call asks for is not that of its arguments.
    """
    record = REGISTRY.get(name)
    cells: list[Any] = []
    for front in (record.function, record.method) if record else ():
        code = getattr(front, "__code__", None)
        if code is not None and "fn" in code.co_freevars:
            closure: Any = front.__closure__
            cells.append(closure[code.co_freevars.index("fn")])
    for cell in {id(cell): cell for cell in cells}.values():
        fn = cell.cell_contents
        cell.cell_contents = _casting(name, fn)
        _undo.append(functools.partial(setattr, cell, "cell_contents", fn))


def _casting(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def casting(*args: Any, **kwargs: Any) -> Any:
        given, done = _by_rule(name, [*args, *kwargs.values()])
        named = dict(zip(kwargs, given[len(args) :], strict=True))
        if not done:
            return fn(*given[: len(args)], **named)
        state = STATE.get()  # what a rule is for is cast once: in it the rules of its ops are off
        types = {kind: fast for kind, fast in state.types.items() if kind not in done}
        token = STATE.set(state._replace(types=types))
        try:
            return fn(*given[: len(args)], **named)
        finally:
            STATE.reset(token)

    return casting


def _cast_arguments(op: type[Op], inputs: Sequence[Any]) -> Sequence[Any]:
    return _by_rule(op.name, inputs)[0]


def _by_rule(name: str, values: Sequence[Any]) -> tuple[Sequence[Any], list[str]]:
    """Arguments of what is called so, in the types that it runs in; the devices that ruled it."""
    done = []
    for kind, fast in STATE.get().types.items():
        rule = RULES[kind].get(name)
        if rule is None:
            if name in BANNED[kind] and _eligible(values, kind):
                raise RuntimeError(BANNED[kind][name])
            continue
        concerned = _eligible(values, kind)
        if not concerned:
            continue
        if rule == LOWER:
            wanted = fast
        elif rule == FULL or any(t.dtype is float32 for t in concerned):
            wanted = float32
        else:
            wanted = concerned[0].dtype
        values = [_cast(value, kind, wanted) for value in values]
        done.append(kind)
    return values, done


def _eligible(values: Any, kind: str) -> list[Tensor]:
    """The tensors that may be cast: of floats, but not of doubles, on devices of a kind."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            if _may(value, kind):
                found.append(value)
        elif isinstance(value, list | tuple):
            found += _eligible(value, kind)
    return found


def _may(tensor: Tensor, kind: str) -> bool:
    dtype = tensor.dtype
    return dtype.is_floating_point and dtype is not float64 and tensor.device.type == kind


def _cast(value: Any, kind: str, dtype: Dtype) -> Any:
    """A tensor, or those in a list, in a type, if they may be cast."""
    if isinstance(value, Tensor):
        if value.dtype is dtype or not _may(value, kind):
            return value
        weight = dtype in HALVES and value.requires_grad and value.is_leaf
        cache = CACHE.get() if weight and STATE.get().cached else None
        return value.to(dtype) if cache is None else _from_cache(cache, value, dtype)
    if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
        return type(value)([_cast(v, kind, dtype) for v in value])
    return value


def _from_cache(cache: dict[Any, tuple[Tensor, Tensor]], weight: Tensor, dtype: Dtype) -> Tensor:
    """A weight in a type, cast at its first use; written to since, it is cast anew."""
    key = (id(weight), dtype, is_grad_enabled(), weight._version)
    if key not in cache:
        cache[key] = weight, weight.to(dtype)
    return cache[key][1]
