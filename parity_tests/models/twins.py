"""The model files of the package, executed with torch in the place of minigrad.

A model that depends on nothing but the names which both packages have is its own oracle: the same
text under torch gives the twin that its weights, printed form, values and gradients are held to.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import minigrad
import minigrad.vision.models

ORIGINAL, TWIN = "minigrad.vision.models", "torch_twins_of_models"
FOLDER = Path(minigrad.__path__[0]) / "vision" / "models"


class _Renaming(ast.NodeTransformer):
    """Imports of minigrad become imports of torch, those of model files imports of their twins."""

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            alias.asname = alias.asname or alias.name.partition(".")[0]
            alias.name = renamed(alias.name)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        node.module = renamed(node.module or "")
        return node


def renamed(module: str) -> str:
    if module == ORIGINAL or module.startswith(ORIGINAL + "."):
        return TWIN + module.removeprefix(ORIGINAL)
    return "torch" + module.removeprefix("minigrad") if module.startswith("minigrad") else module


class _Twins(MetaPathFinder, Loader):
    """Finds a twin by the file of its original, and runs the renamed text."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != TWIN and not name.startswith(TWIN + "."):
            return None
        file = FOLDER / (name.removeprefix(TWIN).removeprefix(".") or "__init__")
        return importlib.util.spec_from_file_location(
            name,
            file.with_suffix(".py"),
            loader=self,
            submodule_search_locations=[str(FOLDER)] if name == TWIN else None,
        )

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        file = Path(str(module.__file__))
        tree = ast.fix_missing_locations(_Renaming().visit(ast.parse(file.read_text())))
        exec(compile(tree, str(file), "exec"), module.__dict__)


def torch_models() -> Any:
    """``minigrad.vision.models`` as it is under torch."""
    if TWIN not in sys.modules:
        sys.meta_path.insert(0, _Twins())
    return importlib.import_module(TWIN)


@contextlib.contextmanager
def recorded_init(torch: Any) -> Iterator[list[str]]:
    """Networks made in this block draw no weights; what would have drawn them is listed.

    So a network of a hundred million weights is made at once. torch's have no values at all.
    """
    calls: list[str] = []
    names = [n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_")]

    def record(name: str) -> Any:
        def note(tensor: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(f"{name}({tuple(tensor.shape)}, {args}, {kwargs})")
            return tensor

        return note

    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name in names:
            patch.setattr(torch.nn.init, name, record(name))
        if torch is not minigrad:
            stack.enter_context(torch.device("meta"))
        yield calls


def zoo(torch: Any) -> Any:
    """The models of either package."""
    return minigrad.vision.models if torch is minigrad else torch_models()


def narrow(torch: Any, name: str, width: int = 64, **options: Any) -> Any:
    """AlexNet or VGG with ``width`` instead of 4096: all else as published, in a tenth of the time.

    Weights are drawn after the exchange, layer by layer, and then as the model says itself.
    """
    with recorded_init(torch):
        net = zoo(torch).get_model(name, **options)
        linears = [i for i, m in enumerate(net.classifier) if isinstance(m, torch.nn.Linear)]
        first, last = net.classifier[linears[0]], net.classifier[linears[-1]]
        sizes = [first.in_features, width, width, last.out_features]
        for i, inputs, outputs in zip(linears, sizes, sizes[1:], strict=False):
            net.classifier[i] = torch.nn.Linear(inputs, outputs)
    if torch is not minigrad:
        net = net.to_empty(device="cpu")
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    if hasattr(net, "_initialise"):
        net._initialise()
    return net
