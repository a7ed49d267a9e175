"""The finder that makes ``import torch`` and its submodules find minigrad's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from minigrad.compat.missing import missing_module
from minigrad.version import TORCH_VERSION, TORCHVISION_VERSION, __version__

__all__ = ["STANDS_FOR", "install", "installed", "uninstall"]

STANDS_FOR = {"torch": "minigrad", "torchvision": "minigrad.vision", "d2l": "minigrad.d2l"}
"""The packages that are answered for, and which of minigrad's does."""

VERSIONS = {"torch": TORCH_VERSION, "torchvision": TORCHVISION_VERSION}


class _Facade(ModuleType):
    """``torch`` itself: minigrad under torch's name, with the version whose interface it has."""

    def __init__(self, name: str, stands: ModuleType) -> None:
        super().__init__(name, stands.__doc__)
        self._stands = stands
        self.__path__: list[str] = []  # a package, whose parts the finder finds
        if name in VERSIONS:
            self.__version__ = f"{VERSIONS[name]}+minigrad{__version__}"
        if name == "d2l":
            self.torch = stands  # `from d2l import torch as d2l`: the helpers for torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stands, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._stands)})


class _Ready(Loader):
    """A loader of what is already imported, under its own name."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        if self.spec is not None and module.__spec__ is not None:
            # Its parts too: one that is imported anew would hide a function of its name.
            own, name = self.spec.name, module.__spec__.name
            for part in [p for p in sys.modules if p.startswith(f"{own}.")]:
                sys.modules.setdefault(name + part.removeprefix(own), sys.modules[part])
        module.__spec__ = self.spec  # the import system has written the other name's over it


class _Finder(MetaPathFinder):
    """Finds ``torch.nn`` as ``minigrad.nn``; what is not there is an error that says so."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if root not in STANDS_FOR or (root == "d2l" and _has_d2l()):
            return None
        own = STANDS_FOR[root]
        if fullname == "d2l.torch":
            rest = ""
        wanted = f"{own}.{rest}" if rest else own
        try:
            module = importlib.import_module(wanted)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{wanted}.".startswith(f"{error.name}."):
                raise  # a module that minigrad's own needs
            raise missing_module(fullname) from None
        shown = _Facade(fullname, module) if fullname in ("torch", "torchvision", "d2l") else module
        return ModuleSpec(fullname, _Ready(shown), is_package=hasattr(shown, "__path__"))


_FINDER = _Finder()


def install() -> None:
    """Let ``torch``, ``torchvision`` and ``d2l`` be minigrad, for this process.

    A real torch on the machine is not touched and not imported.

    Raises: RuntimeError if the real torch is imported already: two engines would be mixed.

    >>> import subprocess, sys
    >>> program = "import minigrad.compat as c; c.install(); import torch; print(torch.ones(2))"
    >>> subprocess.run([sys.executable, "-c", program], capture_output=True).stdout
    b'tensor([1., 1.])\\n'
    """
    if installed():
        return
    there = [name for name in ("torch", "torchvision") if name in sys.modules]
    if there:
        raise RuntimeError(
            f"compat.install: {there[0]} itself is imported already; install() comes first"
        )
    sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Undo :func:`install`: later imports find the real packages again.

    >>> import minigrad.compat
    >>> minigrad.compat.uninstall()
    >>> minigrad.compat.installed()
    False
    """
    if not installed():
        return
    sys.meta_path.remove(_FINDER)
    for name in [n for n in sys.modules if n.partition(".")[0] in STANDS_FOR]:
        del sys.modules[name]


def installed() -> bool:
    """Whether ``import torch`` finds minigrad now.

    >>> import minigrad.compat
    >>> minigrad.compat.installed()
    False
    """
    return _FINDER in sys.meta_path


def _has_d2l() -> bool:
    """Whether the book's own package is installed: then it runs on minigrad, unchanged."""
    finders = [finder for finder in sys.meta_path if finder is not _FINDER]
    return any(hasattr(f, "find_spec") and f.find_spec("d2l", None) is not None for f in finders)
