"""What there is in CuPy, read off CuPy itself: writes ``cupy_api.txt``.

``python -m minigrad.cuda.stand_in.api`` does, where CuPy is installed; it needs no card.
``--check`` writes nothing, and says whether the file is what it would write.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FILE", "arguments", "main", "section", "table"]

FILE = Path(__file__).parent / "cupy_api.txt"
HEAD = """\
# The functions of numpy that CuPy {version} has too, with the arguments that it takes: "=" has a
# default, what stands behind * is given by name. Read off CuPy itself, which can be
# imported without a card; what is not here, the stand-in refuses.
"""
# What the stand-in has in other words than NumPy's (see namespace.py), or on purpose not: files,
# texts, polynomials, windows, questions about types, and what calls a function of the user's.
APART = """
    apply_along_axis apply_over_axes argwhere array array2string array_repr array_str asanyarray
    asarray asarray_chkfinite ascontiguousarray asfortranarray bartlett base_repr binary_repr
    bincount blackman broadcast_arrays broadcast_shapes can_cast common_type copy copyto empty
    empty_like fill_diagonal flatnonzero format_float_positional format_float_scientific
    from_dlpack frombuffer fromfile fromfunction fromiter fromstring genfromtxt get_printoptions
    hamming hanning iscomplexobj isrealobj isscalar issubdtype iterable kaiser load loadtxt
    mask_indices may_share_memory min_scalar_type mintypecode nan_to_num ndim nonzero piecewise
    place poly polyadd polyfit polymul polysub polyval printoptions promote_types put
    put_along_axis putmask real_if_close require result_type roots save savetxt savez
    savez_compressed set_printoptions shape shares_memory show_config size typename unique
"""
STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
SECTIONS = {
    "numpy": ("cupy", "numpy"),
    "numpy.linalg": ("cupy.linalg", "numpy.linalg"),
    "scipy.special": ("cupyx.scipy.special", "scipy.special"),
}


def arguments(function: Callable[..., Any]) -> str:
    """The arguments of a function, as the file has them.

    >>> arguments(lambda a, axis=None, *, out=None: a)
    'a, axis=, *, out='
    """
    found, by_name = [], False
    for p in inspect.signature(function).parameters.values():
        stars = STARS.get(p.kind, "")
        if p.kind is p.KEYWORD_ONLY and not by_name:
            found.append("*")
        by_name = by_name or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        found.append(stars + p.name + ("" if stars or p.default is p.empty else "="))
    return ", ".join(found)


def section(title: str, theirs: Any, ours: Any, ufunc: Any, own: type) -> str:
    """A part of the file: functions of numbers by name, then the others with their arguments.

    ``ufunc`` is CuPy's class of such functions, and ``own`` NumPy's.
    """
    names, lines, apart = ["ufuncs"], [], APART.split()
    for name in sorted(dir(theirs)):
        one, other = getattr(theirs, name), getattr(ours, name, None)
        plain = callable(one) and callable(other) and not isinstance(other, type)
        if not plain or isinstance(one, type) or name.startswith("_") or name in apart:
            continue
        if not isinstance(one, ufunc):
            lines.append(f"{name}({arguments(one)})")
        elif isinstance(other, own):
            names.append(name)
        else:  # no ufunc of NumPy's: it has the arguments of CuPy's
            given = ", ".join(["x", "y", "z"][: one.nin])
            lines.append(f"{name}({given}, out=, *, dtype=)")
    listed = textwrap.wrap(" ".join(names), 100) if len(names) > 1 else []
    return "\n".join([f"[{title}]", *listed, *lines, ""])


def table(load: Callable[[str], Any] = importlib.import_module) -> str:
    """The whole file, of the CuPy that is installed."""
    ufunc, own = load("cupy").ufunc, load("numpy").ufunc
    parts = [
        section(title, load(theirs), load(ours), ufunc, own)
        for title, (theirs, ours) in SECTIONS.items()
    ]
    return HEAD.format(version=load("cupy").__version__) + "".join(parts)


def main(given: Sequence[str] | None = None) -> int:
    """Write the file, or look at it: 0 if it is right, 1 if not, 2 without its CuPy."""
    parser = argparse.ArgumentParser(prog="python -m minigrad.cuda.stand_in.api")
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(given).check
    try:
        made = table()
    except ImportError as error:
        print(f"cupy_api.txt is read off CuPy, which is not installed ({error})", file=sys.stderr)
        return 2
    there = FILE.read_text("utf-8")
    if not check:
        FILE.write_text(made, "utf-8")
        return 0
    one, other = (re.search(r"CuPy (\S+)", text) for text in (there, made))
    if one and other and one[1] != other[1]:
        print(f"cupy_api.txt is of CuPy {one[1]}; {other[1]} is installed", file=sys.stderr)
        return 2
    return int(made != there)


if __name__ == "__main__":
    sys.exit(main())
