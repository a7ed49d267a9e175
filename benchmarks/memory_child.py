"""One measurement of memory in a process of its own: run by the suite ``memory``, prints JSON."""

from benchmarks.environment import pin_threads

pin_threads()

import argparse  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.cases import CASES, Case, inference, training  # noqa: E402
from benchmarks.libraries import load  # noqa: E402
from benchmarks.models import small_mlp  # noqa: E402

STEPS = 3  # from the second on, the optimiser's state is there while the graph lives
SAMPLES = 100  # of resident memory, over a long run


def resident() -> int:
    """Bytes of this process in memory now, exactly (the quick counters lag by up to 64 pages)."""
    return _kilobytes("/proc/self/smaps_rollup", "Rss") * 1024


def resident_peak() -> int:
    """The most bytes that were ever in memory since the last `forget_peak`."""
    return _kilobytes("/proc/self/status", "VmHWM") * 1024


def forget_peak() -> None:
    """Start the peak anew at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def _kilobytes(path: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(path).read_text(), re.MULTILINE)
    assert found is not None, f"{path} has no {name}"
    return int(found.group(1))


def tidy() -> None:
    """Give back what is not in use, or it would serve the next step and hide what that takes."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc keeps what is freed
    if trim is not None:
        trim(0)


def peak(lib: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Peak above what is resident once libraries, model and batch are there.

    The code has run before, on two samples with another model, so that the pages of the libraries
    themselves, which the first call reads from disk, do not count.
    """
    build, case = WORK[options.mode], CASES[options.case]
    if options.batch is not None:
        case = replace(case, batch=options.batch)
    small = build(lib, replace(case, batch=2))
    for _ in range(2):
        small()
    del small
    step = build(lib, case)
    tidy()
    forget_peak()
    before = resident()
    losses = [step().mean().item() for _ in range(STEPS)]
    return {"peak": resident_peak() - before, "before": before, "losses": losses}


def flat(lib: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Resident memory over many steps with the collector off: what is not freed, stays."""
    step = training(lib, Case(small_mlp, (64,), 16, "adam"))
    every = max(1, options.steps // SAMPLES)
    gc.collect()
    gc.disable()
    samples = []
    for number in range(options.steps):
        if number % every == 0:
            samples.append([number, resident()])
        step()
    samples.append([options.steps, resident()])
    return {"samples": samples, "garbage": gc.collect()}


WORK: dict[str, Callable[..., Any]] = {"training": training, "inference": inference}


def main() -> None:
    """Measure one thing and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_child", description=__doc__)
    parser.add_argument("mode", choices=(*WORK, "flat"))
    parser.add_argument("--library", default="minigrad")
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args()
    run = flat if options.mode == "flat" else peak
    print(json.dumps(run(load(options.library), options)))


if __name__ == "__main__":
    main()
