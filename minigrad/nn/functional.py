"""``torch.nn.functional``: every function of the op registry that belongs here.

``functional.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations

import minigrad.ops  # noqa: F401  (fills the registry)
from minigrad.autograd.registry import publish as _publish

__all__ = _publish("nn.functional", globals())
