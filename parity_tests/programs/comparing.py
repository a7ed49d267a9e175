"""Printed text of two packages: the frame literally, numbers with decimals within a tolerance."""

from __future__ import annotations

import re
from itertools import zip_longest

from parity_tests.tolerances import TOL

NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d*(?:e[-+]\d+)?(?![\w.])")
ADDRESS = re.compile(r"0x[0-9a-f]+")
# How long something took is no two times the same.
TIME = re.compile(r"[\d.]+(?= (?:examples/sec|sec\b))")
NAMES = re.compile(r"\b(?:minigrad\.vision|vision_on_torch)\b")


def plain(text: str) -> str:
    """Text without what must differ: package names, addresses, times."""
    text = NAMES.sub("torchvision", ADDRESS.sub("0x", TIME.sub("T", text)))
    return (
        text.replace("minigrad.d2l", "d2l")
        .replace("d2l_on_torch", "d2l")
        .replace("minigrad", "torch")
    )


def assert_same_text(mine: str, theirs: str) -> None:
    """Assert that two texts have one frame, and numbers that are the same up to rounding."""
    mine, theirs = plain(mine), plain(theirs)
    for one, other in zip_longest(mine.splitlines(), theirs.splitlines()):
        where = f"{one!r} is not {other!r}"
        assert one is not None and other is not None, where
        if one == other:
            continue
        assert frame(one) == frame(other), where
        for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True):
            assert close(a, b), f"{where}: {a} and {b}"


def frame(line: str) -> str:
    return NUMBER.sub("#", line)


def close(one: str, other: str) -> bool:
    """Whether two printed numbers can stem from values within float32's tolerance.

    Where all numbers of a tensor are whole it is printed as ``1.``, and as ``1.0000`` else.
    """
    forms = {form(one), form(other)}
    if len(forms) > 1 and forms != {(0, False), (4, False)}:
        return False
    limit = TOL["float32"]
    a, b = float(one), float(other)
    allowed = limit["rtol"] * abs(b) + limit["atol"] + min(last_place(one), last_place(other))
    return abs(a - b) <= allowed * (1 + 1e-9)


def form(number: str) -> tuple[int, bool]:
    """How many decimals, and whether there is an exponent."""
    mantissa, _, exponent = number.partition("e")
    return len(mantissa.partition(".")[2]), bool(exponent)


def last_place(number: str) -> float:
    """The value of one more in the last printed digit."""
    mantissa, _, exponent = number.partition("e")
    return float(10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])))
