"""Running the ``// Try:`` lines of a kernel file in all orders of threads, and with the checker.

A line names a kernel and its arguments: ``// Try: scale(randn(1000), out(1000), 1000, 2.5)``. Of a
kernel that does not say itself how it is launched, grid, block and bytes of dynamic shared memory
stand before them, as in CUDA: ``// Try: scale<<<8, 128, 0>>>(...)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.backend import cuda_plans
from minigrad.backend.cuda_kernels import ITEMS, Kernel, numpy_dtype
from minigrad.backend.cuda_source import inline
from minigrad.cuda.on_cpu.build import CompileError
from minigrad.cuda.on_cpu.findings import KernelError
from minigrad.cuda.on_cpu.module import ORDERS, Engine, Module

__all__ = ["Outcome", "Try", "run", "tries"]

_LINE = re.compile(r"^\s*// Try: (.*(?:\n\s*//  .*)*)", re.MULTILINE)
_CALL = re.compile(r"(?P<name>\w+)(?:<<<(?P<shape>.*?)>>>)?\((?P<arguments>.*)\)$", re.DOTALL)
_Make = Callable[[np.dtype[Any]], Any]
# Sums by atomics come in another order each time; what threads forget to wait for differs by more.
_ROUNDING = {2: 5e-2, 4: 1e-4, 8: 1e-10}  # by the bytes of an element


@dataclass(frozen=True)
class Try:
    """One line: a call of a kernel, the launch shape if it is given, and where it stands."""

    name: str
    arguments: str
    shape: str | None
    line: int

    def __str__(self) -> str:
        return f"{self.name}({' '.join(self.arguments.split())})"


@dataclass(frozen=True)
class Outcome:
    """What came of a try in one mode; ``problem`` is empty where all went well."""

    tried: Try
    mode: str
    problem: str = ""


def tries(text: str) -> list[Try]:
    """The lines of a file.

    >>> [str(each) for each in tries("// Try: relu(randn(8), out(8), 8, 0, 0)")]
    ['relu(randn(8), out(8), 8, 0, 0)']
    """
    found = []
    for match in _LINE.finditer(text):
        call = _CALL.match(re.sub(r"\n\s*//  ", " ", match.group(1)).strip())
        line = text.count("\n", 0, match.start(1)) + 1
        if call is None:
            raise ValueError(f"line {line}: a try is written NAME(ARGUMENTS): {match.group(1)}")
        found.append(Try(call["name"], call["arguments"], call["shape"], line))
    return found


def run(path: Path, dtype: str = "float32", only: str | None = None) -> Iterator[Outcome]:
    """Run the tries of a file: plainly in three orders, whose results are compared, and checked.

    Raises: CompileError, ValueError for a line that is not understood.
    """
    text = path.read_text("utf-8")
    code = f"#define REAL_{dtype.upper()} 1\n" + inline(text, path.name, path.parent)
    chosen = [each for each in tries(text) if only in (None, each.name)]
    if not chosen:
        raise ValueError(f"{path.name} has no line '// Try: kernel(arguments)' to run")
    runners = {
        f"{'checked, ' if checked else ''}{order}": _Runner(path, code, dtype, checked, order)
        for checked, order in (
            *((False, order) for order in ORDERS), (True, "forward"), (True, "shuffled"),
        )
    }  # fmt: skip
    for each in chosen:
        problems = _problems(each, runners)
        yield from (Outcome(each, mode, problems[mode]) for mode in runners if mode in problems)


def _problems(tried: Try, runners: dict[str, _Runner]) -> dict[str, str]:
    """What went wrong in each mode; "" where nothing did.

    Checked runs come first: a kernel that leaves its arrays does not run without the checker, for
    it would write into the memory of this program.
    """
    found: dict[str, str] = {}
    first: list[Any] | None = None
    for mode, runner in sorted(runners.items(), key=lambda pair: not pair[1].engine.checked):
        if not runner.engine.checked and any("out of bounds" in text for text in found.values()):
            continue
        found[mode] = ""
        try:
            arrays = runner(tried)
            first = arrays if first is None else first
            if not all(map(_same, first, arrays)):
                found[mode] = "another order of threads gives another result: is a barrier missing?"
        except (KernelError, TypeError) as error:
            found[mode] = str(error)
    return found


def _same(a: Any, b: Any) -> bool:
    if a.dtype.kind in "iub":
        return bool(np.array_equal(a, b))
    rounding = _ROUNDING[a.itemsize]
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.allclose(a, b, rtol=rounding, atol=rounding, equal_nan=True)


class _Runner:
    """Runs tries on one engine; as ``Kernels`` it serves plans."""

    def __init__(self, path: Path, code: str, dtype: str, checked: bool, order: str) -> None:
        self.dtype = dtype
        self.allow_tf32 = self.deterministic = False
        self.engine = Engine(checked, order)
        self.module: Module = self.engine.compile(path.name, code)

    def __getitem__(self, name: str) -> Kernel:
        declared = self.module.declared.get(name)
        if declared is None:
            raise CompileError(f"{self.module.name} has no kernel {name!r}")
        function = self.module.get_function(declared.symbol)
        return Kernel(declared, self.dtype, function, self.engine.array)

    def __call__(self, tried: Try) -> list[Any]:
        """The arrays that were given, as the kernel left them."""
        made = self._arguments(tried)
        arrays = [value for value in made if isinstance(value, np.ndarray)]
        if tried.name in cuda_plans.PLANS:
            cuda_plans.PLANS[tried.name](self, *made)
        elif tried.shape is None:
            self[tried.name](*made)
        else:
            grid, block, *shared = _evaluate(f"[{tried.shape}]", {})
            function = self.module.get_function(tried.name)
            numbers = tuple(function.number(k, value) for k, value in enumerate(made))
            function(_three(grid), _three(block), numbers, shared_mem=shared[0] if shared else 0)
        return arrays

    def _arguments(self, tried: Try) -> list[Any]:
        random = np.random.default_rng(0)
        values = _evaluate(f"[{tried.arguments}]", _words(random, self.engine))
        declared = self.module.declared.get(tried.name)
        kinds = [p.type for p in declared.parameters] if declared else ["real"] * len(values)
        if len(values) != len(kinds):
            raise TypeError(f"line {tried.line}: {len(values)} arguments, of {len(kinds)}")
        return [self._made(value, kind) for value, kind in zip(values, kinds, strict=True)]

    def _made(self, value: Any, kind: str) -> Any:
        if not callable(value):
            return value
        wide = "float64" if self.dtype == "float64" else "float32"
        name = {"real": self.dtype, "wide": wide}.get(kind) or ITEMS.get(kind, "float32")
        return value(numpy_dtype(name))


def _three(shape: Any) -> tuple[int, ...]:
    return shape if isinstance(shape, tuple) else (shape,)


def _evaluate(text: str, words: dict[str, Any]) -> Any:
    try:
        return eval(text, {"__builtins__": {}}, words)
    except Exception as error:
        raise ValueError(f"a try is not understood: {text}: {error}") from error


def _words(random: np.random.Generator, engine: Engine) -> dict[str, Any]:
    """What arguments are made of; each gives a function of the parameter's type."""

    def maker(make: Callable[..., Any]) -> Callable[..., _Make]:
        return lambda *shape, dtype=None: (
            lambda wanted: np.asarray(make(*shape)).astype(dtype or wanted)
        )

    def out(*shape: int, dtype: Any = None) -> _Make:
        return lambda wanted: engine.empty(shape, dtype or wanted)

    def indices(below: int, *shape: int, dtype: Any = None) -> _Make:
        return lambda wanted: random.integers(0, below, shape).astype(
            dtype or (wanted if wanted.kind in "iu" else np.int64)
        )

    return {
        "randn": maker(lambda *shape: random.standard_normal(shape)),
        "rand": maker(lambda *shape: random.random(shape)),
        "zeros": maker(lambda *shape: np.zeros(shape)),
        "ones": maker(lambda *shape: np.ones(shape)),
        "arange": maker(lambda *limits: np.arange(*limits)),
        "values": maker(lambda *numbers: np.array(numbers)),
        "shuffled": maker(lambda n: random.permutation(n)),
        "out": out,
        "indices": indices,
        "null": None,
        "float": float,
        "True": True,
        "False": False,
    }
