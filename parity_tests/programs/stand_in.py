"""``torchvision`` and ``d2l`` for the real torch: minigrad's own files, with torch beneath them.

Neither package is needed for the tests then, and both sides of a comparison read the same pictures:
what differs is the engine below.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import minigrad

TWINS = {"minigrad.vision": "vision_on_torch", "minigrad.d2l": "d2l_on_torch"}
# They hold no tensor code, and stay what they are.
SHARED = ("minigrad.utils.download", "minigrad.version", "minigrad.errors")


def renamed(name: str) -> str:
    """The module that takes a module's place: a twin, torch's of that name, or itself."""
    for original, twin in TWINS.items():
        if name == original or name.startswith(original + "."):
            return twin + name.removeprefix(original)
    if name.startswith(SHARED) or name.partition(".")[0] != "minigrad":
        return name
    return "torch" + name.removeprefix("minigrad")


class _Renaming(ast.NodeTransformer):
    """Imports of minigrad, and the names of its rooms in texts, become those of the twins."""

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            alias.asname = alias.asname or alias.name.partition(".")[0]
            alias.name = renamed(alias.name)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.ImportFrom]:
        found = []
        for alias in node.names:  # `from minigrad import d2l, nn` may want two packages
            whole = f"{node.module}.{alias.name}"
            twin = renamed(whole) if whole in TWINS else ""
            module = twin.rpartition(".")[0] if "." in twin else renamed(node.module or "")
            found.append(ast.ImportFrom(module=module, names=[alias], level=0))
        return found

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and node.value.startswith(tuple(TWINS)):
            node.value = renamed(node.value)
        return node


class _Twins(MetaPathFinder, Loader):
    """Finds a twin by the file of its original, and runs the renamed text."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        root, _, rest = name.partition(".")
        if root not in TWINS.values():
            return None
        original = next(o for o, twin in TWINS.items() if twin == root)
        file = Path(minigrad.__path__[0], original.partition(".")[2], *rest.split("."))
        package = file.is_dir()
        file = file / "__init__.py" if package else file.with_suffix(".py")
        if not file.exists():
            return None
        folders = [str(file.parent)] if package else None
        return importlib.util.spec_from_file_location(
            name, file, loader=self, submodule_search_locations=folders
        )

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        file = Path(str(module.__file__))
        tree = ast.fix_missing_locations(_Renaming().visit(ast.parse(file.read_text())))
        exec(compile(tree, str(file), "exec"), module.__dict__)


def on_torch(original: str) -> Any:
    """The twin of ``minigrad.vision`` or ``minigrad.d2l``."""
    if not any(isinstance(finder, _Twins) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Twins())
    return importlib.import_module(renamed(original))
