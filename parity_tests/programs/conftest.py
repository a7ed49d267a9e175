"""The programs are scripts that import ``torch`` or ``torchvision``: pytest does not load them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
collect_ignore = [str(path) for path in FOLDER.glob("*.py") if "\ndef program_" in path.read_text()]
