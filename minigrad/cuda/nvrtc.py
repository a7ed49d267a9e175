"""CUDA kernels compiled by NVRTC for cards that are not here: machine code without a driver.

``python -m minigrad.cuda.nvrtc`` compiles every kernel, float32 for every architecture and the
other types for one, and writes ``kernels/cuda/registers.md`` with a fingerprint of what it was
made of. It takes a minute or two, one wheel, ``nvidia-cuda-nvrtc``, and no card.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.backend.cuda_source import DTYPES, declarations, files, folder, source

__all__ = ["ARCHITECTURES", "NvrtcError", "Usage", "compile_kernels", "fingerprint"]
__all__ += ["nvrtc_problem", "table"]

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")  # A100; H100 and H200; B200
SHOWN = "sm_90"
# What CuPy adds by itself: results on a card are those of flushed subnormal numbers.
_OPTIONS = ("-ftz=true", "--std=c++17", "--device-as-default-execution-space")


class NvrtcError(RuntimeError):
    """A kernel file that NVRTC refuses."""


@dataclass(frozen=True)
class Usage:
    """What one kernel takes: registers of a thread, spilled bytes, bytes of shared memory."""

    registers: int
    spills: int
    shared: int


@functools.cache
def _library() -> Any:
    """NVRTC by ctypes, out of NVIDIA's wheels; None if there is none."""
    nvidia = importlib.util.find_spec("nvidia")
    for base in nvidia.submodule_search_locations or () if nvidia else ():
        for path in sorted(Path(base).glob("*/lib/libnvrtc.so.*")):
            library = ctypes.CDLL(str(path))
            library.nvrtcGetErrorString.restype = ctypes.c_char_p
            return library
    return None


def nvrtc_problem() -> str | None:
    """Why kernels cannot be compiled for cards here, in one sentence; None if they can."""
    if _library() is None:
        return "NVRTC is not installed: python -m pip install nvidia-cuda-nvrtc"
    return None


def version() -> str:
    """NVRTC's version."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def compile_kernels(name: str, code: str, architecture: str) -> dict[str, Usage]:
    """Compile a text for an architecture; what each of its kernels takes.

    Raises: NvrtcError with NVRTC's messages.
    """
    library, program = _library(), ctypes.c_void_p()
    _expect(library.nvrtcCreateProgram(
        ctypes.byref(program), code.encode(), name.encode(), 0, None, None
    ))  # fmt: skip
    try:
        options = [f"-arch={architecture}", *_OPTIONS, "--ptxas-options=-v"]
        packed = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        failed = library.nvrtcCompileProgram(program, len(options), packed)
        size = ctypes.c_size_t()
        _expect(library.nvrtcGetProgramLogSize(program, ctypes.byref(size)))
        log = ctypes.create_string_buffer(size.value)
        _expect(library.nvrtcGetProgramLog(program, log))
        text = log.value.decode()
        if failed:
            raise NvrtcError(f"{name} for {architecture}:\n{text}")
        return _usages(text)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _expect(result: int) -> None:
    if result:
        raise NvrtcError(_library().nvrtcGetErrorString(result).decode())


def _usages(log: str) -> dict[str, Usage]:
    """What ptxas reports of each kernel."""
    found = {}
    for kernel, report in re.findall(
        r"Compiling entry function '(\w+)' for(.*?)(?=Compiling entry|\Z)", log, re.DOTALL
    ):
        numbers = [
            re.search(rf"(\d+) {what}", report)
            for what in ("registers", "bytes spill stores", "bytes smem")
        ]
        found[kernel] = Usage(*(int(number[1]) if number else 0 for number in numbers))
    return found


_HEAD = """# What the kernels take

Written by `python -m minigrad.cuda.nvrtc` with NVRTC {version}, of texts with the fingerprint
`{fingerprint}`. Registers of a thread, bytes of static shared memory, and bytes that are
spilled, for {shown}: `real` is float32, the other three types stand beside it. float32 was compiled
for {architectures}.

| file | kernel | threads | registers | of float64, float16, bfloat16 | spills | shared |
| --- | --- | --- | --- | --- | --- | --- |
"""


def fingerprint() -> str:
    """Of the texts of all kernels in all types."""
    texts = (source(path, dtype) for path in files() for dtype in DTYPES)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _usages_of(path: Path) -> dict[str, dict[str, Usage]]:
    """By type, what each kernel of a file takes; the other architectures need only compile."""
    for architecture in ARCHITECTURES:
        if architecture != SHOWN:
            compile_kernels(path.name, source(path, "float32"), architecture)
    return {dtype: compile_kernels(path.name, source(path, dtype), SHOWN) for dtype in DTYPES}


def _rows(path: Path, usages: dict[str, dict[str, Usage]]) -> Iterator[str]:
    for declared in declarations(path.read_text("utf-8")).values():
        of = {dtype: found[declared.symbol] for dtype, found in usages.items()}
        first, *others = of.values()
        registers = ", ".join(str(other.registers) for other in others)
        spills = ", ".join(f"{dtype}: {use.spills}" for dtype, use in of.items() if use.spills)
        yield (
            f"| {path.name} | {declared.name} | {declared.threads} | {first.registers} | "
            f"{registers} | {spills or 0} | {first.shared} |"
        )


def table() -> str:
    """The text of registers.md."""
    head = _HEAD.format(
        version=version(),
        fingerprint=fingerprint(),
        shown=SHOWN,
        architectures=", ".join(ARCHITECTURES),
    )
    with ThreadPoolExecutor(2) as pool:  # NVRTC works outside of the interpreter's lock
        usages = list(pool.map(_usages_of, files()))
    rows = (row for path, found in zip(files(), usages, strict=True) for row in _rows(path, found))
    return head + "".join(f"{row}\n" for row in rows)


def main() -> int:
    """Write the table."""
    if problem := nvrtc_problem():
        print(problem, file=sys.stderr)
        return 2
    (folder() / "registers.md").write_text(table(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
