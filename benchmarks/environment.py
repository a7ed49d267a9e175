"""The machine that is measured on, and how quiet it was."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def pin_threads() -> None:
    """One thread for every BLAS that may be about to be imported."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def blas_threads() -> int | None:
    """How many threads the OpenBLAS in this process says it uses; None if it is another BLAS."""
    for path in sorted(_libraries("openblas")):
        library = ctypes.CDLL(path)
        for name in ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads"):
            if hasattr(library, name):
                return int(getattr(library, name)())
    return None


def _libraries(word: str) -> set[str]:
    """The files with a word in their names that are mapped into this process."""
    maps = Path("/proc/self/maps")
    text = maps.read_text() if maps.exists() else ""
    return set(re.findall(rf"(/\S*{word}\S*)$", text, re.MULTILINE))


def describe() -> dict[str, Any]:
    """Versions, threads, BLAS and machine, as they are recorded with every result."""
    import numpy as np
    import torch

    import minigrad
    from minigrad.version import __version__

    assert minigrad.__file__ is not None
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "minigrad": __version__,
        "numpy": np.__version__,
        "torch": torch.__version__,
        "ml_dtypes": importlib.metadata.version("ml_dtypes"),
        "python": platform.python_version(),
        "blas": f"{blas['name']} {blas['version']}",
        "blas threads": blas_threads(),
        "torch threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _cpu() -> str:
    """The processor as ``/proc/cpuinfo`` names it."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    found = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.*)$", text, re.MULTILINE))
    if not found:
        return platform.processor()
    return f"{found.get('model name', '?')}, family {found.get('cpu family', '?')}"


class Noise:
    """How much of the machine others used while we measured."""

    def __init__(self) -> None:
        self._wall, self._own, self._all = time.perf_counter(), _own_time(), _machine_time()

    def note(self) -> str:
        """A line that says whether the machine was quiet."""
        wall = time.perf_counter() - self._wall
        own = _own_time() - self._own
        others = max(0.0, _machine_time() - self._all - own)
        said = (
            f"{wall:.0f} s; this run used {own / wall:.2f} processors on average, everything else "
            f"on the machine {others / wall:.2f} of {os.cpu_count()}"
        )
        quiet = own + others < 0.9 * wall * (os.cpu_count() or 1) and others < 0.3 * wall
        return said + ("." if quiet else ": A NOISY MACHINE, believe ratios only.")


def _own_time() -> float:
    """Processor time of this process and of those that it has waited for."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def _machine_time() -> float:
    """Processor time that the whole machine was busy, stolen time included."""
    path = Path("/proc/stat")
    if not path.exists():
        return _own_time()
    user, nice, system, _idle, _wait, irq, soft, steal = map(
        int, path.read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
