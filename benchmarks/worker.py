"""One side in a process of its own: it prepares programs and runs them when it is told to.

It reads a line of JSON for each order and answers with one: ``{"prepare": [name, sizes]}`` with
samples of what the program computes, or why it cannot; ``{"calls": n}`` with seconds.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import peers, programs
from benchmarks.sides import SIDES, Side
from benchmarks.timing import Watch

SAMPLED = 2000  # values of each result that are compared, evenly spaced; and their sum
WARM = 3  # runs before a graph is captured, or anything is timed


class Worker:
    """A library with the program that it was last told to prepare."""

    def __init__(self, side: Side, threads: int, plant: float) -> None:
        self.side, self.plant = side, plant
        self.lib: Any = importlib.import_module(side.library)
        self.torch_like = side.library in programs.LIBRARIES
        if self.torch_like:
            programs.set_up(self.lib, threads)
        self.run: Callable[[], Any] | None = None

    def prepare(self, name: str, sizes: dict[str, Any]) -> dict[str, Any]:
        """Make a program ready and run it a first time."""
        self.run = None
        gc.collect()  # and never while time is taken
        gc.disable()
        try:
            if self.torch_like:
                run = programs.PROGRAMS[name](self.lib, self.side.device, **sizes)
            else:
                run = peers.program(self.side.library, name)(**sizes)
            if self.side.captured:
                run = self.captured(run)
            results = [sampled(self.array(value)) for value in run()]
            for _ in range(WARM):
                run()
        except Exception as error:  # whatever it is, it is said in the row
            return {"cannot": f"{type(error).__name__}: {str(error).splitlines()[0]:.100}"}
        self.run = run
        return {"results": results}

    def captured(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """The same work as a CUDA graph."""
        for _ in range(WARM):
            run()
        graph = self.lib.cuda.CUDAGraph()
        with self.lib.cuda.graph(graph):
            results = run()

        def replay() -> Any:
            graph.replay()
            return results

        return replay

    def array(self, value: Any) -> Any:
        """A result as NumPy's."""
        if self.torch_like and not isinstance(value, float):
            value = value.detach().cpu().numpy()
        return np.asarray(value)

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.side.device == "cuda":
            self.lib.cuda.synchronize()

    def timed(self, calls: int) -> dict[str, float]:
        """Seconds per call: until all is done; until all is handed over; of the card alone."""
        assert self.run is not None
        on_card = self.side.device == "cuda"
        for _ in range(calls // 4):  # another side has just had the caches
            self.run()
        self.wait()
        marks = [self.lib.cuda.Event(enable_timing=True) for _ in range(2)] if on_card else []
        watch = Watch()
        for mark in marks[:1]:
            mark.record()
        for _ in range(calls):
            self.run()
        for mark in marks[1:]:
            mark.record()
        host = watch.wall()
        self.wait()
        seconds = watch.wall() if on_card else watch.running()
        if self.plant:
            seconds = self.slowed(seconds, watch, on_card)
        found = {"seconds": seconds / calls, "seen": watch.wall()}
        if on_card:
            found["host"] = host / calls
            found["device"] = marks[0].elapsed_time(marks[1]) / 1000 / calls
        return found

    def slowed(self, seconds: float, watch: Watch, on_card: bool) -> float:
        """Really take so much longer: for tests of the comparison of two results."""
        while (now := watch.wall() if on_card else watch.running()) < seconds * (1 + self.plant):
            pass
        return now


def sampled(array: Any) -> dict[str, Any]:
    """What of a result is compared."""
    flat = np.asarray(array, np.float64).reshape(-1)
    step = max(1, flat.size // SAMPLED)
    finite = flat[np.isfinite(flat)]
    return {
        "shape": list(array.shape),
        "values": flat[::step].tolist(),
        "finite": finite.size,
        "sum": float(finite.sum()),
        "size": float(np.abs(finite).sum()),
    }


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plant", type=float, default=0.0)
    options = parser.parse_args()
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    worker = Worker(SIDES[options.side], options.threads, options.plant)
    print(json.dumps({"started": time.time()}), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "prepare" in order:
            answer = worker.prepare(*order["prepare"])
        else:
            answer = worker.timed(order["calls"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
