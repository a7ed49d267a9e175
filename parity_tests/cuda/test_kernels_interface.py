"""How kernels are found, compiled, kept, and launched with checked arguments."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.backend import cuda_kernels, cuda_plans, cuda_source
from minigrad.cuda.on_cpu import CompileError, Engine, build
from parity_tests.cuda.engines import compiler, kernels

CPU = cuda_source.folder().parent / "cpu"


def twins() -> dict[str, int]:
    """The CPU's kernels, and how many arguments each takes."""
    text = (CPU / "kernels.def").read_text()
    return {name: int(count) for name, count in re.findall(r"^K\((\w+), (\d+)\)", text, re.M)}


def arguments_of(name: str) -> int | None:
    """How many arguments a kernel or plan takes; a plan that hands on all takes as many as that."""
    if name in cuda_plans.PLANS:
        code = cuda_plans.PLANS[name].__code__
        if not code.co_flags & inspect.CO_VARARGS:
            return code.co_argcount - 1
        name += "_direct" if name.startswith("conv") else "_atomic"
    path = cuda_source.file_of(name)
    if path is None:
        return None
    return len(cuda_source.declarations(path.read_text("utf-8"))[name].parameters)


def test_a_kernel_takes_what_its_twin_takes() -> None:
    """All that have one; random_... of the CPU are torch's serial stream, which no card has."""
    both = {name: count for name, count in twins().items() if arguments_of(name) is not None}
    assert {name: arguments_of(name) for name in both} == both
    assert len(both) >= 46


def test_parameters_are_of_the_kinds_that_need_no_conversion() -> None:
    """Pointers, int64, float64, structs: CuPy hands Python's numbers over as these."""
    for path in cuda_source.files():
        for declared in cuda_source.declarations(path.read_text("utf-8")).values():
            for p in declared.parameters:
                assert p.pointer or p.type in ("i64", "double", "Tensors"), (declared.name, p)


@compiler
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((np.zeros(4, "f4"),), TypeError, "relu: 1 arguments given, it takes 5"),
        ((np.zeros(4), np.zeros(4), 4, 0, 0), TypeError, r"relu, argument 0 \(x\): expected f"),
        ((np.zeros(8, "f4")[::2], np.zeros(4, "f4"), 4, 0, 0), ValueError, "x.: the array has"),
        (([1.0], np.zeros(4, "f4"), 4, 0, 0), TypeError, "x.: expected an array, got list"),
        ((np.zeros(4, "f4"), np.zeros(4, "f4"), 4.0, 0, 0), TypeError, "n.: expected a whole"),
        ((np.zeros(4, "f4"), np.zeros(4, "f4"), 4, "a", 0), TypeError, "p.: expected a number"),
    ],
)  # fmt: skip
def test_wrong_arguments_raise_before_anything_runs(arguments: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        kernels()["relu"](*arguments)


@compiler
def test_numbers_of_numpy_and_bools_are_taken() -> None:
    x, y = np.array([-1, 2], "f4"), np.zeros(2, "f4")
    kernels()["leaky_relu"](x, y, np.int32(2), np.float32(0.5), True)
    assert y.tolist() == [-0.5, 2]


def test_unknown_names_and_types() -> None:
    with pytest.raises(KeyError, match="there is no kernel 'nonesuch'"):
        kernels()["nonesuch"]
    with pytest.raises(ValueError, match="expected one of float32"):
        cuda_kernels.Kernels(Engine(), "int8")
    with pytest.raises(ValueError, match="expected one of forward"):
        Engine(order="backward")


class Card(np.ndarray[Any, Any]):
    """Stands for the arrays of a card."""


@compiler
def test_kernel_serves_the_arrays_of_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_kernels, "_served", {})
    x = np.arange(-3, 3, dtype=np.float32).view(Card)
    assert cuda_kernels.kernel("relu", x) is None
    cuda_kernels.serve(Card, Engine())
    run = cuda_kernels.kernel("relu", x)
    assert run is not None
    y = np.empty_like(x)
    run(x, y, 6, 0, 0)
    assert y.tolist() == [0, 0, 0, 0, 1, 2]
    assert cuda_kernels.kernel("softmax", x) is not None
    assert cuda_kernels.kernel("nonesuch", x) is None
    assert cuda_kernels.kernel("relu", x[::2]) is None
    assert cuda_kernels.kernel("relu", x.astype(np.int32)) is None
    assert cuda_kernels.kernel("relu", x, np.zeros(6, np.float32)) is None


class Recording:
    """What a launch of CuPy would get."""

    ndarray = np.ndarray
    empty = staticmethod(lambda shape, dtype: np.empty(1, dtype))

    def __init__(self) -> None:
        self.codes: list[tuple[str, Any]] = []
        self.launches: list[Any] = []

    def RawModule(self, code: str, options: Any, backend: str) -> Recording:
        self.codes.append((code, options))
        return self

    def get_function(self, name: str) -> Any:
        return lambda grid, block, given, shared_mem: self.launches.append(
            (name, grid, block, given)
        )


def test_cupy_gets_text_without_includes_and_plain_numbers() -> None:
    cupy = Recording()
    run = cuda_kernels.Kernels(cuda_kernels.CupyEngine(cupy), "float64")
    x = np.zeros(5000)
    run["relu"](x, x, np.int64(5000), 0, 0)
    run["tanh"](x, x, 5000, 0, 0)
    ((code, options),) = cupy.codes
    assert "#include" not in code
    assert "REAL_FLOAT64" in code.splitlines()[0]
    assert options == ("--std=c++17",)
    name, grid, block, given = cupy.launches[0]
    assert (name, grid, block) == ("relu_kernel", (3,), (256,))
    assert [type(value) for value in given[2:]] == [int, float, float]


def test_arrays_of_the_host_never_reach_a_card() -> None:
    """One of a single element would be taken for a number, and its value for an address."""
    cupy = Recording()
    cupy.ndarray = Card  # type: ignore[misc]
    run = cuda_kernels.Kernels(cuda_kernels.CupyEngine(cupy), "float32")["relu"]
    x = np.zeros(1, np.float32)
    run(x.view(Card), x.view(Card), 1, 0, 0)
    for given in ((x, x.view(Card)), (x.view(Card), x)):
        with pytest.raises(TypeError, match=r"expected an array of .*, got numpy\.ndarray"):
            run(*given, 1, 0, 0)
    assert len(cupy.launches) == 1


def test_no_grid_is_larger_than_that_of_a_card() -> None:
    """65,535 blocks along the second and third axis, 2^31 - 1 along the first."""
    cupy = Recording()
    run = cuda_kernels.Kernels(cuda_kernels.CupyEngine(cupy), "float32")
    run.deterministic = True
    x, index = np.zeros(1, np.float32), np.zeros(1, np.int64)
    for outer, size, inner in ((1, 2**30, 1), (1, 4, 2**28), (2**30, 1, 1)):
        run["add_rows"](x, index, x, outer, size, inner, 1, index)
        run["reduce"](x, x, outer, size, inner, 0, 1.0)
        run["batch_norm"](x, x, x, x, x, x, x, outer, size, inner, 1e-5, 0)
        run["row_norm_backward"](x, x, x, x, x, x, x, x, outer, size, inner, 1)
    stride = (1, 8, 600, 600, 8, 3, 3, 300, 300, 0, 0, 1, 1, 1, 2, 2)
    groups = (1, 2**20, 3, 3, 2**20, 3, 3, 1, 1, 1, 1, 1, 1, 2**17, 3, 3)
    for sizes in (stride, groups):
        run["conv_forward"](x, x, None, x, *sizes)
        run["conv_input"](x, x, None, x, *sizes)
        run["conv_weight"](x, x, x, *sizes)
    for name, grid, _, _ in cupy.launches:
        assert grid[0] < 2**31 and all(0 < n <= 65535 for n in grid[1:]), (name, grid)
    assert len(cupy.launches) > 20


def test_includes_are_part_of_the_text(tmp_path: Path) -> None:
    """So a changed header is another text, and another key in every cache."""
    (tmp_path / "a.cuh").write_text("#pragma once\nint one;\n")
    text = '#include "a.cuh"\n#include "a.cuh"\nint two;\n'
    whole = cuda_source.inline(text, "b.cu", tmp_path)
    assert whole.count("int one;") == 1
    assert whole.index('#line 1 "a.cuh"') < whole.index("int one;") < whole.index('#line 2 "b.cu"')
    (tmp_path / "a.cuh").write_text("#pragma once\nint other;\n")
    assert cuda_source.inline(text, "b.cu", tmp_path) != whole
    with pytest.raises(FileNotFoundError, match=r"b\.cu: there is no file none\.h"):
        cuda_source.inline('#include "none.h"\n', "b.cu", tmp_path)


@compiler
def test_what_is_kept_depends_on_all_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build._runtime.cache_clear()
    code = 'extern "C" __global__ void k(float *x) { x[0] = 1; }\n'
    first = Engine().compile("k.cu", code).path
    made = first.stat().st_mtime_ns
    assert Engine().compile("k.cu", code).path == first
    assert first.stat().st_mtime_ns == made
    assert Engine(checked=True).compile("k.cu", code).path != first
    assert Engine().compile("k.cu", code.replace("1", "2")).path != first
    there, said = build.compiler()
    monkeypatch.setattr(build, "compiler", lambda: (there, said + "another version"))
    build._runtime.cache_clear()
    assert Engine().compile("k.cu", code).path != first
    assert not [path for path in (tmp_path / "minigrad" / "cuda_on_cpu").glob("tmp*")]
    build._runtime.cache_clear()


@compiler
def test_a_kernel_that_does_not_compile_shows_file_and_line() -> None:
    with pytest.raises(CompileError, match=r"k.cu:2:.*none"):
        Engine().compile("k.cu", '#line 1 "k.cu"\nextern "C" __global__ void k()\n{ none(); }')


def test_no_compiler_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "nonesuch-compiler")
    build.compiler.cache_clear()
    problem = build.compiler_problem()
    monkeypatch.undo()
    build.compiler.cache_clear()
    assert problem == (
        "running CUDA kernels on the CPU needs a C++ compiler; no nonesuch-compiler here"
    )


@compiler
def test_the_portable_switch_of_fibers_gives_the_same() -> None:
    """ucontext, which other processors than x86-64 use."""
    from minigrad.cuda.on_cpu import Module

    path = cuda_source.file_of("softmax_blocks")
    assert path is not None
    code = cuda_source.source(path, "float32")
    module = Module(path.name, code, Engine(), options=("-DCUDA_ON_CPU_UCONTEXT",))
    x, y, z = np.random.default_rng(0).random((2, 700), "f4"), *np.zeros((2, 2, 700), "f4")
    run = module.get_function("softmax_blocks_kernel")
    run((2,), (256,), (x, y, 2, 700, 1, 0))
    kernels()["softmax_blocks"](x, z, 2, 700, 1, 0)
    assert y.tobytes() == z.tobytes()
