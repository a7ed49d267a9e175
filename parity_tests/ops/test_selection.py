"""``topk`` takes of equal elements those that torch takes, and leaves them in its order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import minigrad
from minigrad.ops.reduction.selection import select


@pytest.mark.parametrize("kind", ["int64", "uint8", "float32", "float16"])
@pytest.mark.parametrize("largest", [True, False])
def test_topk_of_equal_elements(kind: str, largest: bool) -> None:
    rng = np.random.default_rng(len(kind) + largest)
    for _ in range(60):
        n = int(rng.integers(1, 300))
        k = max(1, n // 70) if rng.random() < 0.4 else int(rng.integers(1, n + 1))
        x = rng.integers(0, int(rng.integers(1, 12)), (2, n)).astype(kind)
        if kind == "float32":
            x[rng.random(x.shape) < 0.05] = np.nan
        want = torch.tensor(x).topk(k, largest=largest)
        got = minigrad.tensor(x).topk(k, largest=largest)
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        across = minigrad.tensor(x.T.copy()).topk(k, dim=0, largest=largest).indices.T
        np.testing.assert_array_equal(across.numpy(), want.indices.numpy())


def test_what_would_be_left_to_a_heap_is_said() -> None:
    """Ranks that make the median of three the worst of pivots (a killer sequence)."""
    n = 2000
    ranks = [0] * n
    half = n // 2
    for i in range(half):
        ranks[i] = i + 1 if i % 2 == 0 else half + i
        ranks[half + i] = 2 * (i + 1)
    assert select(ranks, half) is None or sorted(ranks)[:half] == [
        ranks[i] for i in select(ranks, half) or ()
    ]
