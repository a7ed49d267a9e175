"""``torch.special``: special functions, by name, from the op registry.

``special.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations

import minigrad.ops  # noqa: F401  (fills the registry)
from minigrad.autograd.registry import publish as _publish

__all__ = _publish("special", globals())
