"""Programs written for torch, run unmodified: ``import torch`` finds minigrad after this.

    import minigrad.compat
    minigrad.compat.install()
    import torch, torchvision

It holds for this process only. ``minigrad run script.py`` does it for a whole program.
"""

from minigrad.compat.importer import STANDS_FOR, install, installed, uninstall
from minigrad.compat.missing import MissingModule, explain
from minigrad.compat.script import run

__all__ = [
    "STANDS_FOR",
    "MissingModule",
    "explain",
    "install",
    "installed",
    "run",
    "uninstall",
]
