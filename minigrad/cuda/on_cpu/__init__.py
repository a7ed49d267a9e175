"""CUDA kernels on the CPU: compiled by g++, run thread by thread, and checked.

The same ``.cu`` text that NVRTC compiles for a card runs here on NumPy arrays, either plainly or
with every access judged: races, bounds, barriers, alignment, shared memory that nobody wrote.
``minigrad cuda-check`` is the command; ``docs/cuda_without_gpu.md`` teaches reading its reports.
"""

from __future__ import annotations

from minigrad.cuda.on_cpu.build import CompileError, compiler_problem
from minigrad.cuda.on_cpu.findings import Finding, KernelError
from minigrad.cuda.on_cpu.module import Engine, Function, Module, reaching

__all__ = [
    "CompileError",
    "Engine",
    "Finding",
    "Function",
    "KernelError",
    "Module",
    "compiler_problem",
    "reaching",
]
