"""Run a program of the study notes, import lines and all, with either package as its ``torch``.

The programs are functions ``program_NN_name()`` in files of this folder. They print, and they may
yield values. A comment such as ``# B05 I03`` at the end of a line names the rows of the checklist
that the line is an example of; a run reports the rows whose lines it came by.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import importlib
import io
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from parity_tests.keeping import settings_kept
from parity_tests.programs.stand_in import on_torch

FOLDER = Path(__file__).parent
ROWS = re.compile(r"# ((?:[A-Z]\d\d ?)+)$")


@dataclass
class Program:
    """One function of one file."""

    name: str
    path: Path
    rows: set[str]  # that its lines are marked with

    def __str__(self) -> str:
        return self.name


@dataclass
class Run:
    """What a program did."""

    text: str
    values: list[Any]
    rows: set[str] = field(default_factory=set)


@functools.cache
def lines(path: Path) -> dict[int, list[str]]:
    """The rows that the lines of a file are marked with, by line number."""
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if marked := ROWS.search(line):
            found[number] = marked[1].split()
    return found


@functools.cache
def programs() -> dict[str, Program]:
    """Every program, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("program_"):
                inside = range(node.lineno, (node.end_lineno or 0) + 1)
                rows = {r for n, marks in lines(path).items() if n in inside for r in marks}
                found[node.name] = Program(node.name, path, rows)
    return dict(sorted(found.items()))


class _Reporting(ast.NodeTransformer):
    """Before each statement with marked lines, a call that reports their rows."""

    def __init__(self, marks: dict[int, list[str]]) -> None:
        self.marks = dict(marks)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)  # inner statements take their lines first
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                setattr(node, name, list(self.reported(block)))
        return node

    def reported(self, block: list[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in block:
            span = range(statement.lineno, (statement.end_lineno or 0) + 1)
            taken = [n for n in span if n in self.marks]
            rows = [row for n in taken for row in self.marks.pop(n)]
            if rows:
                call = ast.parse(f"_reached({rows!r})").body[0]
                yield ast.copy_location(call, statement)
            yield statement


@functools.cache
def code(path: Path) -> Any:
    tree = _Reporting(lines(path)).visit(ast.parse(path.read_text()))
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def importer(packages: dict[str, Any]) -> Any:
    """An ``__import__`` for which these packages stand under other names."""

    def find(name: str, *rest: Any, **named: Any) -> Any:
        root, _, inner = name.partition(".")
        if root not in packages or not isinstance(packages[root], ModuleType):
            return packages.get(root) or builtins.__import__(name, *rest, **named)
        own = packages[root].__name__
        module = importlib.import_module(f"{own}.{inner}" if inner else own)
        return module if len(rest) > 2 and rest[2] else packages[root]

    return find


def stands_for(package: ModuleType) -> dict[str, Any]:
    """What ``torch``, ``torchvision`` and ``d2l`` are, for programs that run with a package."""
    if package.__name__ == "torch":
        vision, d2l = on_torch("minigrad.vision"), on_torch("minigrad.d2l")
    else:
        vision = importlib.import_module("minigrad.vision")
        d2l = importlib.import_module("minigrad.d2l")
    return {"torch": package, "torchvision": vision, "d2l": SimpleNamespace(torch=d2l)}


def run(program: Program, package: ModuleType) -> Run:
    """The program from the package's first seed on, in the present folder."""
    packages = stands_for(package)
    done = Run("", [])
    names = {
        "__name__": program.path.stem,
        "__builtins__": {**vars(builtins), "__import__": importer(packages)},
        "_reached": done.rows.update,
    }
    text = io.StringIO()
    try:
        with (
            settings_kept(package),
            contextlib.redirect_stdout(text),
            warnings.catch_warnings(),
        ):
            exec(code(program.path), names)
            done.rows.clear()
            packages["d2l"].torch.figure_folder("figures")
            package.manual_seed(0)
            if package.__name__ == "torch":  # which warns, once, of float(loss)
                warnings.simplefilter("ignore")
            done.values.extend(names[program.name]() or ())
    finally:
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    done.text = text.getvalue()
    return done
