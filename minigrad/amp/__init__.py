"""Mixed precision, as programs guard it: switched off where there is no card, and loss scaling.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from minigrad.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from minigrad.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
