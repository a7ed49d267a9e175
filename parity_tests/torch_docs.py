"""Run the examples in torch's docstrings with both libraries, and compare what each line gives.

``python -m parity_tests.torch_docs NAME ...`` (``cumsum``, ``Tensor.scatter_``, ``linalg.inv``)
prints what differs; without names, one line for every public name that has an example. The examples
are read from the installed torch; none is kept here.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import math
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import minigrad
from minigrad.left_out import left_out
from parity_tests.keeping import settings_kept
from parity_tests.ops.samples import outputs, to_numpy
from parity_tests.tolerances import TOL
from parity_tests.torch_samples import difference

PLACES = (
    "",
    "Tensor",
    "nn.functional",
    "linalg",
    "special",
    "nn",
    "nn.init",
    "nn.utils",
    "nn.utils.rnn",
    "nn.utils.parametrize",
    "autograd",
    "autograd.functional",
    "autograd.graph",
    "autograd.forward_ad",
    "func",
    "distributions",
    "optim",
    "optim.lr_scheduler",
    "optim.swa_utils",
    "utils.data",
    "utils.checkpoint",
)
DISTRIBUTIONS = (*torch.distributions.__all__, "constraints")  # their examples import nothing
ADDRESS = re.compile(r"0x[0-9a-f]+")
PRIVATE = re.compile(r"torch\._C\.Generator|torch\.random\.generator\.Generator")
CONTINUED = re.compile(
    r"^(\s*)>>> ( {2,}|\t)", re.MULTILINE
)  # torch's way to write a block's lines


def named(library: Any, name: str) -> Any:
    """What a dotted name is in a library; None if it has no such thing."""
    found = library
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def names() -> Iterator[str]:
    """torch's public names that have an example."""
    for place in PLACES:
        module = named(torch, place) if place else torch
        for name in sorted(vars(module) if place == "Tensor" else dir(module)):
            dotted = f"{place}.{name}".lstrip(".")
            if not name.startswith("_") and ">>>" in str(
                getattr(named(torch, dotted), "__doc__", "")
            ):
                yield dotted


# What is around torch.nn has tests of its own. The examples of layers for volumes, and of whole
# transformers, work on tens of millions of numbers; ``torch_modules.py`` runs the layers on less.
LAYERS = ("nn.init", "nn.utils", "optim.", "utils.")
LARGE = re.compile(r"nn\.\w*3d|nn\.Transformer\w*")
OF_CARDS = ("Event", "Stream")  # they need one
FUNCTIONS = ("nn.functional.", "utils.checkpoint")


def tested() -> list[str]:
    """The names whose examples the tests run."""
    return [
        name
        for name in names()
        if not left_out(name.split(".")[-1])
        and not left_out(name)
        and (not name.startswith(LAYERS) or name.startswith(FUNCTIONS))
        and not LARGE.fullmatch(name)
        and name not in OF_CARDS
    ]


def statements(doc: str) -> list[str]:
    """The examples of a docstring, statement by statement; what does not parse is left out."""
    found = []
    source = CONTINUED.sub(r"\1... \2", doc)
    with contextlib.suppress(ValueError):
        for example in doctest.DocTestParser().get_examples(source):
            with contextlib.suppress(SyntaxError):
                found += [ast.unparse(node) for node in ast.parse(example.source).body]
    return found


class Run:
    """One library's side of an example."""

    def __init__(self, library: Any) -> None:
        self.names: dict[str, Any] = {
            "torch": library,
            "nn": library.nn,
            "F": library.nn.functional,
            "optim": library.optim,
            "Tensor": library.Tensor,
            "Variable": library.tensor,
            "math": math,
            "np": np,
            "numpy": np,
            **{name: named(library, f"distributions.{name}") for name in DISTRIBUTIONS},
        }
        self.library = library
        library.manual_seed(0)

    def step(self, source: str) -> tuple[Any, str]:
        """The value of a statement that is an expression, and what it printed."""
        library = self.library.__name__
        source = re.sub(r"\b(import|from) torch\b", rf"\1 {library}", source)
        source = re.sub(r"import minigrad$", "import minigrad as torch", source)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = eval(compile(source, "<example>", "eval"), self.names)
            except SyntaxError:
                value = exec(compile(source, "<example>", "exec"), self.names)
        return value, printed.getvalue()


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Put back what an example may have set for good, and let it write its files elsewhere."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        settings_kept(minigrad, torch),
    ):
        yield


def check(name: str) -> tuple[int, list[str]]:
    """How many statements agree, and what is wrong with the others."""
    with elsewhere():
        return _check(name)


def _check(name: str) -> tuple[int, list[str]]:
    mine, theirs = Run(minigrad), Run(torch)
    passed, wrong = 0, []
    absent: set[str] = set()  # names that stand for something that minigrad leaves out
    for source in statements(str(named(torch, name).__doc__)):
        made, used = names_of(source)
        try:
            want, want_text = theirs.step(source)
        except Exception:
            with contextlib.suppress(Exception):
                mine.step(source)
            reseed()  # one side may have drawn
            continue
        if used & absent:
            absent |= made
            reseed()
            continue
        try:
            got, got_text = mine.step(source)
        except Exception as error:
            if is_left_out(error):
                absent |= made
                reseed()
                continue
            wrong.append(f"{source}\n        {type(error).__name__}: {str(error)[:200]}")
            continue
        absent -= made
        differs = "" if "empty" in source else compare(got, want)
        if not differs and plain(got_text) != plain(want_text):
            differs = f"prints {got_text!r}, not {want_text!r}"
        if differs:
            wrong.append(f"{source}\n        {differs}")
        else:
            passed += 1
    return passed, wrong


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a statement sets, and those that it reads."""
    names = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)]
    made = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return made, {n.id for n in names if isinstance(n.ctx, ast.Load)}


def is_left_out(error: Exception) -> bool:
    """Whether an error says that minigrad has no such thing on purpose."""
    if isinstance(error, AttributeError):
        return bool(left_out(error.name or ""))
    return isinstance(error, NotImplementedError) and "left out of minigrad" in str(error)


def reseed() -> None:
    """Let both libraries draw the same again."""
    minigrad.manual_seed(0)
    torch.manual_seed(0)


def compare(got: Any, want: Any) -> str:
    """What differs between two values: numbers, and the text where all bits are the same."""
    tensors = [t for t in outputs(want) if isinstance(t, torch.Tensor)]
    if tensors:
        wrong = difference(got, want)
        if wrong:
            return wrong
        pairs = zip(outputs(got), outputs(want), strict=True)
        if any(
            to_numpy(a).tobytes() != to_numpy(b).tobytes()
            for a, b in pairs
            if isinstance(b, torch.Tensor)
        ):
            return ""
    elif isinstance(want, float) and isinstance(got, float):
        near = math.isclose(got, want, rel_tol=TOL["float32"]["rtol"])
        return "" if near or (got != got and want != want) else f"{got} is not {want}"
    elif callable(want) and not isinstance(want, torch.nn.Module):
        return ""
    one, other = plain(repr(got)), plain(repr(want))
    return "" if one == other else f"{one!r} is not {other!r}"


def plain(text: str) -> str:
    """Text without the library's name and addresses."""
    return PRIVATE.sub("Generator", ADDRESS.sub("0x", text.replace("minigrad", "torch")))


def main(chosen: list[str]) -> None:
    """Print what differs."""
    for name in chosen or names():
        passed, wrong = check(name)
        if wrong or chosen:
            print(f"{name}: {passed} same, {len(wrong)} differ", flush=True)
        for text in wrong[: None if chosen else 1]:
            print("   ", text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
