"""Run a script written for torch with either package as its ``torch``, and compare what it did.

The scripts of this folder are written as people write for torch. One starts at its first line with
seed 0, in an empty folder, as ``__main__``. What it printed, what it warned of and the tensors and
modules that it leaves as globals are what it did.
"""

from __future__ import annotations

import builtins
import contextlib
import difflib
import io
import os
import random
import re
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from parity_tests.keeping import settings_kept
from parity_tests.programs.comparing import NUMBER, form, frame, last_place, plain
from parity_tests.programs.running import importer

FOLDER = Path(__file__).parent
OURS = {"conftest.py", "scripts.py", "test_wild.py", "times.py"}  # which are no scripts

# Losses after training: the two packages add up in another order, and steps add to that.
TRAINED = {"rtol": 1e-4, "atol": 2e-5}

# What is rounding errors only: weights whose gradient is zero on paper, which Adam scales up.
NOISE = {
    "cgan_spectral": r"(G|g_old)\.net\.(0\.bias|1\.running_mean)",  # likewise
    "wgan_gp": r"generator\.model\.(2\.bias|3\.running_mean)",  # a bias before a batch norm
    "transformer_classifier": r"model\..*in_proj_bias",  # a bias of keys cancels in the softmax
}
# In float32 the training amplifies rounding errors: minigrad with and without kernels are as far
# apart as minigrad and torch. In float64, in which these run, all agree to 1e-12.
IN_DOUBLE = {"generators", "seq2seq"}

# torch says each of these once in a process, or says it of NumPy 2.
SAID_ONCE = re.compile(
    "UserWarning: (The PyTorch API of nested tensors is in prototype"
    r"|The use of `x\.T` on tensors of dimension other than 2"
    "|Converting a tensor with requires_grad=True to a scalar"
    "|TypedStorage is deprecated"
    "|The given NumPy array is not writable"
    r"|torch.set_default_tensor_type\(\) is deprecated"
    "|This overload of)"
    "|DeprecationWarning: (__array|`torch.jit.script` is deprecated)"
)


@dataclass
class Done:
    """What a script did."""

    name: str
    text: str
    warned: set[str]
    values: dict[str, Any]  # by the names of its globals
    seconds: float


def scripts() -> dict[str, Path]:
    """Every script, by name."""
    return {p.stem: p for p in sorted(FOLDER.glob("*.py")) if p.name not in OURS}


@contextlib.contextmanager
def as_main(module: ModuleType) -> Iterator[None]:
    """Let a module be ``__main__``, which is where pickle looks for the classes of a script."""
    before = sys.modules["__main__"], sys.argv
    sys.modules["__main__"], sys.argv = module, [str(module.__file__)]
    try:
        yield
    finally:
        sys.modules["__main__"], sys.argv = before


def run(path: Path, package: ModuleType, folder: Path) -> Done:
    """Run a script with a package as its ``torch`` in a folder."""
    module = ModuleType("__main__")
    module.__file__ = str(path)
    found = importer({"torch": package})
    names = vars(module) | {"__builtins__": {**vars(builtins), "__import__": found}}
    vars(module).update(names)
    compiled = compile(path.read_text(), str(path), "exec")
    dtype = package.float64 if path.stem in IN_DOUBLE else package.float32
    package.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    text, where = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with (
            as_main(module),
            settings_kept(package),
            contextlib.redirect_stdout(text),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            package.set_default_dtype(dtype)
            began = time.perf_counter()
            exec(compiled, vars(module))
            seconds = time.perf_counter() - began
    finally:
        os.chdir(where)
    warned = {f"{w.category.__name__}: {plain(str(w.message)).split(chr(10))[0]}" for w in caught}
    warned = {line for line in warned if not SAID_ONCE.match(line)}
    return Done(path.stem, text.getvalue(), warned, left(vars(module), package), seconds)


def left(names: dict[str, Any], package: Any) -> dict[str, Any]:
    """The numbers in the tensors and modules among a script's globals."""
    found = {}
    for name, value in names.items():
        if isinstance(value, package.nn.Module):
            value = value.state_dict()
        if isinstance(value, package.Tensor):
            value = {"": value}
        if isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, package.Tensor):
                    found[f"{name}.{key}"] = inner.detach().numpy()
    return found


def differences(mine: Done, theirs: Done) -> Iterator[str]:
    """In what two runs differ, in a line each."""
    yield from _lines(plain(mine.text), plain(theirs.text))
    for line in sorted(mine.warned ^ theirs.warned):
        yield f"only {'minigrad' if line in mine.warned else 'torch'} warns: {line}"
    for name in sorted(mine.values.keys() ^ theirs.values.keys()):
        yield f"{name} is left by one only"
    noise = re.compile(NOISE.get(mine.name, "$"))
    for name in sorted(mine.values.keys() & theirs.values.keys()):
        if noise.match(name):
            continue
        one, other = mine.values[name], theirs.values[name]
        if one.dtype != other.dtype or one.shape != other.shape:
            yield f"{name}: {one.dtype} {one.shape} is not {other.dtype} {other.shape}"
        elif not np.allclose(one, other, equal_nan=True, rtol=1e-3, atol=2e-4):
            yield f"{name}: off by {np.abs(one - other).max():.2g}"


def _lines(mine: str, theirs: str) -> Iterator[str]:
    ours, torchs = mine.splitlines(), theirs.splitlines()
    if len(ours) != len(torchs):
        yield from difflib.unified_diff(torchs, ours, "torch", "minigrad", n=0, lineterm="")
        return
    for one, other in zip(ours, torchs, strict=True):
        if one == other:
            continue
        if frame(_still(one)) != frame(_still(other)):
            yield f"{one!r} is not {other!r}"
            continue
        pairs = zip(NUMBER.findall(_still(one)), NUMBER.findall(_still(other)), strict=True)
        if not all(_close(a, b) for a, b in pairs):
            yield f"{one!r} is not near {other!r}"


def _still(line: str) -> str:
    """A line without the times in it."""
    return re.sub(r"[\d.]+(?= ?(?:ms|s|sec|seconds)\b)", "T", line)


def _close(one: str, other: str) -> bool:
    # `repr` of a float has as many decimals as it needs, and a format has as many as it asks for.
    if form(one) != form(other) and len(one) < 10 and len(other) < 10:
        return False
    a, b = float(one), float(other)
    return abs(a - b) <= TRAINED["rtol"] * abs(b) + TRAINED["atol"] + 1.001 * last_place(other)
