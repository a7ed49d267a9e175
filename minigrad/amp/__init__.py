"""Mixed precision: ops that choose their types in a block, and scaled losses.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from minigrad.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from minigrad.amp.autocast_mode import get_autocast_dtype as get_autocast_dtype
from minigrad.amp.autocast_mode import is_autocast_enabled as is_autocast_enabled
from minigrad.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
