"""Processes that save in a loop, to be killed at any moment: see ``test_atomic.py``."""

from __future__ import annotations

import os
import sys

import minigrad as mg


def save_for_ever(path: str, number: int) -> None:
    """Save a number and a tensor full of it, say so, and go on with the next number."""
    while True:
        number += 1
        mg.save({"number": number, "w": mg.full((50_000,), float(number))}, path)
        os.write(1, b"saved %d\n" % number)


def main(path: str) -> None:
    """For each number read: start a process that saves from there on, and wait for its end.

    Forking takes a thousandth of what starting Python anew does.
    """
    for line in sys.stdin:
        process = os.fork()
        if not process:
            save_for_ever(path, int(line))
        os.write(1, b"started %d\n" % process)
        os.waitpid(process, 0)
        os.write(1, b"ended 0\n")


if __name__ == "__main__":
    main(sys.argv[1])
