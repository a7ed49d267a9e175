"""Where random words come from: a seeded stream whose state can be saved."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Self

from minigrad.device import device as Device
from minigrad.errors import message
from minigrad.random.mt19937 import MersenneTwister

__all__ = ["Seeds", "Source"]


class Seeds:
    """What default generators of cards start from, which are made when they are first asked."""

    of_cards = 67280421310721  # torch's, as long as nobody has seeded


class Source:
    """The seed and the state of a :class:`minigrad.Generator`; its subclass draws."""

    __slots__ = ("_lock", "_stream")
    # What a state is handed out as: an array, until the tensors say otherwise.
    as_state: ClassVar[Callable[[Any], Any]] = staticmethod(lambda state: state)

    def __init__(self, device: object = "cpu") -> None:
        if str(device) not in ("cpu", "cpu:0"):
            raise RuntimeError(message("Generator", "device 'cpu' or 'cuda'", f"{str(device)!r}"))
        self._lock = threading.RLock()
        self._stream = MersenneTwister()

    @property
    def device(self) -> Device:
        """Where the numbers are drawn."""
        return Device("cpu")

    def manual_seed(self, seed: int) -> Self:
        """Restart from a seed in [-2**63, 2**64); a negative one counts modulo 2**64.

        Raises: RuntimeError if the seed is no integer, ValueError if it does not fit.

        Example:
            >>> from minigrad.random import Generator
            >>> Generator().manual_seed(-1).initial_seed()
            18446744073709551615
        """
        number = self.checked_seed(seed)
        with self._lock:
            self._stream.seed(number)
        return self

    @staticmethod
    def checked_seed(seed: Any) -> int:
        """A seed in [0, 2**64), for what :meth:`manual_seed` was given."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise RuntimeError(message("manual_seed", "an int", type(seed).__name__))
        number = operator.index(seed)
        if not -(1 << 63) <= number < 1 << 64:
            raise ValueError(message("manual_seed", "a seed in [-2**63, 2**64)", str(number)))
        return number % (1 << 64)

    def initial_seed(self) -> int:
        """Return the seed the stream was last started from.

        Example:
            >>> from minigrad.random import Generator
            >>> Generator().initial_seed()
            67280421310721
        """
        return self._stream.seed_value

    def seed(self) -> int:
        """Restart from a seed that the operating system draws, and return it.

        Example:
            >>> from minigrad.random import Generator
            >>> g = Generator()
            >>> g.seed() == g.initial_seed()
            True
        """
        return self.manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()

    def get_state(self) -> Any:
        """Return the state as the 5056 bytes of ``torch.Generator.get_state``.

        Example:
            >>> from minigrad.random import Generator
            >>> len(Generator().get_state())
            5056
        """
        with self._lock:
            return type(self).as_state(self._stream.get_state())

    def set_state(self, new_state: Any) -> Self:
        """Continue from a saved state, this class's or torch's.

        Raises: TypeError unless it is an array of bytes, RuntimeError unless it holds a state.

        Example:
            >>> from minigrad.random import Generator
            >>> g = Generator().manual_seed(1)
            >>> saved = g.get_state()
            >>> float(g.uniform((1,))[0]) == float(g.set_state(saved).uniform((1,))[0])
            True
        """
        with self._lock:
            self._stream.set_state(getattr(new_state, "_array", new_state))
        return self

    def clone_state(self) -> Self:
        """Return another generator that will give the same numbers.

        Example:
            >>> from minigrad.random import Generator
            >>> g = Generator()
            >>> g.clone_state().randperm(5).tolist() == g.randperm(5).tolist()
            True
        """
        return type(self)().set_state(self._stream.get_state())
