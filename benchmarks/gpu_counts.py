"""How many launches a training step takes on a card, as the stand-in counts them.

A launch is a kernel of ours, of CuPy's or of cuBLAS, a fill or a copy within the card; CuPy may
take two for one of its own. What a step costs the host, where it is not captured, grows with their
number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.cases import CASES, training

Row = dict[str, Any]
BATCH = 4  # the number of launches hardly depends on it, and the stand-in is slow
KINDS = ("launches", "pieces", "to_card", "to_host")
HEAD = "| step | launches | pieces of memory | copies to the card | waits for it |"
PAGE = "docs/cuda_without_gpu.md"  # has the table
CASES_OF = {
    "tiny MLP 2-16-16-2, SGD": CASES["MLP 2-16-16-2"],
    "MLP 784-256-10, SGD": CASES["MLP 784-256-10, SGD"],
    "MLP 784-256-10, Adam": CASES["MLP 784-256-10, Adam"],
    "LeNet, SGD": CASES["LeNet"],
    "ResNet-18 32x32, SGD": CASES["ResNet-18 32x32"],
}


def counted(run: Callable[[], Any]) -> dict[str, int]:
    """What happens on the stand-in meanwhile."""
    from minigrad.cuda import stand_in

    before = {kind: getattr(stand_in.counts, kind) for kind in KINDS}
    run()
    return {kind: getattr(stand_in.counts, kind) - before[kind] for kind in KINDS}


def steps(mine: Any, names: Any = tuple(CASES_OF)) -> Iterator[Row]:
    """Of each network one step, after two to warm up."""
    for name in names:
        step = training(mine, dataclasses.replace(CASES_OF[name], batch=BATCH), "cuda")
        for _ in range(2):
            step()
        yield {"what": name, **counted(step)}


def lines() -> Iterator[str]:
    """The table of the page about CUDA, line by line."""
    import minigrad
    from minigrad.cuda import stand_in

    yield HEAD
    yield "|" + " --- |" * 5
    with stand_in.installed():
        for row in steps(minigrad):
            yield as_line(row)


def as_line(row: Row) -> str:
    """A row of the table."""
    return f"| {row['what']} | {' | '.join(str(row[kind]) for kind in KINDS)} |"
