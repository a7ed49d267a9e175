"""Indices that leave their axis, on a card: noticed by a kernel, told when the program next waits.

Looking at an index before it is used would make the program wait for the card in every step. So a
kernel writes into a flag of its message, and ``tell``, which all that waits for the card calls
(``to_host``, ``synchronize``), raises for the flags that are set. No memory is touched outside of
an array meanwhile: kernels leave such places alone. With the variable CUDA_LAUNCH_BLOCKING=1, as
torch has it, each check is told at once, at the line that it belongs to.
"""

from __future__ import annotations

import os
from typing import Any

from minigrad.backend import capture

__all__ = ["expect", "flag", "forget", "note_range", "note_span", "pending", "tell", "tell_at_once"]

MOST = 64  # messages of a card between two waits; the last one stands for those that follow
LATE = (
    " (found by the card, and told when the program next waited for it; run with "
    "CUDA_LAUNCH_BLOCKING=1 to see the line)"
)


class _Card:
    """The flags of one card, and what each of them says."""

    def __init__(self, xp: Any) -> None:
        self.flags = xp.zeros(MOST, "int64")
        self.said: dict[str, Any] = {}  # a message and its flag, an array of one element
        self.kinds: list[type[Exception]] = []


_cards: dict[Any, _Card] = {}
_asked: set[Any] = set()  # cards that have been given checks since they were last looked at


def flag(xp: Any, array: Any, message: str, kind: type[Exception] = IndexError) -> Any:
    """The flag, an int64 array of one element, for a message about an array; ``kind`` is raised."""
    where = array.device.id
    card = _cards.get(where)
    if card is None:
        with array.device, capture.aside(xp):
            card = _cards[where] = _Card(xp)
    _asked.add(where)
    capture.keep(card.flags)
    found = card.said.get(message)
    if found is None:
        at = len(card.kinds)
        if at == MOST:
            return card.flags[MOST - 1 :]
        found = card.said[message] = card.flags[at : at + 1]
        card.kinds.append(kind)
    return found


def note_range(
    xp: Any, index: Any, low: int, size: int, message: str, kind: type[Exception] = IndexError
) -> None:
    """Let the card look whether all of an index lies in ``low <= i < size``."""
    if index.size:
        index = xp.ascontiguousarray(index.astype("int64", copy=False))
        _note("out_of_range", xp, xp.empty(0, "float32"), index, low, size, message, kind)


def note_span(
    xp: Any, x: Any, low: float, high: float, message: str, kind: type[Exception] = RuntimeError
) -> None:
    """Let the card look whether all of an array of floats lies in ``low <= x <= high``."""
    if x.size:
        _note("out_of_span", xp, x, xp.ascontiguousarray(x), low, high, message, kind)


def _note(
    name: str, xp: Any, like: Any, x: Any, low: float, high: float, message: str,
    kind: type[Exception],
) -> None:  # fmt: skip
    from minigrad.backend.cuda_kernels import served  # once there is a card

    kernels = served(like)
    if kernels is not None:
        kernels[name](x, x.size, low, high, flag(xp, x, message, kind))
        tell_at_once()


def tell_at_once() -> None:
    """``tell`` where that is asked for: after each kernel that may have set a flag."""
    if os.environ.get("CUDA_LAUNCH_BLOCKING") == "1":
        tell()


def pending() -> set[Any]:
    """The cards that have been given checks since they were last looked at; a copy."""
    return set(_asked)


def expect(cards: set[Any]) -> None:
    """Look at these cards again at the next wait: a captured step has run with its checks."""
    _asked.update(cards)


def forget() -> None:
    """Forget all cards: others take their place."""
    _cards.clear()
    _asked.clear()


def tell() -> None:
    """Raise for the first flag that is set; the flags are cleared. Free where nothing was asked."""
    if not _asked:
        return
    for where in tuple(_asked):
        _asked.discard(where)
        card = _cards[where]
        found = card.flags.get().nonzero()[0]
        if len(found):
            card.flags.fill(0)
            message, kind = list(card.said)[found[0]], card.kinds[found[0]]
            raise kind(message + LATE)
