"""``python -m minigrad.compat script.py``: ``minigrad run`` without the packages of the command."""

from __future__ import annotations

import sys

from minigrad.compat.script import run

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m minigrad.compat script.py [arguments]")
    sys.exit(run(sys.argv[1], sys.argv[2:]))
