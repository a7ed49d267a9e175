"""CUDA kernels compiled by NVRTC for cards that are not here: machine code without a driver.

``python -m minigrad.cuda.nvrtc`` compiles every kernel for every architecture and writes
``kernels/cuda/registers.md``; ``--check`` says whether that is up to date. It needs one wheel,
``nvidia-cuda-nvrtc``, and no card.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.backend.cuda_source import declarations, files, folder, source

__all__ = ["ARCHITECTURES", "Usage", "compile_kernels", "nvrtc_problem", "table"]

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")  # A100; H100 and H200; B200
SHOWN = "sm_90"
# What CuPy adds by itself: results on a card are those of flushed subnormal numbers.
_OPTIONS = ("-ftz=true", "--std=c++17", "--device-as-default-execution-space")


class NvrtcError(RuntimeError):
    """A kernel file that NVRTC refuses."""


@dataclass(frozen=True)
class Usage:
    """What one kernel takes: registers of a thread, bytes that are spilled, bytes of shared memory."""

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

Written by `python -m minigrad.cuda.nvrtc` with NVRTC {version}: registers of a thread and bytes of static shared
memory, compiled for {shown} (`real` = float32; float64, float16 and bfloat16 follow where they differ). Every file
compiles for {architectures} in all four types; nothing spills unless a column says so.

| file | kernel | threads | registers | of float64, float16, bfloat16 | spills | shared |
| --- | --- | --- | --- | --- | --- | --- |
"""


def _rows(path: Path) -> Iterator[str]:
    usages = {}
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        for architecture in ARCHITECTURES:
            found = compile_kernels(path.name, source(path, dtype), architecture)
            if architecture == SHOWN:
                usages[dtype] = found
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
    head = _HEAD.format(version=version(), shown=SHOWN, architectures=", ".join(ARCHITECTURES))
    return head + "".join(f"{row}\n" for path in files() for row in _rows(path))


def main(arguments: list[str]) -> int:
    """Write the table, or with ``--check`` compare."""
    if problem := nvrtc_problem():
        print(problem, file=sys.stderr)
        return 2
    text, path = table(), folder() / "registers.md"
    if "--check" not in arguments:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text("utf-8") != text:
        print("registers.md is stale: python -m minigrad.cuda.nvrtc", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
