"""``GradScaler``: losses scaled up so that gradients in half precision do not vanish."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.graph import storage_of
from minigrad.autograd.modes import no_grad
from minigrad.backend import card_count
from minigrad.backend.native import kernel
from minigrad.functions import isfinite, tensor, zeros
from minigrad.tensor import Tensor

__all__ = ["GradScaler"]

# What has been done with an optimiser's gradients since the last update.
READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class _Seen:
    """How far an optimiser is, and whether its gradients had an inf or a nan (None: not looked)."""

    def __init__(self) -> None:
        self.stage = READY
        self.found: bool | None = None


class GradScaler:
    """Scales losses up, gradients down, and skips steps whose gradients are not finite.

    The scale is multiplied by ``growth_factor`` after ``growth_interval`` good steps in a row and
    by ``backoff_factor`` after a bad one. Disabled, which is said with a warning for ``"cuda"``
    without a card, it hands everything on as it is.

    Raises: ValueError for gradients in float16, RuntimeError for calls out of order.

    >>> import minigrad as torch
    >>> from minigrad.amp import GradScaler
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer, scaler = torch.optim.SGD([w], lr=0.5), GradScaler("cpu")
    >>> scaler.scale((3 * w).sum()).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w, scaler.get_scale()
    (tensor([-0.5000], requires_grad=True), 65536.0)

    Source: https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device == "cuda" and not card_count():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                stacklevel=2,
            )
            enabled = False
        if enabled:
            assert growth_factor > 1.0, "The growth factor must be > 1.0."
            assert backoff_factor < 1.0, "The backoff factor must be < 1.0."
        self._device, self._enabled = device, enabled
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._scale: Tensor | None
        self._init_scale, self._scale = init_scale, None
        self._known = float(init_scale)  # the scale, so that nobody waits for a card to say it
        self._optimizers: dict[int, _Seen] = {}

    def scale(self, outputs: Any) -> Any:
        """A loss, or losses in lists and tuples, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._known = float(np.float32(self._init_scale))
                self._scale = tensor(self._known, dtype=dtypes.float32, device=outputs.device)
            return outputs * self._scale
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)  # one by one, as they are asked for
            return type(outputs)(scaled) if isinstance(outputs, list | tuple) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide an optimiser's gradients by the scale now, before they are clipped for one."""
        if not self._enabled:
            return
        self._begun("unscale_")
        seen = self._optimizers.setdefault(id(optimizer), _Seen())
        if seen.stage == UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if seen.stage == STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = 1.0 / self.get_scale()
        grads = [
            p.grad for group in optimizer.param_groups for p in group["params"]
            if p.grad is not None
        ]  # fmt: skip
        if grads:
            seen.found = _unscale(grads, inverse)
        seen.stage = UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step()``, unless a gradient is inf or nan."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._begun("step")
        seen = self._optimizers.setdefault(id(optimizer), _Seen())
        if seen.stage == STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if seen.stage == READY:
            self.unscale_(optimizer)
        assert seen.found is not None, "No inf checks were recorded for this optimizer."
        seen.stage = STEPPED
        return None if seen.found else optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Choose the scale of the next step: a given one, or by what was found."""
        if not self._enabled:
            return
        scale = self._begun("update")
        if new_scale is not None:
            one = not isinstance(new_scale, Tensor) or new_scale.numel() == 1
            assert one and not getattr(new_scale, "requires_grad", False), (
                "new_scale should be a float or a 1-element torch.cuda.FloatTensor or "
                "torch.FloatTensor with requires_grad=False."
            )
            self._known = float(np.float32(float(new_scale)))
            scale.fill_(self._known)
        else:
            found = [seen.found for seen in self._optimizers.values() if seen.found is not None]
            assert found, "No inf checks were recorded prior to update."
            self._follow(scale, any(found))
        self._optimizers.clear()

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled; AssertionError between a step and its :meth:`update`."""
        assert not (self._enabled and self._optimizers), (
            "A GradScaler instance may only be pickled at the beginning of an iteration, or at the "
            "end after scaler.update()."
        )
        return self.__dict__.copy()

    def _begun(self, name: str) -> Tensor:
        """The scale, which the first scaled loss makes."""
        assert self._scale is not None, (
            f"Attempted {name} but _scale is None.  This may indicate your script did not use "
            "scaler.scale(loss or outputs) earlier in the iteration."
        )
        return self._scale

    def _follow(self, scale: Tensor, bad: bool) -> None:
        """Back off after a bad step, grow after enough good ones."""
        if bad:
            self._times(scale, self._backoff_factor)
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker == self._growth_interval:
            self._times(scale, self._growth_factor)
            self._growth_tracker = 0

    def _times(self, scale: Tensor, factor: float) -> None:
        """Change the scale in float32, unless it would overflow."""
        with np.errstate(over="ignore"):
            changed = float(np.float32(self._known) * np.float32(factor))
        if math.isfinite(changed):
            self._known = changed
            scale.fill_(changed)

    def get_scale(self) -> float:
        """The present scale; 1 if disabled."""
        if not self._enabled:
            return 1.0
        return float(self._init_scale if self._scale is None else self._known)

    def get_growth_factor(self) -> float:
        """By what the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Choose by what the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By what the scale is multiplied after a bad step."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Choose by what the scale is multiplied after a bad step."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps in a row the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Choose after how many good steps in a row the scale grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it scales anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale, how it changes, and for how many steps it was good; empty if disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what another scaler's :meth:`state_dict` says."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._known = float(np.float32(state_dict["scale"]))
            self._scale.fill_(self._known)
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]


@no_grad()
def _unscale(grads: list[Tensor], inverse: float) -> bool:
    """Scale gradients down in place; whether one has an inf or a nan.

    On a card a kernel does both in one pass, and the program waits once, for the answer.
    """
    if any(grad.dtype is dtypes.float16 for grad in grads):
        raise ValueError("Attempting to unscale FP16 gradients.")
    found, flags = False, {}
    for grad in grads:
        array = grad._array
        run = kernel("unscale", array) if array.__class__ is not np.ndarray else None
        if run is None:
            found = not bool(isfinite(grad).all()) or found
            grad.mul_(inverse)
            continue
        where = array.device.id
        if where not in flags:
            flags[where] = zeros(1, device=grad.device)
        run(array, array.size, inverse, flags[where]._array)
        storage_of(grad).write()
    return found or any(bool(flag.item()) for flag in flags.values())
