"""Write ``docs/parity.md``: for each public name of torch, whether minigrad has it, and who checks.

``python -m parity_tests.report`` writes the page; ``--check`` only says, by its exit status,
whether it is up to date. A name counts as *full* only if a test compares it with torch: by torch's
own samples, the examples of its docstrings, the samples of its op record, or a hand-written test.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.func
import torch.optim.swa_utils
import torch.utils.checkpoint
import torch.utils.data

import minigrad
from minigrad.autograd.registry import REGISTRY, names_in
from minigrad.left_out import left_out
from parity_tests import (
    torch_docs,
    torch_modules,
    torch_optimizers,
    torch_samples,
    torch_schedulers,
)
from parity_tests.known import KNOWN

PAGE = Path(__file__).parent.parent / "docs" / "parity.md"
# Where names are looked for, and the issue that is to bring what is missing there.
PLACES = {
    "torch": "",
    "torch.Tensor": "Tensor",
    "torch.nn.functional": "nn.functional",
    "torch.linalg": "linalg",
    "torch.special": "special",
    "torch.autograd": "autograd",
    "torch.autograd.functional": "autograd.functional",
    "torch.autograd.graph": "autograd.graph",
    "torch.autograd.function": "autograd.function",
    "torch.func": "func",
    "torch.utils.checkpoint": "utils.checkpoint",
    "torch.random": "random",
    "torch.signal.windows": "signal.windows",
    "torch.nn": "nn",
    "torch.nn.init": "nn.init",
    "torch.nn.utils": "nn.utils",
    "torch.nn.utils.rnn": "nn.utils.rnn",
    "torch.optim": "optim",
    "torch.optim.lr_scheduler": "optim.lr_scheduler",
    "torch.optim.swa_utils": "optim.swa_utils",
    "torch.utils.data": "utils.data",
}
STATES = ("full", "partial", "untested", "missing", "left out")


@dataclass(frozen=True)
class Row:
    """One public name of torch."""

    name: str
    state: str
    note: str


def public_names(place: str) -> list[str]:
    """The public names of one of torch's modules: what it lists, or what is defined there."""
    module: Any = torch_docs.named(torch, place) if place else torch
    if place == "Tensor":
        return [n for n in dir(module) if not n.startswith("_")]
    listed = set(getattr(module, "__all__", ()))
    own = {n for n in dir(module) if callable(getattr(module, n)) and _defined_in(module, n)}
    found = {n for n in listed | own if not n.startswith("_")}
    return sorted(n for n in found if not isinstance(getattr(module, n, None), types.ModuleType))


def _defined_in(module: Any, name: str) -> bool:
    home = getattr(getattr(module, name), "__module__", None) or module.__name__
    return str(home).startswith(("torch._C", module.__name__)) and module is not torch


def hand_written() -> dict[str, str]:
    """Names that a test of the suite uses on both sides, and the file where it does."""
    found: dict[str, str] = {}
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if not re.search(r"\bboth\b|sidebyside|import torch|same_as_torch", text):
            continue
        where = str(path.relative_to(folder))
        for node in _expressions(ast.parse(text)):
            if isinstance(node, ast.Attribute):
                for name in _names_of(node):
                    found.setdefault(name, where)
    return found


def _expressions(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a program, and of the calls that it holds as text and evaluates."""
    for node in ast.walk(tree):
        yield node
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "(" in node.value:
            with contextlib.suppress(SyntaxError, ValueError):
                yield from ast.walk(ast.parse(node.value, mode="eval"))


# How tests call the modules that they take from either library.
SHORT = {
    "F": "nn.functional",
    "data": "utils.data",
    "init": "nn.init",
    "parametrize": "nn.utils.parametrize",
    "prune": "nn.utils.prune",
    "rnn": "nn.utils.rnn",
    "utils": "nn.utils",
}


def _names_of(node: ast.Attribute) -> Iterator[str]:
    """What an expression may stand for: ``torch.a.b`` as "a.b", and any ``x.a`` as "Tensor.a"."""
    yield f"Tensor.{node.attr}"
    parts = [node.attr]
    inner: ast.expr = node.value
    while isinstance(inner, ast.Attribute):
        parts.insert(0, inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        if inner.id in ("torch", "lib", "library"):
            yield ".".join(parts)
        elif inner.id in ("autograd", "nn", "optim", *SHORT):
            yield ".".join((SHORT.get(inner.id, inner.id), *parts))


def evidence() -> dict[str, str]:
    """For each dotted name, the tests that compare it with torch."""
    checked = hand_written()
    for record in REGISTRY.values():
        if record.torch and record.samples_or_default():
            for place in PLACES.values():
                for name in names_in(place or "torch", record):
                    checked[f"{place}.{name}".lstrip(".")] = "op record"
                    if record.inplace and place == "Tensor":
                        checked[f"Tensor.{name}_"] = "op record"
    for name in torch_docs.tested():
        if torch_docs.check(name)[0]:  # some examples show nothing that both sides have
            checked[name] = "examples"
    checked |= {f"optim.{name}": "optimizer database" for name in torch_optimizers.database()}
    for name in torch_schedulers.DRAWS:
        place = "swa_utils" if name == "SWALR" else "lr_scheduler"
        checked[f"optim.{place}.{name}"] = "drawn schedules"
    checked |= {f"nn.{name}": "module database" for name in torch_modules.names()}
    for name, infos in torch_samples.database().items():
        for info in infos:
            for own in (name, *(alias.name for alias in info.aliases)):
                checked[own] = "samples"
                if info.method_variant is not None:
                    checked[f"Tensor.{own}"] = "samples"
                if info.inplace_variant is not None:
                    checked[f"Tensor.{own}_"] = checked[f"{own}_"] = "samples"
    return checked


def row_of(place: str, name: str, checked: dict[str, str]) -> Row:
    """What is to be said of one name."""
    dotted = f"{place}.{name}".lstrip(".")
    why = left_out(dotted) or left_out(name)
    if torch_docs.named(minigrad, dotted) is None and not _is_none_in_torch(dotted):
        return Row(name, "left out" if why else "missing", why)
    if why:
        return Row(name, "left out", why)
    reasons = [k.why for k in KNOWN if re.fullmatch(k.names, dotted)]
    if reasons:
        return Row(name, "partial", "; ".join(dict.fromkeys(reasons)))
    if dotted in checked:
        return Row(name, "full", checked[dotted])
    return Row(name, "untested", "")


def _is_none_in_torch(dotted: str) -> bool:
    """Whether torch's own name holds None, as ``torch.newaxis`` does."""
    parent, _, name = dotted.rpartition(".")
    module = torch_docs.named(minigrad, parent) if parent else minigrad
    return hasattr(module, name)


def page() -> str:
    """The whole page, in Markdown."""
    checked = evidence()
    tables, counts = [], []
    for title, place in PLACES.items():
        rows = [row_of(place, name, checked) for name in public_names(place)]
        count = Counter(row.state for row in rows)
        counts.append((title, len(rows), count))
        tables.append(
            f"\n## {title}\n\n| name | minigrad | checked by, or why not |\n| --- | --- | --- |"
        )
        tables += [f"| `{r.name}` | {r.state} | {r.note.replace('|', '/')} |" for r in rows]
    lines = [
        "# Parity with torch",
        "",
        "Written by `python -m parity_tests.report`; do not edit. Every public name of torch "
        f"{torch.__version__.split('+')[0]} in these modules:",
        "",
        "- **full**: a test compares it with torch (the column says which: torch's own *samples*, "
        "the *examples* of torch's docstrings, the samples of the *op record*, or a test file);",
        "- **partial**: compared, with the difference that is named;",
        "- **untested**: there, but no test compares it with torch;",
        "- **missing**: not there yet; **left out**: not there on purpose.",
        "",
        f"| module | names | {' | '.join(STATES)} |",
        f"| --- {'| ---: ' * (len(STATES) + 1)}|",
    ]
    total: Counter[str] = Counter()
    for title, size, count in counts:
        total += count
        cells = " | ".join(str(count[s]) for s in STATES)
        lines.append(f"| `{title}` | {size} | {cells} |")
    cells = " | ".join(f"**{total[s]}**" for s in STATES)
    lines.append(f"| all | **{sum(total.values())}** | {cells} |")
    return "\n".join([*lines, *tables]) + "\n"


def main() -> int:
    """Write the page, or check it."""
    text = page()
    if "--check" in sys.argv:
        fresh = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not fresh:
            print("docs/parity.md is stale: python -m parity_tests.report")
        return 0 if fresh else 1
    PAGE.write_text(text, encoding="utf-8")
    print(
        "\n".join(
            line for line in text.splitlines() if line.startswith(("| `torch", "| all", "| mod"))
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
