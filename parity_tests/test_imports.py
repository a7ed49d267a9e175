"""Imports: none that is heavy or optional, and none that points up (see docs and the table)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "minigrad"

# From the top of the house to its ground. A room may import from its own layer and from those
# below. ``minigrad`` itself is the facade, which gathers everything down to the ground; what lies
# above it is what its users could have written.
LAYERS: list[set[str]] = [
    {"__main__", "cli"},
    {"compat", "d2l"},
    {"vision", "testing", "distributions"},
    {"<facade>"},
    {"nn", "optim", "func", "jit", "types", "multiprocessing", "profiler", "compiler", "_dynamo"},
    {"utils", "serialization", "inspect", "hub", "amp", "cpu", "cuda", "accelerator"},
    {"signal"},
    {"ops", "functional", "functions", "overrides", "foreach", "linalg", "special"}
    | {"tensor", "interchange", "segments", "sharing", "traits", "notebook"},
    {"autograd"},
    {"backend", "backends", "random"},
    {"dtypes", "errors", "device", "size", "layout", "limits", "left_out"}
    | {"printing", "return_types", "settings", "version", "mps", "xpu", "distributed", "onnx"},
]
LEVEL = {room: height for height, rooms in enumerate(reversed(LAYERS)) for room in rooms}

NEVER_AT_IMPORT = ["torch", "cupy", "matplotlib", "hypothesis", "typer", "rich", "PIL"]


def room_of(module: str) -> str:
    """minigrad.nn.functional -> nn; minigrad -> the facade."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "<facade>"


def module_of(path: Path, package: Path = PACKAGE) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, package: Path = PACKAGE) -> Iterator[tuple[int, str]]:
    """Line and target of each import of the package, those inside functions too.

    Imports for type checkers only are no arrows: nothing runs.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = list(_from_targets(node, path, package))
        else:
            continue
        for target in targets:
            if target.split(".")[0] == package.name:
                yield node.lineno, target


def _from_targets(node: ast.ImportFrom, path: Path, package: Path) -> Iterator[str]:
    """``from minigrad import nn`` imports nn, ``from minigrad import Tensor`` the facade."""
    base = node.module or ""
    if node.level:
        here = list(path.parent.relative_to(package.parent).parts)
        base = ".".join([*here[: len(here) - node.level + 1], *([base] if base else [])])
    for alias in node.names:
        folder = package.parent.joinpath(*base.split("."), alias.name)
        is_module = folder.is_dir() or folder.with_suffix(".py").is_file()
        yield f"{base}.{alias.name}" if is_module else base


def arrows_up(package: Path = PACKAGE) -> list[str]:
    """A line for each import from a higher layer."""
    found = []
    for path in sorted(package.rglob("*.py")):
        here = room_of(module_of(path, package))
        for line, target in imports(path, package):
            there = room_of(target)
            if there != here and LEVEL.get(there, 0) > LEVEL.get(here, 0):
                found.append(f"{path.relative_to(package)}:{line}: {here} imports {target}")
    return found


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(module_of(path)) for path in PACKAGE.rglob("*.py")}
    assert rooms <= set(LEVEL), f"give these a layer: {sorted(rooms - set(LEVEL))}"


def test_no_import_points_up() -> None:
    assert not arrows_up()


@pytest.mark.parametrize(
    "text",
    [
        "import minigrad.nn",
        "from minigrad import nn",
        "from minigrad.nn import Linear",
        "from ..nn import Linear",
        "def late():\n    from minigrad.nn import functional\n",
        "import minigrad as mg",
    ],
)
def test_an_arrow_that_points_up_is_seen(tmp_path: Path, text: str) -> None:
    package = tmp_path / "minigrad"
    for name in ("autograd", "nn"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").write_text("")
    (package / "__init__.py").write_text("from minigrad import nn, autograd\n")
    assert not arrows_up(package)
    (package / "autograd" / "graph.py").write_text(text)
    assert len(arrows_up(package)) == 1


def test_import_for_type_checkers_is_no_arrow(tmp_path: Path) -> None:
    package = tmp_path / "minigrad"
    (package / "autograd").mkdir(parents=True)
    (package / "autograd" / "graph.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from minigrad.nn import Module\n"
    )
    assert not arrows_up(package)


def test_importing_minigrad_imports_nothing_optional() -> None:
    script = f"import sys, minigrad; print([m for m in {NEVER_AT_IMPORT} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.stdout.strip() == "[]", done.stderr
