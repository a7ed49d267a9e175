"""Which of torch's random streams come from its own generator on this processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch


def words_taken(draw: Callable[[Any], Any]) -> int:
    """How many words a torch call takes from a fresh generator."""
    oracle = torch.Generator().manual_seed(0)
    draw(oracle)
    return int(oracle.get_state().numpy()[16:24].view(np.uint64)[0])


# On Intel processors torch hands these draws to the MKL library, which takes one word as its seed.
scalar_bernoulli = pytest.mark.skipif(
    words_taken(lambda g: torch.empty(64).bernoulli_(0.5, generator=g)) != 128,
    reason="torch draws bernoulli_(p) from MKL on this processor",
)
exponential = pytest.mark.skipif(
    words_taken(lambda g: torch.empty(64).exponential_(generator=g)) != 128,
    reason="torch draws exponential_ from MKL on this processor",
)
