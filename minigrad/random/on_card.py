"""``torch.Generator(device="cuda")``: random numbers that a card draws for itself, by Philox.

The stream of a seed is a row of blocks of four words, each worked out from its number alone
(``philox.py`` is the reference of ``kernels/cuda/random.cu``). A generator knows its seed and the
next block; a draw takes as many blocks as it needs. So equal calls give equal numbers on every card
and on the stand-in: nothing depends on how many threads share the work. torch's numbers do (each
thread has a part of the stream, and how many there are depends on the card), and are others.

A captured step counts its blocks from a place in memory, which each replay writes anew. What draws
number after number until one fits (Poisson, binomial, gamma), a permutation and a choice by weights
are drawn by the host, from a stream that a block of this one seeds.
Source: J. Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from minigrad.backend import capture, faults, select
from minigrad.backend.cupy_backend import card_of
from minigrad.device import device as Device
from minigrad.random import checks, draws, philox
from minigrad.random.generator import Generator
from minigrad.random.source import Seeds

__all__ = ["CardGenerator", "default_of", "defaults"]

_FLOATS = "fV"  # NumPy's letters of floating-point types; bfloat16 has V


class Position:
    """A place in the stream of a seed; of a captured step, one that lies in a card's memory."""

    __slots__ = ("block", "memory", "most", "seed")

    def __init__(self, seed: int, memory: Any = None) -> None:
        self.seed, self.block, self.most, self.memory = seed, 0, 0, memory

    def take(self, blocks: int) -> tuple[int, int, Any]:
        """The next blocks, as kernels are told: seed, first block, memory."""
        first = self.block
        self.block = (first + blocks) % (1 << 62)
        self.most = max(self.most, self.block)
        return _signed(self.seed), first, self.memory


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


class CardGenerator(Generator):
    """A source of random numbers on a card.

    Methods are those of :class:`Generator`; they return arrays of the card, or of the host where
    the host draws. ``get_state`` gives 16 bytes: the seed, and four times the next block.

    Raises: DeviceError without CUDA, RuntimeError for a number that no card has.
    """

    __slots__ = ("_index", "_own")

    def __init__(self, device: object = "cuda") -> None:
        xp = select.cuda_backend().xp
        self._lock = threading.RLock()
        self._index: int = int(card_of(xp, Device(device).index).id)
        self._own = Position(Seeds.of_cards)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._index, self._own.seed, self._own.block)

    @property
    def device(self) -> Device:
        """The card that draws."""
        return Device("cuda", self._index)

    def manual_seed(self, seed: int) -> Self:
        """Restart from a seed, at its first block; CaptureError while a graph is captured."""
        capture.refuse("seeding a generator", "seed it before, or between replays")
        with self._lock:
            self._own = Position(self.checked_seed(seed))
        return self

    def initial_seed(self) -> int:
        """The seed that it was last started from."""
        return self._own.seed

    def get_offset(self) -> int:
        """How many words of the stream have been used: four for each block."""
        return 4 * self._position().block

    def set_offset(self, offset: int) -> None:
        """Go on behind so many words; RuntimeError unless it is a multiple of four."""
        if offset % 4 or offset < 0:
            raise RuntimeError("offset must be a multiple of 4")
        self._position().block = offset // 4

    def get_state(self) -> Any:
        """Seed and offset, as torch lays them out: 16 bytes."""
        with self._lock:
            words = np.array([self._own.seed, self.get_offset()], np.uint64)
        return type(self).as_state(words.view(np.uint8))

    def set_state(self, new_state: Any) -> Self:
        """Continue from a saved state.

        Raises: TypeError unless it is an array of bytes, RuntimeError unless there are 16.
        """
        state = getattr(new_state, "_array", new_state)
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if state.size != 16:
            raise RuntimeError(f"RNG state is wrong size: expected 16 bytes, got {state.size}")
        seed, offset = np.ascontiguousarray(state).view(np.uint64).tolist()
        with self._lock:
            if not capture.active():
                self._own = Position(seed)
            self.set_offset(offset)
        return self

    def clone_state(self) -> Self:
        """Another generator that will give the same numbers."""
        return type(self)(self.device).set_state(self.get_state())

    # ------------------------------------------------------------------------------------- drawing

    def _position(self) -> Position:
        """Where it stands; while a graph is captured, where the captured step stands."""
        if not capture.active():
            return self._own
        found: Position | None = capture.draws().get(self)
        if found is None:
            memory = self._empty((2,), np.dtype(np.int64))
            found = capture.draws()[self] = Position(self._own.seed, memory)
        return found

    def take(self, blocks: int) -> tuple[int, int, Any]:
        """So many blocks for a kernel: its arguments seed, offset and place."""
        with self._lock:
            return self._position().take(blocks)

    def begin_replay(self, position: Position) -> None:
        """Let a captured step draw what comes next: its kernels find it in their memory."""
        from minigrad.backend.cuda_kernels import served

        seed, first, _ = self.take(position.most)
        kernels = served(self._empty((0,), np.dtype(np.float32)))
        assert kernels is not None
        with position.memory.device:
            kernels["philox_place"](position.memory, seed, first)

    def _empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
        xp = select.cuda_backend().xp
        with card_of(xp, self._index):
            return xp.empty(shape, dtype)

    def _filled(self, name: str, shape: Any, dtype: np.dtype[Any], *numbers: float) -> Any:
        """An array that a kernel of random.cu fills."""
        from minigrad.backend.cuda_kernels import served  # once there is a card

        out = self._empty(shape, dtype)
        if out.size:
            typed = out if dtype.kind in _FLOATS else self._empty((0,), np.dtype(np.float32))
            kernels = served(typed)
            assert kernels is not None
            pairs = name in ("philox_uniform", "philox_normal") and dtype == np.float64
            with out.device:
                place = self.take(philox.blocks(out.size, np.float64 if pairs else np.float32))
                kernels[name](out, out.size, *place, *numbers)
        return out

    def _units(self, size: Sequence[int], dtype: np.dtype[Any]) -> tuple[Any, Any]:
        """CuPy, and uniform numbers of the type that is computed with."""
        wide = np.dtype(np.float64 if dtype == np.float64 else np.float32)
        xp = select.cuda_backend().xp
        return xp, self._filled("philox_uniform", tuple(size), wide, 0.0, 1.0)

    def uniform(
        self,
        size: Sequence[int],
        low: float = 0.0,
        high: float = 1.0,
        dtype: DTypeLike = np.float32,
    ) -> Any:
        """Numbers in [low, high)."""
        found, shape = checks.float_request("uniform", size, dtype)
        checks.check_bounds(low, high, found)
        return self._filled("philox_uniform", shape, found, float(low), float(high))

    def normal(
        self,
        size: Sequence[int],
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DTypeLike = np.float32,
        in_blocks: bool = True,
    ) -> Any:
        """Normal numbers, by Box-Muller."""
        found, shape = checks.float_request("normal", size, dtype)
        if not std >= 0.0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        return self._filled("philox_normal", shape, found, float(mean), float(std))

    def log_normal(
        self,
        size: Sequence[int],
        mean: float = 1.0,
        std: float = 2.0,
        dtype: DTypeLike = np.float32,
    ) -> Any:
        """``exp(normal(mean, std))``."""
        found, shape = checks.float_request("log_normal", size, dtype)
        checks.require(std > 0.0, "log_normal_ expects std > 0.0, but found std", std)
        wide = np.float64 if found == np.float64 else np.float32
        xp = select.cuda_backend().xp
        return draws.narrow(xp.exp(self.normal(shape, mean, std, wide)), found)

    def random_(
        self,
        size: Sequence[int],
        dtype: DTypeLike = np.int64,
        low: int | None = None,
        high: int | None = None,
    ) -> Any:
        """Whole numbers: ``word mod (high - low) + low``, of 64 bits (low word first) if wide."""
        found, shape = np.dtype(dtype), checks.shape_of("random_", size)
        base, width, wide = checks.integer_range(found, low, high)
        count = math.prod(shape) * (2 if wide else 1)
        words = self._filled("philox_words", (count,), np.dtype(np.uint32))
        if wide:
            words = words.view(np.uint64)
        if width < 1 << 64:
            words = words % words.dtype.type(width)
        return draws.narrow(words.astype(np.int64) + base, found).reshape(shape)

    def bernoulli(
        self, p: Any, size: Sequence[int] | None = None, dtype: DTypeLike = np.float32
    ) -> Any:
        """Ones with probability p and zeros; p is a number, or an array of this card."""
        found = np.dtype(dtype)
        if not hasattr(p, "shape"):
            shape = checks.shape_of("bernoulli", () if size is None else size)
            checks.require(0 <= p <= 1, "bernoulli_ expects p to be in [0, 1], but got p", p)
            kind = found if found.kind in _FLOATS else np.dtype(np.float32)
            return self._filled("philox_bernoulli", shape, kind, float(p)).astype(found, copy=False)
        checks.float_dtype("bernoulli", p.dtype)
        xp, u = self._units(p.shape if size is None else size, p.dtype)
        faults.note_span(xp, p, 0.0, 1.0, "bernoulli: expected p in [0, 1], got values outside")
        return (u < p.astype(u.dtype, copy=False)).astype(found)

    def exponential(
        self, size: Sequence[int], lambd: float = 1.0, dtype: DTypeLike = np.float32
    ) -> Any:
        """Waiting times: ``-log(1 - u) / lambd``, and never 0."""
        found, shape = checks.float_request("exponential", size, dtype)
        checks.require(lambd > 0.0, "exponential_ expects lambda > 0.0, but found lambda", lambd)
        xp, u = self._units(shape, found)
        waits = xp.maximum(-xp.log1p(-u), float(np.finfo(u.dtype).eps) / 2)
        return draws.narrow(waits / lambd, found)

    def geometric(self, size: Sequence[int], p: float, dtype: DTypeLike = np.float32) -> Any:
        """Trials up to the first success: ``ceil(log(1 - u) / log(1 - p))``, and at least 1."""
        found, shape = np.dtype(dtype), checks.shape_of("geometric", size)
        checks.require(0.0 < p < 1.0, "geometric_ expects p to be in (0, 1), but got p", p)
        xp, u = self._units(shape, found)
        return draws.narrow(xp.maximum(xp.ceil(xp.log1p(-u) / math.log1p(-p)), 1), found)

    def cauchy(
        self,
        size: Sequence[int],
        median: float = 0.0,
        sigma: float = 1.0,
        dtype: DTypeLike = np.float32,
    ) -> Any:
        """``median + sigma * tan(pi (u - 1/2))``."""
        found, shape = checks.float_request("cauchy", size, dtype)
        checks.require(sigma > 0.0, "cauchy_ expects sigma > 0.0, but found sigma", sigma)
        xp, u = self._units(shape, found)
        return draws.narrow(median + sigma * xp.tan(math.pi * (u - 0.5)), found)

    # ------------------------------------------------------------------------------ on the host

    def _branch(self, *what: Any) -> Generator:
        """A generator of the host, for one call."""
        capture.refuse(
            "drawing by the host (permutations, choices by weight, Poisson, binomial and gamma)",
            "draw before, and copy the numbers in between replays",
        )
        seed, block, _ = self.take(1)
        low, high = philox.words(2, seed % (1 << 64), block).tolist()
        return Generator().manual_seed(high << 32 | low)

    def randperm(self, n: int, dtype: DTypeLike = np.int64) -> Any:
        """A permutation of 0 .. n-1, on the host."""
        return self._branch().randperm(n, dtype)

    def poisson(self, rates: Any) -> Any:
        """Numbers of events, on the host."""
        return self._branch().poisson(rates)

    def binomial(self, counts: Any, chances: Any) -> Any:
        """Numbers of successes, on the host."""
        return self._branch().binomial(counts, chances)

    def gamma(self, shapes: Any) -> Any:
        """Gamma numbers, on the host."""
        return self._branch().gamma(shapes)

    def multinomial(self, probs: Any, num_samples: int, replacement: bool = False) -> Any:
        """Category numbers, on the host."""
        return self._branch().multinomial(probs, num_samples, replacement)


def _restored(index: int, seed: int, block: int) -> CardGenerator:
    """Rebuild a pickled or copied generator."""
    made = CardGenerator(Device("cuda", index)).manual_seed(seed)
    made.set_offset(4 * block)
    return made


def default_of(index: int | None) -> CardGenerator:
    """The generator behind every draw on a card that names no other; None: on the current card.

    Raises: DeviceError without CUDA, RuntimeError for a number that no card has.
    """
    backend: Any = select.cuda_backend()
    number = card_of(backend.xp, index).id
    found: CardGenerator | None = backend.generators.get(number)
    if found is None:
        found = backend.generators[number] = CardGenerator(Device("cuda", number))
        found._own = Position(Seeds.of_cards)
    return found


def defaults() -> list[CardGenerator]:
    """The default generators of all cards, once a card was asked for."""
    counts = (backend.xp.cuda.runtime.getDeviceCount() for backend in select.in_use())
    return [default_of(index) for count in counts for index in range(count)]
