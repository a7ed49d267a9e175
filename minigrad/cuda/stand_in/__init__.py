"""A strict stand-in for CuPy: ``device='cuda'`` on a machine without a card.

``MINIGRAD_CUDA=sim`` makes minigrad use it instead of CuPy from the start (``sim:2`` has two
cards); :func:`installed` does so for a block. Its modules are ``cupy``, ``cupyx`` and their parts,
as far as minigrad uses them. Memory is NumPy's and results are NumPy's; the rules are CuPy's, and
what breaks one is an error here at once: arrays of host and card never mix, a function or an
argument that CuPy lacks is not there, raw kernels are really run (by ``minigrad.cuda.on_cpu``), a
use of memory that no event orders after the write that it needs raises, and each wait of the host
for the card is counted and can be forbidden.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from minigrad.cuda.stand_in import cards
from minigrad.cuda.stand_in.cards import counts, guarded
from minigrad.cuda.stand_in.namespace import modules
from minigrad.cuda.stand_in.streams import StreamOrderError

__all__ = ["StreamOrderError", "counts", "cupy", "guarded", "install", "installed", "uninstall"]

cupy: Any = modules()["cupy"]


def install(devices: int = 1) -> None:
    """Let ``import cupy`` find the stand-in, with so many cards."""
    cards.set_count(devices)
    sys.modules.update(modules())


def uninstall() -> None:
    """Forget it again."""
    for name, module in modules().items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


@contextlib.contextmanager
def installed(devices: int = 1) -> Iterator[Any]:
    """minigrad's cards are simulated inside of the block; gives the module ``cupy``.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     (torch.ones(2, device="cuda") + 1).cpu()
    tensor([2., 2.])
    """
    from minigrad.backend import select

    before = {name: sys.modules.get(name) for name in modules()}
    cards_before, backends = len(cards.pools), select.exchange_cuda([])
    current, cards.here.device = cards.here.device, 0
    install(devices)
    select.use_cuda(cupy)
    try:
        yield cupy
    finally:
        uninstall()
        sys.modules.update({name: module for name, module in before.items() if module})
        cards.set_count(cards_before)
        cards.here.device = current
        select.exchange_cuda(backends)
