"""Which of torch's random streams come from its own generator on this processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch

from minigrad.random import Generator


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

SIZES = [0, 1, 2, 7, 8, 15, 16, 17, 23, 24, 31, 32, 33, 100, 623, 624, 625, 1000, 10007, 100003]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


def numpy_dtype(name: str) -> np.dtype[Any]:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def to_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def pair(seed: int = 2023) -> tuple[Generator, Any]:
    return Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


def empty(size: Any, dtype: str) -> Any:
    return torch.empty(size, dtype=getattr(torch, dtype))


avx2 = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"),
    reason="torch computes normals with other functions without AVX2",
)


def assert_same(ours: np.ndarray[Any, Any], theirs: Any) -> None:
    """Equal dtype, shape and bits, in a fresh C-ordered array."""
    expected = to_numpy(theirs)
    assert ours.dtype == expected.dtype
    assert ours.shape == expected.shape
    assert ours.flags.c_contiguous and ours.flags.writeable
    assert ours.tobytes() == expected.tobytes()


def assert_same_state(ours: Generator, theirs: Any) -> None:
    np.testing.assert_array_equal(state_of(ours), theirs.get_state().numpy())


def state_of(generator: Generator) -> np.ndarray[Any, Any]:
    """The bytes of a generator's state, as an array."""
    return np.array(generator.get_state())
