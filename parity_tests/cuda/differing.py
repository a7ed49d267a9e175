"""What does not work on a card as it does on the CPU, each with its reason.

A test of one of these must fail: an entry that is no longer true is an error.
"""

from __future__ import annotations

LOOKS_AT_MEMORY = {"as_strided", "as_strided_copy"}
NOT_ON_A_CARD: dict[str, str] = {}
LAYERS_NOT_ON_A_CARD: dict[str, str] = {}
OPTIMIZERS_NOT_ON_A_CARD: dict[str, str] = {
    "SparseAdam": "minigrad has no sparse tensors, on the CPU neither",
}
