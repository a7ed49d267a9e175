"""The Mersenne Twister behind every random number: torch's seeding, word order and state bytes.

NumPy ships the same generator in C, so words come from there in bulk, or from a native kernel that
works on NumPy's state; this module adds torch's way of seeding it, torch's 64-bit words and the
5056-byte state that ``torch.get_rng_state()`` returns.

Source: M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998; the state layout
is that of torch's CPU generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.backend.native import kernel

__all__ = ["DEFAULT_SEED", "STATE_BYTES", "MersenneTwister"]

DEFAULT_SEED = 67280421310721
"""The seed of a generator that nobody has seeded, the same as torch's."""

_KEY_WORDS = 624
_ANY = np.zeros(1, np.float32)  # the kernels of bits are asked for by it
_MANY = 500  # words, from which on the call that is slower to begin with is the faster one

# torch dumps a C struct; align=True reproduces its padding. Words are stored 64 bits wide because
# older versions of torch held them so, and checkpoints must stay readable.
_STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("key", "<u8", (_KEY_WORDS,)),
        ("unused_x", "<f8"),
        ("double_sample", "<f8"),
        ("unused_rho", "<f8"),
        ("has_double_sample", "<i4"),
        ("padding", "<i4"),
        ("float_sample", "<f4"),
        ("has_float_sample", "?"),
    ],
    align=True,
)

STATE_BYTES = _STATE.itemsize
"""Length in bytes of a saved generator state."""


class MersenneTwister:
    """A stream of 32-bit words equal to torch's ``at::mt19937``, with the normal samples kept over.

    Stream: the raw words of mt19937 seeded with the low 32 bits of ``seed``.

    Example:
        >>> stream = MersenneTwister(5489)
        >>> stream.words32(3).tolist()
        [3499211612, 581869302, 3890346734]
    """

    __slots__ = (
        "_bits",
        "_legacy",
        "_memory",
        "_unused",
        "_wide",
        "double_sample",
        "float_sample",
        "seed_value",
    )

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._start(seed)

    def _start(self, seed: int) -> None:
        self.seed_value = seed
        self._unused = True
        self.double_sample: float | None = None
        self.float_sample: float | None = None

    def __getattr__(self, name: str) -> Any:
        """NumPy's generator, made for the first number: to import it takes as long as 100 ops."""
        if name not in ("_bits", "_legacy", "_memory", "_wide"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._bits = np.random.MT19937(0)
        # RandomState shares the bit generator; its seed() is the seeding of 2002, torch's.
        self._legacy = np.random.RandomState(self._bits)
        self._legacy.seed(self.seed_value & 0xFFFFFFFF)
        self._wide = np.random.Generator(self._bits)
        self._memory = _memory_of(self._bits)
        return object.__getattribute__(self, name)

    def seed(self, seed: int) -> None:
        """Restart the stream from a seed in [0, 2**64), of which the low 32 bits count."""
        self._start(seed)
        self._legacy.seed(seed & 0xFFFFFFFF)

    def fill(self, name: str, out: NDArray[Any], *numbers: float) -> bool:
        """Fill an array by a kernel of ``kernels/cpu/random.c``; False if there is none for it.

        Example:
            >>> from minigrad.backend.native import level
            >>> out = np.empty(3)
            >>> MersenneTwister().fill("random_uniform", out, 1.0, 0.0) == (level() != "numpy")
            True
        """
        run = kernel(name, out)
        if run is None or self._memory is None:
            return False
        if out.size:
            self._unused = False
            run(self._memory, out, out.size, *map(float, numbers))
        return True

    def fill_bits(self, bits: NDArray[np.uint8], count: int, p: float) -> bool:
        """Fill an array with packed bits, ones with probability p; False if no kernel can.

        Example:
            >>> from minigrad.backend.native import level
            >>> out = np.zeros(2, np.uint8)
            >>> MersenneTwister().fill_bits(out, 3, 0.5) == (level() != "numpy")
            True
        """
        run = kernel("random_bits", _ANY)
        if run is None or self._memory is None:
            return False
        self._unused = False
        run(self._memory, bits, count, float(p))
        return True

    def words32(self, count: int) -> NDArray[np.uint32]:
        """Return the next ``count`` 32-bit words.

        Example:
            >>> MersenneTwister(0).words32(2).tolist()
            [2357136044, 2546248239]
        """
        words = np.empty(count, np.float32)
        if self.fill("random_words", words):
            return words.view(np.uint32)
        if count:
            self._unused = False
        if count < _MANY:
            return self._bits.random_raw(count).astype(np.uint32)
        # The same words, not each in eight bytes first.
        return self._wide.integers(0, 1 << 32, count, dtype=np.uint32)

    def words64(self, count: int) -> NDArray[np.uint64]:
        """Return the next ``count`` 64-bit words, each made of two words with the high half first.

        Example:
            >>> [f"{word:016x}" for word in MersenneTwister(0).words64(2).tolist()]
            ['8c7f0aac97c4aa2f', 'b716a675d821ccc0']
        """
        halves = self.words32(2 * count).reshape(count, 2)
        words = halves[:, 0].astype(np.uint64)
        words <<= np.uint64(32)
        words |= halves[:, 1]
        return words

    def get_state(self) -> NDArray[np.uint8]:
        """Return the state as the bytes of ``torch.get_rng_state()``.

        Example:
            >>> MersenneTwister(1).get_state().shape
            (5056,)
        """
        inner: Any = self._bits.state["state"]
        position = int(inner["pos"])
        record = np.zeros((), dtype=_STATE)
        record["seed"] = self.seed_value
        # A fresh block and a used-up one both have left = 1; only next tells them apart.
        record["left"] = _KEY_WORDS + 1 - position
        record["next"] = 0 if self._unused else position
        record["seeded"] = 1
        record["key"] = inner["key"]
        if self.double_sample is not None:
            record["double_sample"], record["has_double_sample"] = self.double_sample, 1
        if self.float_sample is not None:
            record["float_sample"], record["has_float_sample"] = self.float_sample, True
        return np.frombuffer(bytearray(record.tobytes()), dtype=np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Continue from saved bytes, ours or torch's.

        Raises:
            TypeError: the state is not an array of bytes.
            RuntimeError: the length is wrong, or the bytes are no generator state.

        Example:
            >>> first, second = MersenneTwister(1), MersenneTwister(2)
            >>> second.set_state(first.get_state())
            >>> bool(first.words32(1) == second.words32(1))
            True
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            kind = state.dtype if isinstance(state, np.ndarray) else type(state).__name__
            raise TypeError(f"set_state: RNG state must be a uint8 array, got {kind}")
        if state.size != STATE_BYTES:
            raise RuntimeError(
                f"set_state: expected a state of size {STATE_BYTES}, got {state.size}; "
                "pass what get_state() returned"
            )
        record = np.frombuffer(np.ascontiguousarray(state).tobytes(), dtype=_STATE)[0]
        left = int(record["left"])
        if not record["seeded"] or not 0 < left <= _KEY_WORDS or record["next"] > _KEY_WORDS:
            raise RuntimeError(
                "set_state: Invalid mt19937 state; pass what get_state() returned, unchanged"
            )
        key = record["key"].astype(np.uint32)
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": _KEY_WORDS + 1 - left},
        }
        self.seed_value = int(record["seed"])
        self._unused = left == 1 and int(record["next"]) == 0
        self.double_sample = float(record["double_sample"]) if record["has_double_sample"] else None
        self.float_sample = float(record["float_sample"]) if record["has_float_sample"] else None


def _memory_of(bits: np.random.MT19937) -> NDArray[np.uint32] | None:
    """Where NumPy's generator keeps its words and, after them, the place of the next one.

    None if that is not what is found there, in some other version of NumPy.
    """
    import ctypes

    state: Any = bits.state["state"]
    cells = (ctypes.c_uint32 * (_KEY_WORDS + 1)).from_address(bits.ctypes.state_address)
    memory = np.frombuffer(memoryview(cells), np.uint32)
    known = np.append(state["key"], np.uint32(state["pos"]))
    return memory if np.array_equal(memory, known) else None
