"""The CUDA kernels as text: where they are, their includes, and what each declares.

``kernels/cuda/README.md`` says how a kernel file is written. Nothing here needs CuPy or a card.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DTYPES", "Declaration", "Parameter", "declarations", "file_of", "files", "inline"]
__all__ += ["source"]

DTYPES = ("float32", "float64", "float16", "bfloat16")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)".*$', re.MULTILINE)
_KERNEL = re.compile(r"^KERNEL\(|\b__global__\s+void\s+", re.MULTILINE)
_BOUNDS = re.compile(r"__launch_bounds__\s*\([^)]*\)\s*")
# What a compiler's first pass takes away: comments, and definitions with their continued lines.
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.DOTALL | re.MULTILINE)
_DEFINE = re.compile(r"^#define (\w+) ([^\n\\]*)$", re.MULTILINE)
_ONCE = re.compile(r"^#pragma once$", re.MULTILINE)
_QUALIFIERS = {"__restrict__", "volatile", "__grid_constant__"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: ``const real *x`` is a pointer to const real."""

    name: str
    type: str
    pointer: bool = False
    const: bool = False


@dataclass(frozen=True)
class Declaration:
    """A kernel as it is declared; ``threads`` is 0 where the declaration says no launch shape.

    ``symbol`` is what the compiled code calls it: that of ``KERNEL(tanh, ...)`` cannot be ``tanh``.
    """

    name: str
    symbol: str
    parameters: tuple[Parameter, ...]
    threads: int = 0
    grid: str = ""
    shared: str = "0"


@functools.cache
def folder() -> Path:
    """Where the kernels are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "kernels"
    return (installed if installed.is_dir() else package.parent / "kernels") / "cuda"


def files() -> list[Path]:
    """The kernel files, in alphabetical order.

    >>> [path.suffix for path in files()][:1]
    ['.cu']
    """
    return sorted(folder().glob("*.cu"))


@functools.cache
def _index() -> dict[str, Path]:
    """The file of each kernel."""
    return {name: path for path in files() for name in declarations(path.read_text("utf-8"))}


def file_of(name: str) -> Path | None:
    """The file in which a kernel is declared; None for a name that no file declares.

    >>> file_of("nonesuch") is None
    True
    """
    return _index().get(name)


def inline(text: str, name: str, where: Path, seen: set[Path] | None = None) -> str:
    """A text with its ``#include "..."`` files in their places, each once.

    CuPy's cache on disk looks at the text only: a changed header must change it. ``#line`` keeps
    the places in messages those of the files.
    """
    seen = set() if seen is None else seen

    def put(match: re.Match[str]) -> str:
        line = text.count("\n", 0, match.start()) + 2
        path = next(
            (at for base in (where, folder()) if (at := base / match.group(1)).is_file()), None
        )
        if path is None:
            raise FileNotFoundError(f"{name}: there is no file {match.group(1)} to include")
        inside = ""
        if path not in seen:
            seen.add(path)
            inside = inline(path.read_text("utf-8"), path.name, path.parent, seen)
            inside = _ONCE.sub("", inside)
        return f'{inside}\n#line {line} "{name}"'

    return f'#line 1 "{name}"\n' + _INCLUDE.sub(put, text)


@functools.cache
def source(path: Path, dtype: str) -> str:
    """What is compiled of a kernel file for one type of numbers.

    Raises: ValueError for a type that kernels are not compiled for.
    """
    if dtype not in DTYPES:
        raise ValueError(f"kernels: expected one of {', '.join(DTYPES)}, got {dtype!r}")
    text = inline(path.read_text("utf-8"), path.name, path.parent)
    return f"#define REAL_{dtype.upper()} 1\n{text}"


def declarations(text: str) -> dict[str, Declaration]:
    """The kernels that a text declares, by name, as ``KERNEL(...)`` or as ``__global__ void``.

    >>> text = "KERNEL(twice, 256, cover(n, 1024))(const real *x, real *y, i64 n) {}"
    >>> [(p.name, p.type) for p in declarations(text)["twice"].parameters]
    [('x', 'real'), ('y', 'real'), ('n', 'i64')]
    """
    short = dict(_DEFINE.findall(text))
    text = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    found: dict[str, Declaration] = {}
    for match in _KERNEL.finditer(text):
        if match.group().startswith("KERNEL"):
            head, end = _brackets(text, match.end() - 1)
            head = _spelled_out(head, short)
            name, threads, grid, *shared = _split(head)
            symbol = name + "_kernel"
            shape = (int(re.sub(r"\D", "", threads)), grid, shared[0] if shared else "0")
        else:
            bounds = _BOUNDS.match(text, match.end())
            start = bounds.end() if bounds else match.end()
            end = text.index("(", start)
            name = symbol = text[start:end].strip()
            shape = (0, "", "0")
        parameters, _ = _brackets(text, text.index("(", end))
        known = tuple(map(_parameter, _split(_spelled_out(parameters, short))))
        found[name] = Declaration(name, symbol, known, *shape)
    return found


def _spelled_out(text: str, short: dict[str, str]) -> str:
    """A text with what ``#define`` gave short names for, also inside of each other."""
    spelled = re.sub(r"\w+", lambda word: short.get(word.group(), word.group()), text)
    return text if spelled == text else _spelled_out(spelled, short)


def _brackets(text: str, start: int) -> tuple[str, int]:
    """What stands in the round brackets that open at ``start``, and where they end."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + 1 : at], at + 1
    raise ValueError(f"kernels: a bracket is not closed: {text[start : start + 40]}")


def _split(text: str) -> list[str]:
    """Cut at the commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _parameter(text: str) -> Parameter:
    words = [word for word in text.replace("*", " * ").split() if word not in _QUALIFIERS]
    kind = " ".join(word for word in words[:-1] if word not in ("*", "const", "struct"))
    pointer = "*" in words
    return Parameter(words[-1], kind, pointer, pointer and "const" in words[: words.index("*")])
