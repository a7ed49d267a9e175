"""Memory: a settled training asks the system for none, and the accounts of it are right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad.backend import memory
from minigrad.inspect.memory import memory_allocated, memory_summary, uses

ROOT = Path(__file__).parents[2]
MEBI = 2**20
gnu = pytest.mark.skipif(
    memory.held() is None or "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="another C library than GNU's, or another malloc",
)

PROGRAM = """
import json, resource
import minigrad as mg
from benchmarks.cases import CASES, training
from minigrad.backend import memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

step = training(mg, CASES["LeNet"])
for _ in range(6):
    step()
before, heap = faults(), memory.held()
for _ in range(5):
    step()
settled, grown = faults() - before, sum(memory.held()) - sum(heap)
big = mg.ones(20_000_000)  # larger than what malloc keeps of itself
big = big + 1
big = None
before = faults()
big = mg.ones(20_000_000)
print(json.dumps([settled, grown, faults() - before]))
"""


BACKWARD = """
import json, resource
import minigrad as mg
from minigrad.backend import memory

y = x = mg.ones(1000, 1000, requires_grad=True)
for _ in range(40):
    y = y.sin()  # keeps its input
total = y.sum()
del y
before, heap = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, sum(memory.held())
total.backward()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(json.dumps([faults * resource.getpagesize(), sum(memory.held()) - heap]))
"""


INFERENCE = """
import json
import minigrad as mg
from minigrad.backend import memory

nn = mg.nn
net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2),
    nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
    nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 10),
)
x = mg.randn(256, 1, 28, 28)
before = memory.resident()
with mg.no_grad():
    for _ in range(4):
        found = net(x)
print(json.dumps([memory.resident_peak() - before]))
"""


THREADS = """
import json, threading
import minigrad as mg
from minigrad.backend import memory

conv, x = mg.nn.Conv2d(64, 64, 3, padding=1), mg.randn(2, 64, 32, 32)

def work(times):
    for _ in range(times):
        one = threading.Thread(target=lambda: conv(x).sum().item())
        one.start()
        one.join()

work(30)
before = memory.resident()
work(60)
print(json.dumps([memory.resident() - before]))
"""


def measured(program: str = PROGRAM, **environment: str) -> list[int]:
    """What a program prints: of the first, page faults of five settled steps, growth of the heap,
    faults of a large array again.
    """
    told = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    told |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", program], env=told, capture_output=True, check=True, text=True
    )
    found: list[int] = json.loads(done.stdout)
    return found


@gnu
def test_settled_training_asks_the_system_for_no_memory() -> None:
    settled, grown, again = measured()
    assert settled < 50  # of some thousand pages that a step uses
    assert grown == 0
    assert again < 50


@gnu
def test_a_backward_works_in_the_memory_of_the_graph_that_it_frees() -> None:
    faults, grown = measured(BACKWARD)
    array = 4_000_000  # bytes; 40 gradients are made, and one is kept
    assert faults <= 3 * array
    assert grown <= 3 * array


@gnu
def test_inference_holds_two_results_at_most() -> None:
    """What kernels keep for themselves does not lie between arrays, where it would part them."""
    (peak,) = measured(INFERENCE)
    largest = 256 * 6 * 28 * 28 * 4
    assert peak < 2.5 * largest  # a result, what is made of it, and the kernels' own memory


@gnu
def test_threads_that_end_leave_no_memory_behind() -> None:
    (grown,) = measured(THREADS)
    assert grown < 20 * MEBI  # of 60, if each left what its kernels worked in


@gnu
def test_who_has_chosen_otherwise_is_not_overruled() -> None:
    for choice in ({"MINIGRAD_MEMORY": "system"}, {"MALLOC_MMAP_THRESHOLD_": "1000000"}):
        assert measured(**choice)[2] > 20  # even in pages of 2 MB


@gnu
def test_empty_cache_gives_memory_back() -> None:
    x = mg.ones(30_000_000)
    first = memory.held()
    del x
    then = memory.held()
    assert first is not None and then is not None
    assert first.used - then.used > 100 * MEBI
    before = memory.resident()
    mg.backends.cpu.empty_cache()
    after = memory.resident()
    assert before is not None and after is not None
    if memory.keep():
        assert before - after > 100 * MEBI


@pytest.mark.usefixtures("no_garbage")
def test_the_account_of_tensors() -> None:
    def bytes_of() -> dict[str, int]:
        return {use.name: use.bytes for use in uses()}

    before = bytes_of()
    w = mg.ones(1000, requires_grad=True)
    y = w.exp()
    view = y[10:]
    now = bytes_of()
    assert now["parameters and other leaves"] - before["parameters and other leaves"] == 4000
    assert now["kept for backward"] - before["kept for backward"] == 4000
    assert now["other tensors"] == before["other tensors"]  # a view, and what is kept already
    view.sum().backward()
    after = bytes_of()
    assert after["gradients"] - before["gradients"] == 4000
    assert memory_allocated() == sum(after.values())
    text = memory_summary()
    for name in after:
        assert name in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps a peak")
def test_the_peak_begins_anew() -> None:
    x = mg.ones(20_000_000)
    peak = memory.resident_peak()
    del x
    mg.backends.cpu.empty_cache()
    if not memory.forget_peak():
        pytest.skip("this system does not let the peak be reset")
    then = memory.resident_peak()
    assert peak is not None and then is not None and then < peak
