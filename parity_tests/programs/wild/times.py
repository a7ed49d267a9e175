"""Print how long each script of this folder takes with minigrad and with torch, and what differs.

python -m parity_tests.programs.wild.times [name ...]
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

import torch as oracle

import minigrad
from parity_tests.programs.wild.scripts import Done, differences, run, scripts


def tried(path: Path, package: object) -> Done | str:
    """What a script did, or how it broke."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return run(path, package, Path(folder))  # type: ignore[arg-type]
        except BaseException:
            return traceback.format_exc(limit=-5)


def main(names: list[str]) -> None:
    """Run the scripts whose names are given, or all."""
    print(f"{'script':28}{'minigrad':>10}{'torch':>10}{'ratio':>8}")
    for name, path in scripts().items():
        if names and name not in names:
            continue
        mine, theirs = (tried(path, package) for package in (minigrad, oracle))
        if isinstance(mine, str) or isinstance(theirs, str):
            print(f"{name:28} broke\n" + "\n".join(x for x in (mine, theirs) if isinstance(x, str)))
            continue
        for _ in range(2):  # the first run also imports what it needs
            for done, package in ((mine, minigrad), (theirs, oracle)):
                again = tried(path, package)
                assert not isinstance(again, str), again
                done.seconds = min(done.seconds, again.seconds)
        ratio = mine.seconds / theirs.seconds
        print(f"{name:28}{mine.seconds:9.2f}s{theirs.seconds:9.2f}s{ratio:8.2f}", flush=True)
        for line in differences(mine, theirs):
            print("    " + line[:600])


if __name__ == "__main__":
    main(sys.argv[1:])
