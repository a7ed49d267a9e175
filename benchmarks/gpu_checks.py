"""What is checked on a card besides the tests: kernels against the CPU, promises, ulps of every op.

Each function gives a row for each check as soon as it is done: what was checked, and whether it
holds (or how far it is off), or the error that it died of.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.cases import CASES, training

Row = dict[str, Any]


def attempt(what: str, run: Callable[[], Row]) -> Row:
    """A row; of what fails, its error."""
    try:
        return {"what": what, **run()}
    except Exception as error:
        return {"what": what, "error": f"{type(error).__name__}: {error}"[:300]}


def _given(path: Path, tried: Any) -> list[Any]:
    """The arguments of a ``// Try:`` line, which need no compiler for the CPU."""
    from minigrad.backend.cuda_source import declarations
    from minigrad.cuda.on_cpu import tries as lines

    runner: Any = object.__new__(lines._Runner)
    runner.dtype = "float32"
    runner.engine = types.SimpleNamespace(
        empty=lambda shape, dtype: np.full(shape or (), -1).astype(dtype)
    )
    runner.module = types.SimpleNamespace(declared=declarations(path.read_text("utf-8")))
    found: list[Any] = runner._arguments(tried)
    return found


def launches(cupy: Any) -> Iterator[Row]:
    """Every ``// Try:`` line on the card, for a tool that watches; nothing is compared.

    Without the pool, whose pieces end at multiples of 512 bytes: a tool sees each array's end.
    """
    from minigrad.backend import cuda_source
    from minigrad.backend.cuda_kernels import CupyEngine, Kernels
    from minigrad.cuda.on_cpu import tries as lines

    kernels = Kernels(CupyEngine(cupy), "float32")

    def run(path: Path, tried: Any) -> Row:
        there = [cupy.asarray(v) if isinstance(v, np.ndarray) else v for v in _given(path, tried)]
        kernels[tried.name](*there)
        cupy.cuda.Device().synchronize()
        return {"right": True}

    pool = cupy.cuda.get_allocator()
    cupy.cuda.set_allocator(None)
    try:
        for path in cuda_source.files():
            for tried in lines.tries(path.read_text("utf-8")):
                yield attempt(f"{path.name}: {tried}", lambda p=path, t=tried: run(p, t))  # type: ignore[misc]
    finally:
        cupy.cuda.set_allocator(pool)


def tries(cupy: Any) -> Iterator[Row]:
    """Every ``// Try:`` line on the card, against the same text run on the CPU."""
    from minigrad.backend import cuda_source
    from minigrad.backend.cuda_kernels import CupyEngine, Kernels
    from minigrad.cuda.on_cpu import tries as lines

    kernels = Kernels(CupyEngine(cupy), "float32")

    def compared(host: Any, tried: Any) -> Row:
        given = host._arguments(tried)
        there = [cupy.asarray(v) if isinstance(v, np.ndarray) else v for v in given]
        kernels[tried.name](*there)
        found = [a.get() for a in there if isinstance(a, cupy.ndarray)]
        return {"right": all(map(lines._same, host(tried), found))}

    for path in cuda_source.files():
        code = cuda_source.source(path, "float32")
        try:
            host = lines._Runner(path, code, "float32", False, "forward")
        except Exception as error:
            yield {"what": path.name, "error": f"{type(error).__name__}: {error}"[:300]}
            continue
        for tried in lines.tries(path.read_text("utf-8")):
            yield attempt(f"{path.name}: {tried}", lambda h=host, t=tried: compared(h, t))  # type: ignore[misc]


def promises(mine: Any) -> Iterator[Row]:
    """What minigrad says of a card, each in a few lines."""
    for name, check in PROMISES.items():
        yield attempt(name, lambda c=check: {"right": bool(c(mine))})  # type: ignore[misc]


def _philox(mine: Any) -> bool:
    from minigrad.random import philox

    mine.manual_seed(2**40 + 3)
    found = mine.rand(100_003, device="cuda").cpu().numpy()
    return bool(np.array_equal(found, philox.uniform(100_003, 2**40 + 3)))


def _replayed_dropout(mine: Any) -> bool:
    x, graph = mine.ones(1000, device="cuda"), mine.cuda.CUDAGraph()
    drop = mine.nn.functional.dropout
    drop(x)
    with mine.cuda.graph(graph):
        y = drop(x)
    mine.manual_seed(1)
    eager = [drop(x).cpu().tolist() for _ in range(3)]
    mine.manual_seed(1)
    replays = []
    for _ in range(3):
        graph.replay()
        replays.append(y.cpu().tolist())
    return replays == eager and replays[0] != replays[1]


def _deterministic(mine: Any) -> bool:
    runs, case = [], dataclasses.replace(CASES["LeNet"], batch=4)
    mine.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            step = training(mine, case, "cuda")
            runs.append([step().item() for _ in range(5)])
    finally:
        mine.use_deterministic_algorithms(False)
    return runs[0] == runs[1]


def _out_of_memory(mine: Any) -> bool:
    try:
        mine.empty(1 << 46, device="cuda")
    except mine.cuda.OutOfMemoryError as error:
        said = "Tried to allocate 256.00 TiB" in str(error) and "The program can go on" in str(
            error
        )
        return said and mine.ones(3, device="cuda").sum().item() == 3
    return False


def _no_waiting(mine: Any) -> bool:
    step = training(mine, CASES["MLP 2-16-16-2"], "cuda")
    for _ in range(2):
        step()
    with mine.cuda.forbid_sync():
        step()
    return True


PROMISES: dict[str, Callable[[Any], bool]] = {
    "random numbers have the bits of the CPU's Philox": _philox,
    "a captured dropout draws what eager ones would": _replayed_dropout,
    "deterministic training has the same bits twice": _deterministic,
    "too little memory is told, and the program goes on": _out_of_memory,
    "a training step does not wait for the card": _no_waiting,
}


def agreement(mine: Any, some: slice = slice(None)) -> Iterator[Row]:
    """The greatest distance of each op's float32 results from the CPU's, in ulps of the greatest.

    Random numbers are the host's on both sides.
    """
    from minigrad import random
    from parity_tests.ops.samples import records

    with mock.patch.object(random, "generator_of", lambda place: random.default_generator):
        for record in records(oracle=False)[some]:
            if "float" in record.dtypes and record.name not in ("as_strided", "cpu"):
                yield attempt(record.name, lambda r=record: {"ulps": _worst(mine, r)})  # type: ignore[misc]


def _worst(mine: Any, record: Any) -> float:
    from parity_tests.ledger_rows import error, scale_of
    from parity_tests.ops import samples

    worst = 0.0
    for index, sample in enumerate(record.samples_or_default()):
        domains = samples.domains_of(record, sample)
        call = samples.drawn(record, index, "float32", "contiguous")
        sides = []
        for make in (samples.ours, lambda array: mine.from_numpy(array).to("cuda")):
            made, _ = samples.tensors_of(call, make)
            outs = samples.outputs(samples.result_of(record, record.function, made, domains))
            sides.append([samples.to_numpy(t) for t in outs if hasattr(t, "detach")])
        for here, there in zip(*sides, strict=True):
            if here.dtype == np.float32:
                worst = max(worst, error(there, here, scale_of([here])))
            elif not np.array_equal(here, there, equal_nan=here.dtype.kind == "f"):
                worst = float("inf")
    return worst
