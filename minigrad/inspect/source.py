"""The user's line behind a node, and the formula of an op's derivative, as text."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from types import CodeType
from typing import Any

__all__ = ["Line", "formulas", "line_of"]


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


@functools.cache
def formulas(op: Any) -> dict[str, str]:
    """The derivatives of an op as they are written, by argument: what is returned, in short.

    >>> import minigrad as torch
    >>> formulas((torch.ones(1, requires_grad=True) * 2).grad_fn.op)
    {'input': 'g * other', 'other': 'g * input'}
    """
    if op is None:
        return {}
    joint = getattr(op, "vjp", None)
    if joint is not None:
        return dict.fromkeys(op.inputs, _returned(joint))
    found = {name: getattr(op, f"grad_{name}", None) for name in op.inputs}
    return {name: _returned(fn) for name, fn in found.items() if fn is not None}


def _returned(fn: Callable[..., Any]) -> str:
    """What a function returns, as written: the last ``return``, or the whole body if it is long."""
    try:
        source = textwrap.dedent(inspect.getsource(fn))
        definition = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):
        return "(source not available)"
    body = getattr(definition, "body", [])
    statements = [s for s in body if not (isinstance(s, ast.Expr) and _is_text(s.value))]
    if len(statements) == 1 and isinstance(statements[0], ast.Return) and statements[0].value:
        return ast.unparse(statements[0].value)
    return "\n".join(map(ast.unparse, statements))


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
