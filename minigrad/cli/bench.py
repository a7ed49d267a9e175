"""``minigrad bench``: the benchmarks, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from minigrad.cli.errors import CommandError

PACKAGE = Path(__file__).resolve().parents[1]
# In a checkout beside the package; in an installation inside it, in a folder of its own.
PLACES = (PACKAGE.parent, PACKAGE / "measuring")


def home() -> Path:
    """The folder in which the package ``benchmarks`` lies; CommandError if there is none."""
    for place in PLACES:
        if (place / "benchmarks" / "__main__.py").is_file():
            return place
    raise CommandError("bench: the benchmarks are not there; they come with the source of minigrad")


def bench(arguments: list[str]) -> int:
    """Run ``python -m benchmarks`` with these arguments; its exit code."""
    place = home()
    paths = [str(place), str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(dict.fromkeys(p for p in paths if p))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *(arguments or ["--help"])],
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
    )
    return done.returncode
