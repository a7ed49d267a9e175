"""The programs are scripts that import ``torch`` and run at once: pytest does not load them."""

from __future__ import annotations

from pathlib import Path

from parity_tests.programs.wild.scripts import OURS

FOLDER = Path(__file__).parent
collect_ignore = [str(path) for path in FOLDER.glob("*.py") if path.name not in OURS]
