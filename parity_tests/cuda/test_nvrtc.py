"""Every kernel compiled for cards by NVRTC, without one; and the table of what they take."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from minigrad.backend.cuda_source import declarations, files, folder, source
from minigrad.cuda import nvrtc

needed = pytest.mark.skipif(nvrtc.nvrtc_problem() is not None, reason=nvrtc.nvrtc_problem() or "")
SPILLED = 64  # bytes of a thread, at most, in a kernel of float32


def test_the_table_is_up_to_date() -> None:
    """It says of which texts it was made; what NVRTC makes of them needs no second look."""
    text = (folder() / "registers.md").read_text("utf-8")
    assert nvrtc.fingerprint() in text, "python -m minigrad.cuda.nvrtc"


def test_the_table_has_every_kernel() -> None:
    text = (folder() / "registers.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+\.cu) \| (\w+) \|", text, re.MULTILINE)
    there = [
        (path.name, name) for path in files() for name in declarations(path.read_text("utf-8"))
    ]
    assert rows == there


def test_nothing_spills_much() -> None:
    text = (folder() / "registers.md").read_text("utf-8")
    spilled = {
        name: int(bytes)
        for name, bytes in re.findall(r"^\| \S+ \| (\w+) \|.*\| float32: (\d+)", text, re.MULTILINE)
    }
    assert {name: count for name, count in spilled.items() if count > SPILLED} == {}


@needed
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_kernels_compile_for(architecture: str) -> None:
    """A few files for each; the table was made of all of them, in all types."""
    chosen = [
        path for path in files() if path.stem in ("pool", "index", "random", "im2col", "convert")
    ]
    dtypes = ("float32", "bfloat16") if architecture == "sm_90" else ("float32",)

    def compiled(item: tuple[int, str]) -> set[str]:
        path = chosen[item[0]]
        return set(nvrtc.compile_kernels(path.name, source(path, item[1]), architecture))

    items = [(k, dtype) for k in range(len(chosen)) for dtype in dtypes]
    with ThreadPoolExecutor(2) as pool:
        for (k, _), found in zip(items, pool.map(compiled, items), strict=True):
            declared = declarations(chosen[k].read_text("utf-8")).values()
            assert found == {each.symbol for each in declared}


@needed
def test_what_nvrtc_refuses_is_said_with_its_words() -> None:
    with pytest.raises(nvrtc.NvrtcError, match='identifier "none" is undefined'):
        nvrtc.compile_kernels("k.cu", "__global__ void k() { none(); }", "sm_90")
