"""The functions behind the layers, from the op registry.

``functional.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations

import minigrad.ops  # noqa: F401  (fills the registry)
from minigrad.autograd.registry import REGISTRY

_found = {
    name: record.function
    for record in REGISTRY.values()
    if "nn.functional" in record.where
    for name in (record.name, *record.aliases)
}
globals().update(_found)
__all__ = sorted(_found)  # noqa: PLE0605
