"""``minigrad cuda-check``."""

from __future__ import annotations

from pathlib import Path

import pytest

from minigrad.cli.app import run
from parity_tests.cuda.engines import compiler

KERNEL = """#include "common.cuh"
// Try: shift(randn(100), out(100), 100)
KERNEL(shift, 64, cover(n, 64))(const real *x, real *y, i64 n)
{
    GRID_STRIDE(i, n)
        y[i] = x[i + 1];
}
"""


@compiler
def test_a_bug_is_shown_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shift.cu"
    path.write_text(KERNEL)
    assert run(["cuda-check", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "FOUND" in shown and "shift(randn(100), out(100), 100)" in shown
    assert "read of 4 bytes out of bounds: x[100], but x has 100 elements" in shown
    assert "kernel shift, block (1, 0, 0), thread (35, 0, 0), at shift.cu:6" in shown
    assert "y[i] = x[i + 1];" in shown
    path.write_text(KERNEL.replace("i + 1", "n - 1 - i"))
    assert run(["cuda-check", str(path)]) == 0
    assert capsys.readouterr().out.startswith("ok")


@compiler
def test_minigrads_own_kernels_are_found_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cuda-check", "pool.cu", "--kernel", "avg_pool"]) == 0
    assert capsys.readouterr().out.count("ok") == 2


@compiler
def test_the_page_shows_what_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/cuda_without_gpu.md: its kernel, and the report that it explains."""
    page = Path(__file__).parents[2].joinpath("docs", "cuda_without_gpu.md").read_text("utf-8")
    (tmp_path / "mirror.cu").write_text(page.split("```cpp\n")[1].split("```")[0])
    assert run(["cuda-check", str(tmp_path / "mirror.cu")]) == 1
    shown = page.split("$ minigrad cuda-check mirror.cu\n")[1].split("```")[0].splitlines()
    found = capsys.readouterr().out.splitlines()
    assert found[1:] == shown[1:]
    assert found[0].split()[3:] == shown[0].split()[3:]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.cu"], "cuda-check: there is no file none.cu"),
        (["pool.cu", "--kernel", "none"], "cuda-check: pool.cu has no line"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cuda-check", *arguments]) == 2
    assert says in capsys.readouterr().err
