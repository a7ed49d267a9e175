"""The machine that is measured on, and how quiet it was."""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.timing import Watch

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
    """Versions, threads, BLAS, devices and machine, as they are recorded with every result."""
    import numpy as np

    import minigrad
    from minigrad.version import __version__

    assert minigrad.__file__ is not None
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "minigrad": __version__,
        "commit": commit(Path(minigrad.__file__).parent.parent),
        "kernels": importlib.import_module("minigrad.backend.native").level(),
        "numpy": np.__version__,
        **_torch(),
        "ml_dtypes": importlib.metadata.version("ml_dtypes"),
        "python": platform.python_version(),
        "blas": f"{blas['name']} {blas['version']}",
        "blas threads": blas_threads(),
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _torch() -> dict[str, Any]:
    """torch's version, threads, card, and whether products on it may be rounded to TF32."""
    if importlib.util.find_spec("torch") is None:
        return {"torch": "not installed"}
    torch: Any = sys.modules.get("torch")
    if torch is None:  # nobody asked for it in this process
        return {"torch": importlib.metadata.version("torch")}
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    return {
        "torch": torch.__version__,
        "torch threads": torch.get_num_threads(),
        "card": card,
        "TF32": "does not matter" if card == "none" else f"products {tf32[0]}, cuDNN {tf32[1]}",
    }


def commit(folder: Path) -> str:
    """The commit of a checkout, with a plus if files of the library differ from it."""
    git = ["git", "--no-optional-locks", "-C", str(folder)]
    asked = (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "minigrad", "kernels"])
    try:
        done = [subprocess.run([*git, *a], capture_output=True, text=True) for a in asked]
    except FileNotFoundError:
        return "unknown"
    if any(d.returncode for d in done):
        return "unknown"
    return done[0].stdout.strip() + "+" * bool(done[1].stdout.strip())


def _cpu() -> str:
    """The processor as ``/proc/cpuinfo`` names it."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    found = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.*)$", text, re.MULTILINE))
    if not found:
        return platform.processor()
    return f"{found.get('model name', '?')}, family {found.get('cpu family', '?')}"


class Noise:
    """How much of the machine others used while we measured, and what that did to a fixed loop."""

    def __init__(self) -> None:
        self._wall, self._own, self._all = time.perf_counter(), _own_time(), _machine_time()
        self._spins = spins()

    def data(self) -> dict[str, float]:
        """What is recorded: seconds, processors used, load, and by how much a fixed loop varies."""
        wall = time.perf_counter() - self._wall
        own = _own_time() - self._own
        others = max(0.0, _machine_time() - self._all - own)
        spread = statistics.quantiles(self._spins + spins(), n=10)
        return {
            "seconds": round(wall, 1),
            "own processors": round(own / wall, 3),
            "other processors": round(others / wall, 3),
            "load": round(os.getloadavg()[0], 2),
            "spin": round(spread[-1] / spread[0] - 1, 3),
            "taken away": round(1 - Watch.ran / Watch.seen, 3) if Watch.seen else 0.0,
        }


def note(noise: Mapping[str, float]) -> str:
    """A line that says whether the machine was quiet."""
    cores = os.cpu_count() or 1
    said = (
        f"{noise['seconds']:.0f} s; this run used {noise['own processors']:.2f} processors on "
        f"average, everything else on the machine {noise['other processors']:.2f} of {cores}; "
        f"load {noise['load']:.1f}; a fixed loop varied by {noise['spin']:.0%}; of the time on the "
        f"clock {noise['taken away']:.0%} was somebody else's and is not counted"
    )
    busy = noise["own processors"] + noise["other processors"] > 0.9 * cores
    noisy = busy or noise["other processors"] > 0.3 or noise["spin"] > 0.25
    return said + (": A NOISY MACHINE, believe ratios only." if noisy else ".")


def spins(count: int = 40) -> list[float]:
    """Seconds on the wall that a fixed loop of a third of a millisecond takes, some times over."""
    found = []
    for _ in range(count):
        start = time.perf_counter()
        for _ in range(10_000):
            pass
        found.append(time.perf_counter() - start)
    return found


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
