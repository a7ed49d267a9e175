"""What is written from the op records: type stubs and the op table of the documentation.

``python -m minigrad.ops.generate`` writes them anew; with ``--check`` it only says, by its exit
status, whether they are up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from minigrad.autograd.registry import REGISTRY, Record, names_in
from minigrad.ops.creation import drawing
from minigrad.ops.indexing import fill, index

PACKAGE = Path(__file__).parent.parent
HEADER = '"""Generated from the op records by `python -m minigrad.ops.generate`; do not edit."""\n'
NUMBER = "Tensor | int | float"


def records(where: str) -> Iterable[tuple[str, Record]]:
    """The records of one namespace by name and alias, sorted."""
    found = [(name, record) for record in REGISTRY.values() for name in names_in(where, record)]
    return sorted(found)


def signature(fn: Callable[..., Any], record: Record, method: bool) -> str:
    """A stub's parameter list, with tensors typed by the op's own claims."""
    parts, star = [], False
    for position, p in enumerate(inspect.signature(fn).parameters.values()):
        if p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        star = star or p.kind is p.VAR_POSITIONAL
        if position == 0 and method:
            parts.append("self")
            continue
        mark = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        text = f"{mark}{p.name}: {_type(p, record, position)}"
        parts.append(text if p.default is p.empty else f"{text} = {_default(p.default)}")
    return ", ".join(parts)


def _type(p: inspect.Parameter, record: Record, position: int) -> str:
    if p.name == "out":
        return "Tensor | None"
    if record.op is not None and p.name in record.op.inputs and not record.op.variadic:
        return "Tensor" if position == 0 else f"{NUMBER} | None"
    return p.annotation if isinstance(p.annotation, str) else "Any"


def _default(value: Any) -> str:
    simple = value is None or isinstance(value, (bool, int, float, str))
    return repr(value) if simple and value == value and abs_finite(value) else "..."


def abs_finite(value: Any) -> bool:
    """Whether a default can be written as a literal."""
    return not isinstance(value, float) or abs(value) < float("inf")


def returned(record: Record) -> str:
    """The type that a call gives."""
    written = inspect.signature(record.function).return_annotation
    if isinstance(written, str) and written not in ("Any", "Array"):
        return written
    return record.returns


def row(name: str, fn: Any, record: Record, method: bool, indent: str = "") -> str:
    """One ``def`` of a stub."""
    result = "None" if name in ("__setitem__", "__delitem__") else returned(record)
    return f"{indent}def {name}({signature(fn, record, method)}) -> {result}: ..."


IMPORTS = """import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minigrad.backend import Array
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype
from minigrad.random import Generator
from minigrad.tensor import Tensor
"""


def functions_stub(where: str) -> str:
    """The stub of a module that is filled from the registry."""
    found = list(records(where))
    found += [(f"{n}_", r) for n, r in found if where in r.inplace_in]
    found.sort(key=lambda pair: pair[0])
    names = "".join(f'    "{name}",\n' for name, _ in found)
    rows = [row(name, record.function, record, False) for name, record in found]
    errors = "from minigrad.errors import LinAlgError as LinAlgError\n" if where == "linalg" else ""
    return f"{HEADER}\n{IMPORTS}{errors}\n__all__ = [\n{names}]\n\n" + "\n".join(rows) + "\n"


def tensor_stub() -> str:
    """The stub of ``TensorBase``: its slots, and what the registry attaches to it."""
    rows = [row(n, r.method, r, True, "    ") for n, r in records("Tensor")]
    for name, record in records("Tensor"):
        if record.inplace:
            rows.append(row(f"{name}_", record.method, record, True, "    "))
        if name == record.name:
            rows += [_operator(dunder, record) for dunder in record.dunder]
    blank = Record("copy_", fill.copy_, fill.copy_, "")
    rows += [row(fn.__name__, fn, blank, True, "    ") for fn in (*fill.METHODS, *drawing.METHODS)]
    rows += [
        row(name, fn, blank, True, "    ").replace("None, ", "")
        for name, fn in (("__getitem__", index.getitem), ("__setitem__", index.setitem))
    ]
    slots = "\n".join(f"    {s}: Any" for s in ("_array", "_node", "_storage", "_view", "_grad"))
    properties = "\n".join(
        f"    @property\n    def {name}(self) -> Tensor: ..." for name in ("T", "H", "mT", "mH")
    )
    # Inside the class, `int`, `float`, `bool` and `type` are methods of the tensor.
    body = re.sub(
        r"([:|,\[] ?|-> )(int|float|bool|type)\b(?!\()", r"\1builtins.\2", "\n".join(sorted(rows))
    )
    storage = "from minigrad.ops.shape.storage import TypedStorage, UntypedStorage\n"
    return f"{HEADER}\n{IMPORTS}{storage}\nclass TensorBase:\n{slots}\n{properties}\n{body}\n"


def _operator(name: str, record: Record) -> str:
    one = record.op is not None and len(record.op.inputs) == 1 and "pow" not in name
    other = "" if one else ", other: Any"
    note = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
    return f"    def {name}(self{other}) -> Tensor: ...{note}"


def table() -> str:
    """The op table of the documentation, in Markdown."""
    lines = [
        "# Operations",
        "",
        "Generated from the op records by `python -m minigrad.ops.generate`; do not edit.",
        "",
        f"{len(REGISTRY)} operations. *In terms of* ops have no derivative of their own.",
        "",
        "| name | what it does | formula | gradient | torch | in place | checked |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, record in sorted(REGISTRY.items()):
        doc = record.doc.strip()
        summary = doc.split("\n", 1)[0].replace("|", "\\|")
        formula, gradient = (_field(doc, key) for key in ("Formula:", "Gradient:"))
        checked = "values, gradients" if record.gradcheck else "values"
        lines.append(
            f"| `{name}` | {summary} | {formula} | {gradient} | "
            f"{f'`{record.torch}`' if record.torch else '-'} | "
            f"{'yes' if record.inplace else '-'} | "
            f"{checked if record.samples_or_default() else '-'} |"
        )
    return "\n".join(lines) + "\n"


def _field(doc: str, key: str) -> str:
    """What stands after a key in a docstring, up to the next key or blank line."""
    if key not in doc:
        return "-"
    text = doc.split(key, 1)[1].split("\n\n", 1)[0].split("Gradient:", 1)[0]
    return "`" + " ".join(text.split()).replace("|", "\\|") + "`"


def outputs() -> dict[Path, str]:
    """Each generated file and what belongs in it."""
    files = {
        PACKAGE / "autograd" / "tensor_base.pyi": tensor_stub(),
        PACKAGE / "functions.pyi": functions_stub("torch"),
        PACKAGE / "nn" / "functional.pyi": functions_stub("nn.functional"),
        PACKAGE / "linalg.pyi": functions_stub("linalg"),
        PACKAGE / "special.pyi": functions_stub("special"),
    }
    docs = PACKAGE.parent / "docs"
    if docs.is_dir():  # a checkout; an installed package has no docs to write
        files[docs / "ops.md"] = table()
    return files


def main() -> int:
    """Write the files, or check them."""
    stale = [p for p, text in outputs().items() if not p.exists() or p.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(PACKAGE.parent)} is stale: python -m minigrad.ops.generate")
        return 1 if stale else 0
    for path in stale:
        path.write_text(outputs()[path])
        print(f"wrote {path.relative_to(PACKAGE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
