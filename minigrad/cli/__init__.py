"""The ``minigrad`` command."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

# What the `cli` extra installs: the name to import, the name to install.
_EXTRA = {
    "typer": "typer",
    "rich": "rich",
    "matplotlib": "matplotlib",
    "PIL": "Pillow",
    "threadpoolctl": "threadpoolctl",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 an error, 130 interrupted.

    Without the packages of the ``cli`` extra it says in one line what to install.
    """
    missing = [package for module, package in _EXTRA.items() if _is_missing(module)]
    if missing:
        print(
            f"minigrad: the command needs {', '.join(missing)}; install what is missing with: "
            "python -m pip install 'minigrad[cli]'",
            file=sys.stderr,
        )
        return 2
    from minigrad.cli.app import run

    return run(sys.argv[1:] if arguments is None else list(arguments))


def _is_missing(module: str) -> bool:
    """Whether a module can't be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is None
    except ImportError:
        return True
