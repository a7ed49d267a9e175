"""The ``// Try:`` lines of every kernel file run without a finding, and every kernel has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minigrad.backend.cuda_source import declarations, files
from minigrad.cuda.on_cpu.tries import Outcome, run, tries
from parity_tests.cuda.engines import compiler

# Their table of tensors is a struct; test_memory.py runs them, checked as well.
OF_TABLES = {"sgd_many", "adam_many", "adam_many_counted"}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_every_kernel_has_a_try(path: Path) -> None:
    text = path.read_text("utf-8")
    assert set(declarations(text)) - {each.name for each in tries(text)} <= OF_TABLES


@compiler
@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_tries_run_clean(path: Path) -> None:
    """In three orders with one result, and checked in two."""
    found = [f"{o.tried} ({o.mode}): {o.problem}" for o in run(path) if o.problem]
    assert found == []


TRIES = """#include "common.cuh"
// Try: reversed_copy(randn(64), out(64), 64)
KERNEL(reversed_copy, 64, 1)(const real *x, real *y, i64 n)
{
    __shared__ real s[64];
    s[threadIdx.x] = narrow(0);
    __syncthreads();
    s[threadIdx.x] = x[threadIdx.x];
    BARRIER
    y[threadIdx.x] = s[63 - threadIdx.x];
}
"""


def outcomes(folder: Path, text: str) -> Iterator[Outcome]:
    path = folder / "mine.cu"
    path.write_text(text)
    return run(path)


@compiler
def test_a_missing_barrier_is_found_in_two_ways(tmp_path: Path) -> None:
    """By the checker, and by results that depend on the order."""
    assert not any(
        o.problem for o in outcomes(tmp_path, TRIES.replace("BARRIER", "__syncthreads();"))
    )
    problems = {o.mode: o.problem for o in outcomes(tmp_path, TRIES.replace("BARRIER", ""))}
    assert "is a barrier missing" in problems["reversed"]
    assert "race on s[" in problems["checked, forward"]
    assert "mine.cu:10" in problems["checked, forward"]


@compiler
def test_a_plain_kernel_is_launched_as_its_try_says(tmp_path: Path) -> None:
    text = """// Try: add<<<(2, 1), 32, 16>>>(arange(64), ones(64), 64, 2.5)
    __global__ void add(const float *x, float *y, int n, float a)
    {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] += a * x[i];
    }
    """
    assert not any(o.problem for o in outcomes(tmp_path, text))
    wrong = "\n".join(o.problem for o in outcomes(tmp_path, text.replace("if (i < n) ", "i++; ")))
    assert "out of bounds: y[64], but y has 64 elements" in wrong


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("int x;", "has no line '// Try"),
        ("// Try: relu", "a try is written NAME"),
    ],
)
def test_a_file_without_tries_says_what_to_write(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(outcomes(tmp_path, text))
