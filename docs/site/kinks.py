"""The table of conventions, run when the site is built and set beside torch's values.

docs/conventions.md keeps what torch gives (a test compares it with the installed torch), so that
the site is built without torch.
"""

from __future__ import annotations

import math
import re

import minigrad

ROW = re.compile(r"^\| (.+) \| `(\[.*\])` \| `(.+)` \| `(\[.*\])` \|$")


def executed(page: str) -> str:
    """The page with what minigrad gives now, in a column beside torch's.

    Raises: ValueError where the two differ.
    """
    lines = []
    for line in page.splitlines():
        if line.startswith("| at | x |"):
            line = "| at | x | program | torch | minigrad, when this page was made |"
        elif line.startswith("| --- |"):
            line += " --- |"
        elif found := ROW.match(line):
            at, values, program, kept = found.groups()
            now = gradient(values, program)
            if not same(read(kept), now):
                raise ValueError(f"conventions: {at}: {kept} is kept, {now} comes out")
            line += f" `{written(now)}` |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def read(text: str) -> list[object]:
    """A list as the table has it."""
    found = eval(text, {"inf": math.inf, "nan": math.nan})
    assert isinstance(found, list)
    return found


def gradient(values: str, program: str) -> list[object]:
    """What minigrad leaves in ``x.grad``."""
    x = minigrad.tensor(read(values), requires_grad=True)
    eval(program, {"torch": minigrad, "x": x}).backward()
    found = x.grad.tolist()
    assert isinstance(found, list)
    return found


def same(one: object, other: object) -> bool:
    """Whether two nests hold the same float32 numbers; NaN is itself."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return written(one) == written(other)


def written(numbers: object) -> str:
    """Numbers as the table has them: ``[1., 0.5]``."""
    if isinstance(numbers, list):
        return f"[{', '.join(map(written, numbers))}]"
    text = f"{numbers:.7g}"
    return f"{text}." if text.lstrip("-").isdigit() else text
