"""Compiling a kernel file for the CPU, and keeping what was compiled."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from minigrad.backend.cuda_source import folder

__all__ = ["CompileError", "build", "cache_folder", "compiler_problem", "kept"]

_PLAIN = [
    "-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-g1", "-pipe",
    "-ffp-contract=off", "-fno-strict-aliasing", "-fno-math-errno",
]  # fmt: skip
# The libraries of these sanitizers are not linked: their hooks are in checker.h.
_CHECKED = ("-O1", "-fsanitize=thread,alignment,bounds,shift,integer-divide-by-zero")
_SHIM = ("cuda_on_cpu.h", "state.h")


class CompileError(RuntimeError):
    """A kernel file that the compiler refuses, or no compiler."""


@functools.cache
def compiler() -> tuple[str, str]:
    """The C++ compiler, and what it says of its version. ``CXX`` chooses another one.

    Raises: CompileError if there is none.
    """
    asked = os.environ.get("CXX") or "g++"
    found = shutil.which(asked)
    if found is None:
        raise CompileError(f"running CUDA kernels on the CPU needs a C++ compiler; no {asked} here")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found, said


def compiler_problem() -> str | None:
    """Why no kernel can be compiled for the CPU, in one sentence; None if it can."""
    try:
        compiler()
    except CompileError as error:
        return str(error)
    return None


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "minigrad" / "cuda_on_cpu"


def shim() -> Path:
    """The folder of the shim's C++ files."""
    return folder().parent / "cuda_on_cpu"


@functools.cache
def _runtime(options: tuple[str, ...]) -> Path:
    """The runtime, compiled once for all kernels."""
    text = "".join(path.read_text("utf-8") for path in sorted(shim().glob("*.h")))
    command = [*_PLAIN, "-O2", *options, "-x", "c++", "-c", str(shim() / "runtime.h")]
    path = cache_folder() / f"{_key(text, command)}.o"
    return kept(path, lambda to: _run([*command, "-o", str(to)], "runtime"))


def build(name: str, unit: str, checked: bool, options: tuple[str, ...] = ()) -> Path:
    """The shared library of a kernel file, compiled if it is not kept from before.

    Raises: CompileError with what the compiler said.
    """
    runtime = _runtime(options)
    header = "".join((shim() / part).read_text("utf-8") for part in _SHIM)
    flags = [*_PLAIN, *(_CHECKED if checked else ("-O1",)), *options]
    flags += ["-include", str(shim() / "cuda_on_cpu.h")]

    def make(to: Path) -> None:
        with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
            text, object_file = Path(scratch, Path(name).name), Path(scratch, "kernel.o")
            text.write_text(unit, encoding="utf-8")
            _run([*flags, "-x", "c++", "-c", str(text), "-o", str(object_file)], name)
            link = ["-shared", "-Wl,-Bsymbolic", str(object_file), str(runtime), "-o", str(to)]
            _run(link, name)

    return kept(cache_folder() / f"{_key(header + name + unit + runtime.name, flags)}.so", make)


def _key(text: str, flags: list[str]) -> str:
    whole = "\0".join((text, *flags, *compiler()))
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def kept(path: Path, make: Callable[[Path], object]) -> Path:
    """A file of the cache; made under another name first, so that it is never there by half."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=path.suffix, dir=path.parent)
        os.close(handle)
        try:
            make(Path(temporary))
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    return path


def _run(arguments: list[str], name: str) -> None:
    done = subprocess.run([compiler()[0], *arguments], capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"{name} does not compile for the CPU:\n{done.stderr[:6000]}")
