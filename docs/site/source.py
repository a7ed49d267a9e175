"""Pieces of the real source files, cut out when the site is built, so that they cannot go stale."""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {".py": "python", ".c": "c", ".h": "c", ".def": "c", ".cu": "cpp", ".cuh": "cpp"}
Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Excerpt:
    """Lines of a file."""

    path: str  # below the root
    first: int
    text: str

    def fence(self) -> str:
        """The lines as a block of Markdown, with the file's name and the real line numbers."""
        language = LANGUAGES.get(Path(self.path).suffix, "text")
        title = f'title="{self.path}" linenums="{self.first}"'
        return f"````{language} {title}\n{self.text}\n````"


@functools.cache
def read(path: str) -> str:
    """The text of a file below the root."""
    return (ROOT / path).read_text(encoding="utf-8")


@functools.cache
def definitions(path: str) -> dict[str, Definition]:
    """Classes, functions and methods of a file, by dotted name."""
    found: dict[str, Definition] = {}

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition):
                found[prefix + node.name] = node
                walk(node.body, f"{prefix}{node.name}.")

    walk(ast.parse(read(path)).body, "")
    return found


def definition(path: str, name: str, docstring: bool = True) -> Excerpt:
    """A class or function with its decorators; on demand without its docstring.

    Raises: LookupError if the file has none of that name.
    """
    if name not in definitions(path):
        raise LookupError(f"{path} defines no {name}")
    node = definitions(path)[name]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = read(path).splitlines()[first - 1 : node.end_lineno]
    head = node.body[0]
    if not docstring and ast.get_docstring(node) is not None and len(node.body) > 1:
        end = (head.end_lineno or 0) - first + 1
        end += not lines[end].strip()
        del lines[head.lineno - first : end]
    return Excerpt(path, first, _dedented(lines))


def between(path: str, start: str, end: str) -> Excerpt:
    """The lines from the first that holds ``start`` to the next that holds ``end``, both included.

    Raises: LookupError if there are none.
    """
    lines = read(path).splitlines()
    try:
        first = next(i for i, line in enumerate(lines) if start in line)
        last = next(i for i in range(first, len(lines)) if end in lines[i])
    except StopIteration:
        raise LookupError(f"{path} has no lines from {start!r} to {end!r}") from None
    return Excerpt(path, first + 1, _dedented(lines[first : last + 1]))


def _dedented(lines: list[str]) -> str:
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines)


def excerpt(request: str) -> Excerpt:
    """What a page asks for: ``file.py: name``, or ``file.py: "first line" to "last line"``.

    >>> from docs.site.source import excerpt
    >>> excerpt("minigrad/ops/elementwise/arithmetic.py: Mul.grad_other").text.splitlines()[1]
    'def grad_other(g: Array, input: Array) -> Array:'
    """
    path, _, what = request.strip().partition(": ")
    if found := re.fullmatch(r'"(.*)" to "(.*)"', what):
        return between(path, found[1], found[2])
    return definition(path, what)


def page(path: str) -> str:
    """A whole file as a page of the site, which search leaves out."""
    text = read(path)
    if path.endswith(".md"):
        return text
    language = LANGUAGES.get(Path(path).suffix, "text")
    head = f"---\nsearch:\n  exclude: true\nhide: [toc]\n---\n\n# {Path(path).name}\n\n"
    return f'{head}`{path}`\n\n`````{language} linenums="1"\n{text.rstrip()}\n`````\n'
