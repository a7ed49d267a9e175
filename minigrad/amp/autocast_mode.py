"""``autocast``: the block in which ops choose the type they run in, product by product.

Source: https://docs.pytorch.org/docs/stable/amp.html#autocasting
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad import dtypes
from minigrad.amp.casting import CACHE, DEFAULTS, STATE, State, close_block, open_block
from minigrad.backend import card_count
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype
from minigrad.tensor import Tensor

__all__ = [
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_enabled",
]

Fn = TypeVar("Fn", bound=Callable[..., Any])
ALLOWED = {"cuda": (dtypes.float16, dtypes.bfloat16), "cpu": (dtypes.bfloat16, dtypes.float16)}


class autocast:
    """A block, or a function, in which products of float32 run in half precision.

    Products and convolutions run in ``dtype`` (float16 on ``"cuda"``, bfloat16 on ``"cpu"`` if it
    is not given), losses and what overflows easily in float32, and everything else in the types of
    its arguments. Backward runs in the types that forward chose, and outside of the block.
    Weights are cast once in a block. For ``"cuda"`` without a card it is disabled with a warning.

    Raises: RuntimeError for another kind of device; NotImplementedError where minigrad has none.

    >>> import minigrad as torch
    >>> x = torch.ones(2, 2)
    >>> with torch.autocast("cpu"):
    ...     (x @ x).dtype, (x + x).dtype
    (torch.bfloat16, torch.float32)

    Source: https://docs.pytorch.org/docs/stable/amp.html#autocasting
    """

    def __init__(
        self,
        device_type: str,
        dtype: Dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if device_type != "mps":
            Device(device_type)
        self.device = device_type
        self.fast_dtype = DEFAULTS.get(device_type) if dtype is None else dtype
        if enabled and device_type == "cuda" and not card_count():
            warnings.warn(
                "CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2
            )
            enabled = False
        if enabled and device_type not in ALLOWED:
            raise NotImplementedError(f"autocast: minigrad has none for {device_type!r}")
        if enabled and self.fast_dtype not in ALLOWED[device_type]:
            names = ", ".join(map(str, ALLOWED[device_type]))
            warnings.warn(
                f"In {device_type.upper()} autocast, but the target dtype is not supported. "
                f"Disabling autocast; it takes {names}.",
                stacklevel=2,
            )
            enabled = False
        self._enabled, self._cached = enabled, cache_enabled
        self._tokens: list[Any] = []

    def __enter__(self) -> autocast:
        before = STATE.get()
        types = {kind: fast for kind, fast in before.types.items() if kind != self.device}
        if self._enabled and self.fast_dtype is not None:
            types[self.device] = self.fast_dtype
        cached = before.cached if self._cached is None else self._cached
        cache = None if before.depth else CACHE.set({})
        self._tokens.append((STATE.set(State(types, cached, before.depth + 1)), cache, types))
        if types:
            open_block()
        return self

    def __exit__(self, *error: object) -> None:
        """Back to what held before; the casts of weights end with the outermost block."""
        state, cache, types = self._tokens.pop()
        STATE.reset(state)
        if cache is not None:
            CACHE.reset(cache)
        if types:
            close_block()

    def __call__(self, func: Fn) -> Fn:
        """A function that runs inside the block."""

        @functools.wraps(func)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return inside  # type: ignore[return-value]


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether a block of :class:`autocast` holds here for a kind of device.

    >>> from minigrad.amp.autocast_mode import autocast, is_autocast_enabled
    >>> with autocast("cpu"):
    ...     is_autocast_enabled("cpu"), is_autocast_enabled("cuda")
    (True, False)
    """
    return device_type in STATE.get().types


def get_autocast_dtype(device_type: str) -> Dtype:
    """The type in which products run in a block for a kind of device.

    >>> from minigrad.amp.autocast_mode import get_autocast_dtype
    >>> get_autocast_dtype("cpu")
    torch.bfloat16
    """
    return STATE.get().types.get(device_type, DEFAULTS[device_type])


def _cast(value: Any, kind: str, dtype: Dtype) -> Any:
    """Tensors of floats on a kind of device, also inside of containers, in a type."""
    if isinstance(value, Tensor):
        mine = value.is_floating_point() and value.device.type == kind
        return value.to(dtype) if mine and value.dtype is not dtypes.float64 else value
    if isinstance(value, dict):
        return {_cast(k, kind, dtype): _cast(v, kind, dtype) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_cast(v, kind, dtype) for v in value])
    return value


def custom_fwd(
    fwd: Any = None, *, device_type: str = "cuda", cast_inputs: Dtype | None = None
) -> Any:
    """The forward of a Function in a block: as it is, or with its tensors cast and no block.

    >>> import minigrad as torch
    >>> from minigrad.amp import custom_fwd
    >>> @custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    ... def forward(ctx, x):
    ...     return x @ x
    >>> class Context: pass
    >>> with torch.autocast("cpu"):
    ...     forward(Context(), torch.ones(2, 2)).dtype
    torch.float32
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def inside(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        on = is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = on and cast_inputs is None
        if not on or cast_inputs is None:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            args, kwargs = (_cast(given, device_type, cast_inputs) for given in (args, kwargs))
            return fwd(ctx, *args, **kwargs)

    return inside


def custom_bwd(bwd: Any = None, *, device_type: str = "cuda") -> Any:
    """The backward of a Function whose forward is a :func:`custom_fwd`: in the same state.

    >>> from minigrad.amp import custom_bwd
    >>> class Context:
    ...     _fwd_used_autocast, _dtype = False, None
    >>> custom_bwd(lambda ctx, g: 2 * g, device_type="cpu")(Context, 2)
    4
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def inside(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(ctx, *args, **kwargs)

    return inside


def is_autocast_available(device_type: str) -> bool:
    """Whether ops can change types by themselves on a kind of device.

    >>> from minigrad.amp import is_autocast_available
    >>> is_autocast_available("cpu")
    True
    """
    Device(device_type)
    return device_type in ALLOWED
