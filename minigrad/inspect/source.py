"""The user's line behind a node, and the formula of an op's derivative, as text."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import linecache
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import CodeType
from typing import Any

__all__ = ["Line", "formulas", "line_of", "lines_from"]


@dataclass(frozen=True)
class Line:
    """A place in a user's program."""

    file: str
    number: int
    function: str
    text: str  # of the expression that made the call, if it can be read; else the line

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def whole(self) -> Line:
        """The same place with all of the line as its text."""
        text = linecache.getline(self.file, self.number).strip()
        return replace(self, text=text or self.text)


@functools.lru_cache(maxsize=4096)
def line_of(code: CodeType | None, lasti: int) -> Line | None:
    """Where an instruction stands in the source, as a node notes it; None if that is not known.

    >>> import minigrad as torch
    >>> y = torch.ones(1, requires_grad=True) * 2
    >>> line_of(y.grad_fn.code, y.grad_fn.lasti).text
    'torch.ones(1, requires_grad=True) * 2'
    """
    if code is None:
        return None
    first, last, begin, end = next(islice(code.co_positions(), lasti // 2, None))
    number = first or code.co_firstlineno
    lines = [linecache.getline(code.co_filename, n) for n in range(number, (last or number) + 1)]
    if None not in (begin, end) and lines and lines[-1]:
        lines[-1] = lines[-1].encode()[:end].decode(errors="replace")
        lines[0] = lines[0].encode()[begin:].decode(errors="replace")
    text = " ".join(line.strip() for line in lines)
    return Line(code.co_filename, number, code.co_name, text)


def lines_from(line: Line, end: Line | None = None) -> Iterator[Line]:
    """The lines of a function from one of them on, to another of it or to the function's end.

    >>> [line.number for line in lines_from(Line(__file__, 30, "", ""))][0]
    30
    """
    margin = _margin(linecache.getline(line.file, line.number))
    there = end is not None and (end.file, end.function) == (line.file, line.function)
    last = max(end.number, line.number) if end is not None and there else None
    for number in itertools.count(line.number):
        text = linecache.getline(line.file, number)
        outside = bool(text.strip()) and _margin(text) < margin
        if not text or (outside if last is None else number > last):
            return
        yield replace(line, number=number, text=text.strip())


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip())


@functools.cache
def formulas(op: Any) -> dict[str, str]:
    """The derivatives of an op by argument: what is returned, as written.

    Of one that takes several statements, the formula in the op's docstring, if it has one.

    >>> import minigrad as torch
    >>> formulas((torch.ones(1, requires_grad=True) * 2).grad_fn.op)
    {'input': 'g * other', 'other': 'g * input'}
    >>> formulas(torch.ones(1, requires_grad=True).relu().grad_fn.op)
    {'input': 'g where y > 0, else 0 (at 0 too)'}
    """
    if op is None:
        return {}
    joint = getattr(op, "vjp", None)
    if joint is not None:
        return dict.fromkeys(op.inputs, _in_short(joint, op))
    found = {name: getattr(op, f"grad_{name}", None) for name in op.inputs}
    return {name: _in_short(fn, op) for name, fn in found.items() if fn is not None}


def _in_short(fn: Callable[..., Any], op: Any) -> str:
    statements = _statements(fn)
    told = _GRADIENT.search(inspect.cleandoc(op.__doc__ or ""))
    if len(statements) > 1 and told is not None:
        text = " ".join(told[1].split()).removesuffix(".")
        return re.sub(r"^g\w* = ", "", text) if len(op.inputs) == 1 else text
    if len(statements) == 3 and ast.unparse(statements[1]) == _KERNEL:
        statements = statements[2:]
    if len(statements) == 1 and isinstance(statements[0], ast.Return) and statements[0].value:
        return ast.unparse(statements[0].value)
    return "\n".join(map(ast.unparse, statements)) or "(source not available)"


_KERNEL = "if found is not None:\n    return found"  # what a native kernel has done already
# From "Gradient:" to the next field, or the end of the paragraph.
_GRADIENT = re.compile(r"\bGradient[^:.=]*: (.+?)(?=\n\s*\n|\n[A-Z]\w+: |\Z)", re.DOTALL)


def _statements(fn: Callable[..., Any]) -> list[ast.stmt]:
    """The body of a function, without its docstring; nothing if the source is not there."""
    try:
        definition = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0]
    except (OSError, TypeError, SyntaxError):
        return []
    body = getattr(definition, "body", [])
    return [s for s in body if not (isinstance(s, ast.Expr) and _is_text(s.value))]


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
