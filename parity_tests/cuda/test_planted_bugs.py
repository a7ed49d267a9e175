"""Kernels with a bug in them: the checker must name it, its line, and the variable.

Each was right before a bug was planted, and is run right as well where that shows something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from minigrad.backend.cuda_source import folder, inline
from minigrad.cuda import nvrtc
from minigrad.cuda.on_cpu import Engine, Function, KernelError
from parity_tests.cuda.engines import compiler

pytestmark = compiler


@dataclass
class Bug:
    """A kernel named k of (const float *x, float *y, int n), launched on 64 threads a block."""

    source: str
    kind: str
    says: str
    grid: int = 1
    block: int = 64
    n: int = 64
    shared: int = 0
    size: int = 64
    order: str = "forward"
    misalign: int = 0
    plain_finds_it: bool = False
    variable: str = ""
    parameters: str = "const float *x, float *y, int n"
    arguments: tuple[Any, ...] = field(default=())


BUGS = {
    "missing barrier": Bug(
        """__shared__ float s[64];
        s[threadIdx.x] = x[threadIdx.x];
        y[threadIdx.x] = s[63 - threadIdx.x]; // BUG""",
        "unwritten", r"read of s\[63\]", variable="s",
    ),
    "missing second barrier": Bug(
        """__shared__ float s[64];
        s[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        float v = s[63 - threadIdx.x]; // BUG
        s[threadIdx.x] = v;
        __syncthreads();
        y[threadIdx.x] = s[threadIdx.x];""",
        "race", r"race on s\[\d+\]: a read here.* wrote it at bug.cu:7", variable="s",
        order="reversed",
    ),
    "too little dynamic shared memory": Bug(
        """extern __shared__ float none[];
        float *s = (float *)cuda_on_cpu::dynamic_shared();
        s[threadIdx.x] = x[threadIdx.x]; // BUG
        __syncthreads();
        y[threadIdx.x] = s[threadIdx.x ^ 1];""".replace("extern __shared__ float none[];\n", ""),
        "out of bounds", r"dynamic shared memory\[32\], but .* has 32 elements", shared=128,
    ),
    "sum without atomics": Bug(
        """y[threadIdx.x & 3] += x[threadIdx.x]; // BUG""",
        "race", r"race on y\[0\]", variable="y",
    ),
    "blocks that share an element": Bug(
        """if (threadIdx.x == 0) y[0] = x[blockIdx.x]; // BUG""",
        "race", r"block \(0, 0, 0\).*blocks run at the same time", grid=2, variable="y",
    ),
    "atomic and plain together": Bug(
        """if (threadIdx.x < 32) atomicAdd(y, 1.0f);
        else y[0] = 2; // BUG""",
        "race", r"changed atomically it", variable="y",
    ),
    "no test of the bounds": Bug(
        """int i = blockIdx.x * blockDim.x + threadIdx.x;
        y[i] = x[i]; // BUG""",
        "out of bounds", r"x\[64\], but x has 64 elements", grid=2, variable="x",
    ),
    "before the array": Bug(
        """y[threadIdx.x] = x[(int)threadIdx.x - 1]; // BUG""",
        "out of bounds", r"x\[-1\] lies before the array", variable="x",
    ),
    "return before a barrier": Bug(
        """if (threadIdx.x >= 40) return;
        __syncthreads(); // BUG
        y[threadIdx.x] = x[threadIdx.x];""",
        "exited threads", r"24 threads of the block have ended", plain_finds_it=True,
    ),
    "barrier in a branch": Bug(
        """if (threadIdx.x & 1) {
            __syncthreads();
        } else {
            y[0] = 1;
            __syncthreads();
        }""",
        "divergent barrier", r"__syncthreads\(\) has diverged", block=2, plain_finds_it=True,
    ),
    "shuffle in a branch": Bug(
        """float v = 0;
        if (threadIdx.x < 16)
            v = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 1); // BUG
        y[threadIdx.x] = v;""",
        "exited lane", r"names lane 16, which has ended", block=32, plain_finds_it=True,
    ),
    "shuffle outside its mask": Bug(
        """float v = x[threadIdx.x];
        if (threadIdx.x < 16) v = __shfl_sync(0xffffu, v, 20); // BUG
        y[threadIdx.x] = v;""",
        "lane outside mask", r"reads a lane that is not in its mask", block=32, plain_finds_it=True,
    ),
    "shared memory nobody wrote": Bug(
        """__shared__ float s[64];
        if (threadIdx.x < 63) s[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        if (threadIdx.x == 0) y[0] = s[63]; // BUG""",
        "unwritten", r"s\[63\], which no thread of this block has written", variable="s",
    ),
    "what the last block left": Bug(
        """__shared__ float s[64];
        if (blockIdx.x == 0) s[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        y[blockIdx.x] = s[0]; // BUG""",
        "race", r"race on y\[0\]", grid=2, variable="y",
    ),
    "misaligned float4": Bug(
        """if (threadIdx.x < 4)
            y[threadIdx.x] = ((const float4 *)x)[threadIdx.x].y; // BUG""",
        "misaligned", r"misaligned access", misalign=1,
    ),
    "shared array overrun": Bug(
        """__shared__ float s[64];
        s[threadIdx.x + 1] = x[threadIdx.x]; // BUG
        __syncthreads();
        y[0] = s[1];""",
        "index", r"index 64 is outside of the array",
    ),
    "write through const": Bug(
        """((float *)x)[0] = 3; // BUG""",
        "read-only", r"write to x\[0\], which the kernel declares const", block=1, variable="x",
    ),
    "shift too far": Bug(
        """y[threadIdx.x] = (float)(1 << (int)(threadIdx.x * 8)); // BUG""",
        "shift", r"shift by 32 bits",
    ),
    "division by zero": Bug(
        """y[threadIdx.x] = (float)(n / (int)threadIdx.x); // BUG""",
        "division", r"division by zero",
    ),
    "assertion": Bug(
        """assert(threadIdx.x < 10); // BUG""",
        "assertion", r"assertion failed: threadIdx.x < 10", plain_finds_it=True,
    ),
    "null pointer": Bug(
        """const float *none = n > 1000 ? x : nullptr;
        y[threadIdx.x] = none[threadIdx.x]; // BUG""",
        "null pointer", r"null pointer", block=1,
    ),
    "block too large": Bug(
        """y[0] = 1;""", "launch", r"1 to 1024 threads", block=2048, plain_finds_it=True,
    ),
}  # fmt: skip


def launched(bug: Bug, checked: bool) -> None:
    source = f'extern "C" __global__ void k({bug.parameters})\n{{\n{bug.source}\n}}\n'
    module = Engine(checked, bug.order).compile("bug.cu", '#line 1 "bug.cu"\n' + source)
    x = np.arange(bug.size + bug.misalign, dtype=np.float32)[bug.misalign :]
    y = np.zeros(bug.size, np.float32)
    run = module.get_function("k")
    run((bug.grid,), (bug.block,), (x, y, np.int32(bug.n)), shared_mem=bug.shared)


@pytest.mark.parametrize("name", BUGS)
def test_the_checker_names_it(name: str) -> None:
    bug = BUGS[name]
    with pytest.raises(KernelError, match=bug.says) as caught:
        launched(bug, checked=True)
    finding = caught.value.finding
    assert finding.kind == bug.kind
    assert finding.kernel == "k"
    assert finding.variable == bug.variable or not bug.variable
    lines = [number for number, text in enumerate(bug.source.splitlines(), 3) if "// BUG" in text]
    if lines:
        assert (finding.place.file, finding.place.line) == ("bug.cu", lines[0])


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.plain_finds_it])
def test_a_plain_run_names_it_too(name: str) -> None:
    with pytest.raises(KernelError, match=BUGS[name].says):
        launched(BUGS[name], checked=False)


MISSING = """extern "C" __global__ void k(const float *x, float *y)
{
    __shared__ float s[64];
    s[threadIdx.x] = 0;
    __syncthreads();
    s[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = s[63 - threadIdx.x];
}"""


def test_another_order_shows_a_missing_barrier_without_the_checker() -> None:
    x, found = np.arange(1, 65, dtype=np.float32), set()
    for order in ("forward", "reversed", "shuffled"):
        y = np.zeros(64, np.float32)
        Engine(order=order).compile("k.cu", MISSING).get_function("k")((1,), (64,), (x, y))
        found.add(y.tobytes())
    assert len(found) == 2  # what the first warp reads depends on whether the second has run


RIGHT = """extern "C" __global__ void k(const float *x, float *y, float *sum)
{
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    float v = s[63 - threadIdx.x];
    __syncthreads();
    s[threadIdx.x] = v;
    __syncwarp();
    v = s[threadIdx.x ^ 1];
    for (int step = 16; step; step >>= 1)
        v += __shfl_xor_sync(0xffffffffu, v, step);
    if (threadIdx.x % 32 == 0)
        atomicAdd(sum, v);
    y[threadIdx.x] = v;
}"""


@pytest.mark.parametrize("order", ["forward", "reversed", "shuffled"])
def test_a_right_kernel_is_left_alone(order: str) -> None:
    """Barriers, warps in step, shuffles, atomics: none of them is a finding."""
    x, y, total = np.arange(64, dtype=np.float32), np.zeros(64, np.float32), np.zeros(1, np.float32)
    run = Engine(True, order).compile("k.cu", RIGHT).get_function("k")
    run((1,), (64,), (x, y, total))
    assert total[0] == x.sum()
    assert y[0] == x[32:].sum() and y[63] == x[:32].sum()


def one(parameters: str) -> Function:
    source = f'extern "C" __global__ void k({parameters}) {{}}'
    return Engine().compile("k.cu", source).get_function("k")


@pytest.mark.parametrize(
    ("parameters", "arguments", "says"),
    [
        ("int n", (5,), "n.: int64 given, the kernel takes a whole number of 4 bytes"),
        ("float p", (0.5,), "p.: float64 given, the kernel takes a fraction of 4 bytes"),
        ("double p", (1,), "p.: int64 given, the kernel takes a fraction"),
        ("long long n", (1.0,), "n.: float64 given, the kernel takes a whole number"),
        ("const float *x", (np.zeros(3),), "x.: float64 given, the kernel takes items of 4 bytes"),
        ("const float *x", (3,), "x.: expected an array, got int"),
        ("const float *x", (), "0 arguments given, it takes 1"),
    ],
)
def test_wrong_arguments_are_refused(parameters: str, arguments: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        one(parameters)((1,), (1,), arguments)


def test_an_array_with_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="gaps"):
        one("const float *x")((1,), (1,), (np.zeros((4, 4), np.float32).T[::2],))


COPY = """#include "async_copies.cuh"
extern "C" __global__ void k(const float *x, float *y)
{
    __shared__ float s[64];
    copy_later<4>(s + threadIdx.x, x + threadIdx.x, threadIdx.x < 60 ? 4 : 0);
    commit_copies();
    WAIT
    __syncthreads();
    y[threadIdx.x] = s[63 - threadIdx.x];
}"""


def test_an_asynchronous_copy_must_be_waited_for() -> None:
    text = inline(COPY, "k.cu", folder())
    x, y = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    right = text.replace("WAIT", "wait_for_copies<0>();")
    Engine(True).compile("k.cu", right).get_function("k")((1,), (64,), (x, y))
    assert (y == np.where(np.arange(64) < 60, x, 0)[::-1]).all()
    wrong = Engine(True).compile("k.cu", text.replace("WAIT", "")).get_function("k")
    with pytest.raises(KernelError, match="which no thread of this block has written"):
        wrong((1,), (64,), (x, y))


@pytest.mark.skipif(nvrtc.nvrtc_problem() is not None, reason=nvrtc.nvrtc_problem() or "")
def test_an_asynchronous_copy_compiles_for_cards() -> None:
    text = inline(COPY.replace("WAIT", "wait_for_copies<0>();"), "k.cu", folder())
    assert set(nvrtc.compile_kernels("k.cu", text, "sm_90")) == {"k"}


SHIFT = """extern "C" __global__ void k(const float *x, float *y, int n)
{
    y[threadIdx.x] = x[threadIdx.x + n] + 1;
}"""


def test_an_array_may_be_read_and_written_by_one_launch() -> None:
    """Through a const pointer and another one: judged as the one array that it is."""
    run = Engine(True).compile("bug.cu", SHIFT).get_function("k")
    x = np.arange(64, dtype=np.float32)
    run((1,), (64,), (x, x, np.int32(0)))
    assert (x == np.arange(64) + 1).all()
    with pytest.raises(KernelError, match="race on x"):
        run((1,), (63,), (x, x, np.int32(1)))
    run((1,), (32,), (x, x[:32], np.int32(32)))
    assert x[0] == 34
