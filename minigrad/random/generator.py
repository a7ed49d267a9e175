"""The generator: one method for each distribution."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigrad.layout import in_memory_order
from minigrad.random import checks, draws
from minigrad.random.binomial import binomials
from minigrad.random.box_muller import BLOCK, fused_multiply_add, libm
from minigrad.random.gamma import gammas
from minigrad.random.poisson import poissons
from minigrad.random.source import Source

__all__ = ["Generator"]

Array = NDArray[Any]


class Generator(Source):
    """A source of random numbers with torch's streams on the CPU; one seed, one sequence.

    ``torch.rand`` is ``uniform(size)``, ``torch.randn`` is ``normal(size)``, and
    ``torch.normal(mean_tensor, std_tensor)`` is ``normal(size) * std + mean``. A dropout mask with
    probability p is ``bernoulli(1 - p, size)``. Threads may share it: a call is one unit.

    With ``device="cuda"`` it is a :class:`~minigrad.random.on_card.CardGenerator`, whose stream is
    another one: only the CPU has torch's.

    Raises: RuntimeError for a device other than these, DeviceError for a card without CUDA.

    Example:
        >>> g = Generator().manual_seed(2023)
        >>> g.uniform((3,)).tolist()
        [0.42900604009628296, 0.7200637459754944, 0.948147177696228]
        >>> g.randint(0, 10, (5,)).tolist()
        [9, 5, 4, 3, 4]
    """

    __slots__ = ()

    def __new__(cls, device: object = "cpu") -> Generator:
        """A generator of the CPU, or of a card."""
        if cls is Generator and str(device).startswith("cuda"):
            from minigrad.random.on_card import CardGenerator

            return object.__new__(CardGenerator)
        return object.__new__(cls)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._stream.get_state(),)

    def uniform(
        self,
        size: Sequence[int],
        low: float = 0.0,
        high: float = 1.0,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Draw from [low, high): ``uniform_`` and ``rand``; one word each, two for float64.

        Formula: ``(word mod 2**24) / 2**24 * (high - low) + low``; 2**53 for float64.

        Raises: RuntimeError for bounds out of order, NotImplementedError for integers.

        Example:
            >>> Generator().manual_seed(0).uniform((2,)).tolist()
            [0.49625658988952637, 0.7682217955589294]
        """
        found, shape = checks.float_request("uniform", size, dtype)
        checks.check_bounds(low, high, found)
        count = math.prod(shape)
        with self._lock:
            if found == np.float64:
                values: Array = draws.uniform_doubles(self._stream, count, high - low, low)
            else:
                start, width = np.float32(low), np.float32(high) - np.float32(low)
                values = draws.uniform_singles(self._stream, count, float(width), float(start))
        result = draws.narrow(values, found)
        if found.itemsize == 2 or low != 0.0 or high != 1.0:
            # Rounding can reach the excluded upper bound; torch then gives the lower one.
            bottom, top = draws.narrow(np.array([low, high]), found)
            result[result == top] = bottom
        return result.reshape(shape)

    def normal(
        self,
        size: Sequence[int],
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DTypeLike = np.float32,
        in_blocks: bool = True,
    ) -> Array:
        """Draw from a normal distribution: ``normal_`` and ``randn``, by Box-Muller.

        Fewer than 16 numbers come pair by pair, an unused second one being kept for later calls;
        16 or more come in blocks, and a last incomplete block overlaps the one before it; without
        ``in_blocks``, which is for memory that has gaps, all come pair by pair.

        Raises: RuntimeError for a negative std, NotImplementedError for integers.

        Example:
            >>> Generator().manual_seed(0).normal((3,)).tolist()
            [1.5409960746765137, -0.293428897857666, -2.1787893772125244]
        """
        found, shape = checks.float_request("normal", size, dtype)
        if not std >= 0.0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        count = math.prod(shape)
        with self._lock:
            if count < BLOCK or not in_blocks:
                values: Array = fused_multiply_add(
                    draws.standard_normals(self._stream, count), std, mean
                )
            else:
                values = draws.normals_in_blocks(self._stream, count, mean, std, found)
        return draws.narrow(values, found).reshape(shape)

    def log_normal(
        self,
        size: Sequence[int],
        mean: float = 1.0,
        std: float = 2.0,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Draw exp(normal(mean, std)): ``log_normal_``, pair by pair whatever the size.

        Raises: RuntimeError unless std > 0, NotImplementedError for integers.

        Example:
            >>> Generator().manual_seed(0).log_normal((2,)).tolist()
            [59.2634162902832, 1.5115599632263184]
        """
        found, shape = checks.float_request("log_normal", size, dtype)
        checks.require(std > 0.0, "log_normal_ expects std > 0.0, but found std", std)
        with self._lock:
            normals = draws.standard_normals(self._stream, math.prod(shape))
        values = libm(math.exp, fused_multiply_add(normals, std, mean))
        return draws.narrow(values, found).reshape(shape)

    def randint(
        self, low: int, high: int, size: Sequence[int], dtype: DTypeLike = np.int64
    ) -> Array:
        """Draw integers from [low, high): ``torch.randint``.

        Raises: RuntimeError for an empty range or one that the dtype does not hold.

        Example:
            >>> Generator().manual_seed(0).randint(0, 10, (4,)).tolist()
            [4, 9, 3, 0]
        """
        return self.random_(size, dtype, low, high)

    def random_(
        self,
        size: Sequence[int],
        dtype: DTypeLike = np.int64,
        low: int | None = None,
        high: int | None = None,
    ) -> Array:
        """Draw integers as ``Tensor.random_``: over the dtype's range, from low on, or [low, high).

        Formula: ``word mod (high - low) + low``, a 64-bit word from a range of 2**28 on. Without
        bounds the range is [0, greatest], for floating-point types [0, 2**digits].

        Raises: RuntimeError for an empty range or one that the dtype does not hold.

        Example:
            >>> Generator().manual_seed(0).random_((4,), np.uint8).tolist()
            [172, 47, 117, 192]
        """
        found, shape = np.dtype(dtype), checks.shape_of("random_", size)
        base, width, wide = checks.integer_range(found, low, high)
        count = math.prod(shape)
        with self._lock:
            words = self._stream.words64(count) if wide else self._stream.words32(count)
        if width & (width - 1) == 0:  # a power of two: the low bits are what is left
            words &= words.dtype.type(width - 1)
        else:
            words %= words.dtype.type(width)
        if base == 0 and not wide:
            return draws.narrow(words, found).reshape(shape)
        values = words.astype(np.int64)
        values += base
        return draws.narrow(values, found).reshape(shape)

    def randperm(self, n: int, dtype: DTypeLike = np.int64) -> Array:
        """Draw a permutation of 0 .. n-1: ``torch.randperm``, a Fisher-Yates shuffle.

        Raises: RuntimeError if n is negative or too great for the dtype.

        Example:
            >>> Generator().manual_seed(0).randperm(5).tolist()
            [4, 0, 1, 3, 2]
        """
        found, n = np.dtype(dtype), operator.index(n)
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
        limit = checks.permutation_limit(found)
        if n > limit:
            text = f"randperm: value cannot be converted to type {found.name} without overflow"
            raise RuntimeError(f"{text}: expected n of at most {limit}, got {n}")
        with self._lock:
            return draws.shuffled(self._stream, n).astype(found)

    def bernoulli(
        self,
        p: float | Array,
        size: Sequence[int] | None = None,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Draw ones with probability p and zeros: ``bernoulli_`` and dropout masks.

        A number p or a float64 array takes two words per element, another array takes one. An array
        is broadcast to ``size``, by default its own shape.

        Raises: RuntimeError unless 0 <= p <= 1, NotImplementedError for an array of integers.

        Example:
            >>> Generator().manual_seed(0).bernoulli(0.5, (5,)).tolist()
            [0.0, 0.0, 1.0, 0.0, 0.0]
        """
        chances = np.asarray(p)
        is_array = isinstance(p, np.ndarray)
        shape = checks.shape_of("bernoulli", chances.shape if size is None else size)
        if is_array:
            checks.float_dtype("bernoulli", chances.dtype)
        ok = bool(np.all((chances >= 0) & (chances <= 1)))
        if not ok and is_array:
            raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        if not ok:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        with self._lock:
            if not is_array:
                drawn = draws.standard_bernoullis(
                    self._stream, math.prod(shape), float(p), np.dtype(dtype)
                )
                return drawn.reshape(shape)
            if chances.dtype == np.float64:
                u: Array = draws.uniform_doubles(self._stream, math.prod(shape))
            else:
                u = draws.uniform_singles(self._stream, math.prod(shape))
                chances = chances.astype(np.float32)
        return (u.reshape(shape) < chances).astype(dtype)

    def bernoulli_bits(self, p: float, count: int) -> Array:
        """Draw what ``bernoulli`` draws for a number p, packed eight to a byte, and a byte more.

        Example:
            >>> Generator().manual_seed(0).bernoulli_bits(0.5, 5).tolist()
            [4, 0]
        """
        with self._lock:
            return draws.bernoulli_bits(self._stream, count, p)

    def exponential(
        self, size: Sequence[int], lambd: float = 1.0, dtype: DTypeLike = np.float32
    ) -> Array:
        """Draw waiting times of rate lambd: ``exponential_``, ``-log(1 - u) / lambd``.

        Raises: RuntimeError unless lambd > 0, NotImplementedError for integers.

        Example:
            >>> Generator().manual_seed(0).exponential((2,)).tolist()
            [3.508326292037964, 1.2303847074508667]
        """
        found, shape = checks.float_request("exponential", size, dtype)
        checks.require(lambd > 0.0, "exponential_ expects lambda > 0.0, but found lambda", lambd)
        with self._lock:
            u = draws.uniform_doubles(self._stream, math.prod(shape))
        waits = -1.0 / lambd * draws.apply_double("log1p", -u, found)
        return draws.narrow(waits, found).reshape(shape)

    def geometric(self, size: Sequence[int], p: float, dtype: DTypeLike = np.float32) -> Array:
        """Draw the number of trials up to the first success: ``geometric_``.

        Formula: ``ceil(log(u) / log(1 - p))``.

        Raises: RuntimeError unless 0 < p < 1.

        Example:
            >>> Generator().manual_seed(0).geometric((4,), 0.3).tolist()
            [1.0, 1.0, 3.0, 1.0]
        """
        shape = checks.shape_of("geometric", size)
        checks.require(0.0 < p < 1.0, "geometric_ expects p to be in (0, 1), but got p", p)
        with self._lock:
            u = draws.uniform_doubles(self._stream, math.prod(shape))
        trials = np.ceil(np.log(u) / math.log1p(-p))
        return draws.narrow(trials, np.dtype(dtype)).reshape(shape)

    def cauchy(
        self,
        size: Sequence[int],
        median: float = 0.0,
        sigma: float = 1.0,
        dtype: DTypeLike = np.float32,
    ) -> Array:
        """Draw from a Cauchy distribution: ``cauchy_``, ``median + sigma * tan(pi (u - 1/2))``.

        Raises: RuntimeError unless sigma > 0, NotImplementedError for integers.

        Example:
            >>> Generator().manual_seed(0).cauchy((2,)).tolist()
            [10.597729682922363, 0.7647672891616821]
        """
        found, shape = checks.float_request("cauchy", size, dtype)
        checks.require(sigma > 0.0, "cauchy_ expects sigma > 0.0, but found sigma", sigma)
        with self._lock:
            u = draws.uniform_doubles(self._stream, math.prod(shape))
        slopes = draws.apply_double("tan", math.pi * (u - 0.5), found)
        return draws.narrow(fused_multiply_add(slopes, sigma, median), found).reshape(shape)

    def poisson(self, rates: Array) -> Array:
        """Draw numbers of events with these mean numbers: ``torch.poisson``.

        Raises: RuntimeError for a negative rate, NotImplementedError for integers.

        Example:
            >>> Generator().manual_seed(0).poisson(np.array([3.0, 30.0])).tolist()
            [6.0, 27.0]
        """
        checks.float_dtype("poisson", rates.dtype)
        ok = bool(np.all(rates >= 0))
        if not ok:
            raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
        with self._lock:
            drawn = poissons(self._stream, rates.astype(np.float64).ravel().tolist())
        return draws.narrow(np.array(drawn, dtype=np.float64), rates.dtype).reshape(rates.shape)

    def binomial(self, counts: Array, chances: Array) -> Array:
        """Draw numbers of successes in so many trials of these chances: ``torch.binomial``.

        Example:
            >>> Generator().binomial(np.array([3.0, 5.0]), np.array([0.0, 1.0])).tolist()
            [0.0, 5.0]
        """
        checks.float_dtype("binomial", counts.dtype)
        wide = [values.astype(np.float64).ravel().tolist() for values in (counts, chances)]
        with self._lock:
            drawn = binomials(self._stream, zip(*wide, strict=True))
        return draws.narrow(np.array(drawn, dtype=np.float64), counts.dtype).reshape(counts.shape)

    def gamma(self, shapes: Array) -> Array:
        """Draw from gamma distributions of scale one: ``torch._standard_gamma`` before its clamp.

        Raises: NotImplementedError for types other than float32 and float64.

        Example:
            >>> Generator().manual_seed(0).gamma(np.array([0.5, 2.5])).round(4).tolist()
            [0.0008, 0.9422]
        """
        if shapes.dtype not in (np.float32, np.float64):
            raise NotImplementedError(f"gamma numbers of type {shapes.dtype} are not drawn")
        narrow = float if shapes.dtype == np.float64 else lambda x: float(np.float32(x))
        wide = shapes.astype(np.float64).ravel().tolist()
        with self._lock:
            drawn = gammas(self._stream, wide, narrow)
        return np.array(drawn, dtype=np.float64).astype(shapes.dtype).reshape(shapes.shape)

    def multinomial(self, probs: Array, num_samples: int, replacement: bool = False) -> Array:
        """Draw category numbers from rows of weights: ``torch.multinomial``.

        Without replacement, or for one sample, the greatest of weight / exponential win; else
        uniform numbers are looked up in the running sums.

        Raises: RuntimeError for weights that are no distribution or more samples than categories.

        Example:
            >>> weights = np.array([0.1, 0.0, 0.6, 0.3], np.float32)
            >>> Generator().manual_seed(0).multinomial(weights, 2).tolist()
            [2, 3]
        """
        checks.check_weights(probs, num_samples, replacement)
        if not replacement or num_samples == 1:
            race = probs / in_memory_order(
                probs, lambda size: self.exponential(size, 1.0, probs.dtype)
            )
            if num_samples == 1:
                return np.expand_dims(race.argmax(-1), -1)
            order = np.argsort(-race, axis=-1, kind="stable")
            return np.ascontiguousarray(order[..., :num_samples])
        rows = probs.reshape(-1, probs.shape[-1])
        with self._lock:
            u = draws.uniform_doubles(self._stream, len(rows) * num_samples)
        picks = np.empty((len(rows), num_samples), dtype=np.int64)
        for pick, weights, draw in zip(picks, rows, u.reshape(picks.shape), strict=True):
            pick[:] = draws.look_up(weights, draw)
        return picks.reshape(*probs.shape[:-1], num_samples)


def _restore(state: NDArray[np.uint8]) -> Generator:
    """Rebuild a pickled or copied generator."""
    return Generator().set_state(state)
