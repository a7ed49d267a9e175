"""The pool of threads: who sets it, forks, many Python threads at once; results never differ."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.backend import native
from minigrad.backend.native import kernel
from parity_tests.kernels.everywhere import LEVELS, compiled, using

pytestmark = compiled

COUNT = 300_000  # elements: many parts


def work(seed: int) -> bytes:
    """Some kernels on large arrays; the bytes of what they give."""
    random = np.random.default_rng(seed)
    p, g, b, v = (random.random(COUNT, np.float32) for _ in range(4))
    sgd, adam = kernel("sgd_step", p, g, b), kernel("adam_step", p, g, b, v)
    assert sgd is not None and adam is not None
    for _ in range(3):
        sgd(p, g, b, p.size, 0.1, 0.9, 0.0, 0.01, 1.0, 0.0, 0.0)
        adam(p, g, b, v, None, p.size, 0.9, 0.99, 1e-8, 0.0, 1.0, 1.0, 0.1, 0.5)
    return p.tobytes() + v.tobytes()


def test_the_number_of_threads_changes_no_bit() -> None:
    for level in LEVELS:
        found = []
        for threads in (1, 2, 3, 8):
            with using(level, threads):
                found.append(work(1))
        assert len(set(found)) == 1


def test_set_num_threads_governs_the_kernels() -> None:
    before = minigrad.get_num_threads()
    try:
        for count in (3, 1, 2):
            minigrad.set_num_threads(count)
            assert native.get_threads() == minigrad.get_num_threads() == count
    finally:
        minigrad.set_num_threads(before)


@pytest.mark.parametrize("given", ["1", "3", None])
def test_who_says_nothing_gets_all_processors_or_those_of_openmp(given: str | None) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    if given is not None:
        environment["OMP_NUM_THREADS"] = given
    program = (
        "import minigrad; from minigrad.backend import native;"
        "print(native.get_threads(), minigrad.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    expected = given or str(len(os.sched_getaffinity(0)))
    assert done.stdout.split() == [expected, expected]


PLACES = """
import json, os, sys
import numpy as np
from minigrad.backend import native
here = sorted(os.sched_getaffinity(0))[: 1 if sys.argv[1] == "one" else None]
os.sched_setaffinity(0, here)
native.set_threads(2)
p, g = np.ones((2, 1_000_000), np.float32)
native.kernel("sgd_step", p, g)(p, g, None, p.size, 0.5, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
threads = [sorted(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")]
print(json.dumps([here, threads, float(p.sum())]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="places as Linux tells them")
@pytest.mark.parametrize("allowed", ["one", "all"])
def test_threads_are_kept_off_the_callers_processor(allowed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLACES, allowed], capture_output=True, check=True, text=True
    )
    here, threads, total = json.loads(done.stdout)
    moved = [places for places in threads if places != here]
    assert total == 500_000 and len(threads) >= 2
    if len(here) == 1:
        assert not moved
    else:  # the kernels' own thread may use all processors but one
        assert len(moved) == 1 and len(moved[0]) == len(here) - 1 and set(moved[0]) < set(here)


def finished(child: int) -> int:
    """The exit status of a child, which is killed if it hangs."""
    alarm = threading.Timer(30, os.kill, (child, 9))
    alarm.start()
    status = os.waitpid(child, 0)[1]
    alarm.cancel()
    return status


def fork_and_compare(expected: bytes) -> int:
    """The exit status of a child that does the work again, with threads of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        os._exit(0 if work(1) == expected else 1)
    return finished(child)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_a_pool_of_its_own() -> None:
    with using(LEVELS[-1], 3):
        expected = work(1)
        assert fork_and_compare(expected) == 0
        assert work(1) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forks_while_kernels_run() -> None:
    with using(LEVELS[-1], 3):
        expected = work(1)
        stop = threading.Event()

        def busy() -> None:
            while not stop.is_set():
                work(2)

        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            assert [fork_and_compare(expected) for _ in range(5)] == [0] * 5
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_many_python_threads_at_once() -> None:
    with using(LEVELS[-1], 3):
        expected = [work(seed) for seed in range(8)]
        found: dict[int, Any] = {}

        def run(seed: int) -> None:
            found[seed] = [work(seed) for _ in range(3)]

        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(found[seed] == [expected[seed]] * 3 for seed in range(8))


def compiled_stress(tmp_path: Path, *flags: str) -> Path:
    """The stress of the pool as a program; skips where it can't be compiled."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("there is no C compiler")
    here, program = Path(__file__).parent, tmp_path / "stress"
    kernels = here.parents[1] / "kernels/cpu"
    sources = [here / "pool_stress.c", kernels / "threads.c", kernels / "scratch.c"]
    command = [compiler, "-std=gnu11", "-O1", "-g", "-pthread", *flags, "-I", kernels]
    done = subprocess.run([*command, *sources, "-o", program], capture_output=True, text=True)
    if done.returncode:
        assert flags and "sanitize" in " ".join(flags), done.stderr
        pytest.skip(f"the compiler has no such checks: {done.stderr[:80]}")
    return program


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks and checks as on Linux")
def test_the_pool_under_stress(tmp_path: Path) -> None:
    program = compiled_stress(tmp_path)
    done = subprocess.run([program, "20"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="checks as on Linux")
def test_the_pool_has_no_data_race(tmp_path: Path) -> None:
    program = compiled_stress(tmp_path, "-fsanitize=thread")
    without = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, env=without)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("the checks do not run on this kernel's layout of memory")
    assert done.returncode == 0, done.stdout + done.stderr


class Threads(minigrad.utils.data.Dataset):
    """Says how many threads the process has that reads it."""

    def __getitem__(self, index: int) -> int:
        return native.get_threads()

    def __len__(self) -> int:
        return 2


def test_workers_of_a_data_loader_have_one_thread() -> None:
    with using(LEVELS[-1], 2):
        loader = minigrad.utils.data.DataLoader(Threads(), num_workers=1)
        before = minigrad.get_num_threads()
        minigrad.set_num_threads(2)
        try:
            assert [batch.item() for batch in loader] == [1, 1]
        finally:
            minigrad.set_num_threads(before)
