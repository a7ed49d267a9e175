"""``autocast``: the block in which torch would change types op by op; here it must be disabled.

Programs that are written for a card and run without one disable it themselves, or leave that to
torch, which warns. Both work here; a block that would really change types is an error.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad import cuda
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

Fn = TypeVar("Fn", bound=Callable[..., Any])


class autocast:
    """A block, or a function, whose ops run in the types of their arguments.

    Raises: NotImplementedError where it would be enabled: minigrad has no mixed precision yet, and
    half precision is chosen by ``.half()`` or ``.bfloat16()``. For ``"cuda"`` without a card it is
    disabled with a warning, as in torch.

    >>> import minigrad as torch
    >>> from minigrad.amp import autocast
    >>> with autocast("cuda", enabled=torch.cuda.is_available()):
    ...     torch.ones(2) @ torch.ones(2)
    tensor(2.)

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
        self.device, self.fast_dtype = device_type, dtype
        if enabled and device_type == "cuda" and not cuda.is_available():
            warnings.warn(
                "CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2
            )
            enabled = False
        if enabled:
            raise NotImplementedError(
                f"autocast({device_type!r}): minigrad does not change types op by op; pass "
                "enabled=False, or choose half precision with .half() or .bfloat16()"
            )

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was changed."""

    def __call__(self, func: Fn) -> Fn:
        """A function that runs inside the block."""

        @functools.wraps(func)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return inside  # type: ignore[return-value]


def custom_fwd(
    fwd: Any = None, *, device_type: str = "cuda", cast_inputs: Dtype | None = None
) -> Any:
    """The forward of a Function, as it is: no block changes types around it.

    >>> from minigrad.amp import custom_fwd
    >>> @custom_fwd(device_type="cuda")
    ... def forward(ctx, x):
    ...     return 2 * x
    >>> forward(None, 2)
    4
    """
    return fwd if fwd is not None else lambda fn: fn


def custom_bwd(bwd: Any = None, *, device_type: str = "cuda") -> Any:
    """The backward of a Function, as it is: no block changes types around it.

    >>> from minigrad.amp import custom_bwd
    >>> custom_bwd(lambda ctx, g: 2 * g, device_type="cuda")(None, 2)
    4
    """
    return bwd if bwd is not None else lambda fn: fn


def is_autocast_available(device_type: str) -> bool:
    """Whether ops can change types by themselves on a kind of device: nowhere yet.

    >>> from minigrad.amp import is_autocast_available
    >>> is_autocast_available("cpu")
    False
    """
    Device(device_type)
    return False
