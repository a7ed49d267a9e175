"""``minigrad doctor``: what this machine offers to minigrad, and what to install for the rest."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_info

import minigrad as mg
from minigrad.backend import backend_for, memory, native
from minigrad.backends.cpu import get_cpu_capability
from minigrad.cli.errors import reason
from minigrad.device import device
from minigrad.errors import DeviceError
from minigrad.version import __version__

# Who sets one of these has chosen the number of BLAS threads.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_EXTRAS = {
    "cli": ("typer", "rich", "matplotlib", "pillow", "threadpoolctl"),
    "files": ("safetensors",),
    "vision": ("pillow",),
    "test": ("torch", "pytest", "pytest-xdist", "hypothesis", "ruff", "mypy"),
}


def report() -> Iterator[str]:
    """The lines of the report."""
    yield _row("minigrad", __version__, os.path.dirname(mg.__file__ or ""))
    yield _row("Python", platform.python_version(), platform.platform())
    yield _row("NumPy", np.__version__, _blas())
    yield from _narrow_blas()
    yield _row("ml_dtypes", _version("ml_dtypes") or "missing")
    yield _row("CPU", f"{_cores()} cores", _thread_settings())
    yield _kernels()
    yield _memory()
    yield from _cuda()
    for extra, packages in _EXTRAS.items():
        yield from _extra(extra, packages)


def _row(name: str, value: str, note: str = "") -> str:
    return f"{name:<10} {value:<12} {note}".rstrip()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _blas() -> str:
    return ", ".join(
        f"BLAS: {pool['internal_api']} {pool['version']}, "
        f"{pool.get('architecture', 'unknown')} kernels, {pool['num_threads']} threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    )


def _narrow_blas() -> Iterator[str]:
    """What to do about an OpenBLAS that does not know the processor for what it is.

    Some versions take recent AMD processors for older ones, and run at half their speed.
    """
    names = [pool.get("architecture") for pool in threadpool_info() if pool["user_api"] == "blas"]
    old = [name for name in names if name in ("Haswell", "Zen")]
    if old and get_cpu_capability() == "AVX512":
        yield _row("", "", f"this processor has AVX-512, and the BLAS uses kernels for {old[0]}:")
        yield _row("", "", "set OPENBLAS_CORETYPE=SKYLAKEX before Python starts, or update NumPy")


def _memory() -> str:
    """Whether freed memory is kept for what comes, or why not."""
    if memory.keep():
        return _row("memory", "kept", "what is freed serves again")
    return _row("memory", "the system's", "freed memory goes back to the system and comes again")


def _cores() -> int:
    """Cores that this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _thread_settings() -> str:
    return ", ".join(f"{name}={os.environ[name]}" for name in THREADS if name in os.environ)


def _kernels() -> str:
    """Whether the native kernels are there, for which processors, and which are used."""
    there = native.levels()[1:]
    if not there:
        return _row("kernels", "not there", f"NumPy does everything: {native.why_not}")
    threads = native.get_threads()
    note = f"compiled for {', '.join(there)}; {threads} thread{'s' * (threads > 1)}"
    return _row("kernels", native.level(), note)


def _cuda() -> Iterator[str]:
    """Which of the three is missing, if one is: CuPy, a wheel that fits, a card."""
    try:
        runtime = backend_for(device("cuda")).xp.cuda.runtime
    except DeviceError as error:
        yield _row("CUDA", "not used", reason(error))
        return
    cards = range(runtime.getDeviceCount())
    names = (runtime.getDeviceProperties(card)["name"].decode() for card in cards)
    yield _row("CUDA", "ready", ", ".join(names))


def _extra(extra: str, packages: tuple[str, ...]) -> Iterator[str]:
    found = {package: _version(package) for package in packages}
    missing = [package for package, version in found.items() if version is None]
    have = ", ".join(f"{package} {version}" for package, version in found.items() if version)
    yield _row(extra, "missing" if missing else "complete", have)
    if missing:
        pip = f"python -m pip install 'minigrad[{extra}]'"
        yield _row("", "", f"not installed: {', '.join(missing)}; to install: {pip}")
