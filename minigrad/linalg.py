"""``torch.linalg``: linear algebra: decompositions, solving, norms, by name, from the op registry.

``linalg.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations

import minigrad.ops  # noqa: F401  (fills the registry)
from minigrad.autograd.registry import publish as _publish
from minigrad.errors import LinAlgError

__all__ = ["LinAlgError", *_publish("linalg", globals())]
