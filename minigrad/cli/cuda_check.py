"""``minigrad cuda-check``: a CUDA kernel file run on the CPU, in all orders and checked."""

from __future__ import annotations

import linecache
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from minigrad.backend.cuda_source import folder
from minigrad.cli.errors import CommandError
from minigrad.cuda.on_cpu import CompileError, compiler_problem
from minigrad.cuda.on_cpu.tries import Outcome, run


def check(path: Path, dtype: str, kernel: str | None) -> int:
    """Print what comes of each ``// Try:`` line; 1 if there was a finding, else 0."""
    if problem := compiler_problem():
        raise CommandError(f"cuda-check: {problem}")
    path = _find(path)
    failed = 0
    began = time.perf_counter()
    try:
        for tried, outcomes in groupby(run(path, dtype, kernel), lambda each: each.tried):
            lines = list(_report(list(outcomes), path))
            seconds = time.perf_counter() - began
            print(f"{'FOUND' if lines else 'ok':<6}{seconds:6.2f} s  {tried}", flush=True)
            for line in lines:
                print(line)
            failed += bool(lines)
            began = time.perf_counter()
    except (CompileError, ValueError, FileNotFoundError) as error:
        raise CommandError(f"cuda-check: {error}") from error
    return 1 if failed else 0


def _find(path: Path) -> Path:
    """The file, or one of that name among minigrad's own kernels."""
    for candidate in (path, folder() / path.name):
        if candidate.is_file():
            return candidate
    raise CommandError(f"cuda-check: there is no file {path}")


def _report(outcomes: list[Outcome], path: Path) -> Iterator[str]:
    """The findings, each once with the modes that showed it, and the line of the source."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.problem:
            found.setdefault(outcome.problem, []).append(outcome.mode)
    for problem, modes in found.items():
        yield "  " + problem.replace("\n", "\n  ")
        yield from _quote(problem, path)
        yield f"      found in: {'; '.join(modes)}"


def _quote(problem: str, path: Path) -> Iterator[str]:
    place = problem.rpartition(", at ")[2]
    name, _, line = place.partition(":")
    for base in (path.parent, folder()):
        if line.isdigit() and (base / name).is_file():
            yield f"      {linecache.getline(str(base / name), int(line)).strip()}"
            return
