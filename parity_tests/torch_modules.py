"""Make and run the layers of torch.nn on both sides, and compare everything that can be seen.

torch ships a database of its modules (``ModuleInfo``): for each layer, arguments of the constructor
and inputs of the call, valid ones and wrong ones. What it lacks stands in ``module_table``. Each
layer is made from the same seed by both libraries; compared are the printed form, attributes, first
weights, results, gradients, buffers after the call, copies and conversions. Then the arguments and
inputs are spoilt, one at a time, and both must raise the same.

``python -m parity_tests.torch_modules NAME ...`` (``Conv2d``, ``LazyLinear``) prints what differs;
without names, one line for every layer.
"""

from __future__ import annotations

import copy
import inspect
import linecache
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import minigrad
from parity_tests.both import built_in
from parity_tests.module_cases import Case, cases, error_cases, names, spoilt, spread
from parity_tests.ops.samples import outputs, to_numpy
from parity_tests.torch_docs import ADDRESS
from parity_tests.torch_samples import LeftOut, Tally, converted, difference

LIBRARIES = (minigrad, torch)
KINDS = ("float64", "float32", "float16", "bfloat16")


# --- making and running -------------------------------------------------------------------------


def both(value: Any, library: Any) -> Any:
    """A value of torch's as the library's own; tensors are copied, so that each has its leaves."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(both(one, library) for one in value)
    if isinstance(value, dict):
        return {key: both(one, library) for key, one in value.items()}
    if isinstance(value, torch.Tensor):
        fresh = value.detach().clone().requires_grad_(value.requires_grad)
        return fresh if library is torch else converted(fresh)
    if library is torch:
        return copy.deepcopy(value) if isinstance(value, torch.nn.Module) else value
    if isinstance(value, torch.nn.Module):
        return _twin(value)
    name = getattr(value, "__name__", "")
    if inspect.isroutine(value) or inspect.isclass(value):
        for place in (minigrad, minigrad.nn.functional, minigrad.nn):
            if hasattr(place, name):
                return getattr(place, name)
    return converted(value)


def _twin(module: Any) -> Any:
    """minigrad's module of the same arguments, weights and mode."""
    args, kwargs = both(module._made_of, minigrad)
    made = getattr(minigrad.nn, type(module).__name__)(*args, **kwargs).train(module.training)
    made.load_state_dict(both(dict(module.state_dict()), minigrad))
    return made


def make(case: Case, library: Any) -> Any:
    """The layer, from the same seed in both libraries, in the dtype of the case."""
    args, kwargs = both(case.made_of, library)
    library.default_generator.manual_seed(2023)  # faster than torch.manual_seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = getattr(library.nn, case.name)(*args, **kwargs)
    return layer


def fitted(layer: Any, case: Case, library: Any) -> Any:
    """The layer in the case's dtype and mode."""
    return layer.to(getattr(library, case.kind)).train(case.training)


@dataclass
class Ran:
    """What came of a call: results, and the leaves that may have a gradient."""

    result: Any
    leaves: list[Any]


def run(layer: Any, case: Case, library: Any) -> Ran:
    """Call the layer with fresh copies of the inputs and fresh random numbers."""
    args, kwargs = both(case.called_with, library)
    library.default_generator.manual_seed(42)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = layer(*args, **kwargs)
    leaves = [t for t in _tensors((args, kwargs), library) if t.requires_grad]
    return Ran(result, leaves + list(layer.parameters()))


def _tensors(value: Any, library: Any) -> Iterator[Any]:
    if isinstance(value, library.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors(one, library)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()), library)


def gradients(ran: Ran, library: Any) -> list[Any]:
    """The gradients of a weighted sum of all results."""
    outs = [o for o in outputs(ran.result) if isinstance(o, library.Tensor) and o.requires_grad]
    leaves = [leaf for leaf in ran.leaves if leaf.requires_grad]
    if not outs or not leaves:
        return []
    weights = [
        (library.arange(o.numel(), dtype=library.float64).cos() + 1.5).reshape(o.shape).to(o.dtype)
        for o in outs
    ]
    found: list[Any] = list(library.autograd.grad(outs, leaves, weights, allow_unused=True))
    return found


# --- comparing ----------------------------------------------------------------------------------


def plain(value: Any) -> str:
    """A printed form without the library's name, addresses and broken lines."""
    return " ".join(ADDRESS.sub("0x", str(value).replace("minigrad", "torch")).split())


def shown(layer: Any) -> dict[str, str]:
    """The attributes of a layer that people read: its options."""
    simple = (int, float, str, tuple, list, type(None))
    return {
        name: plain(repr(value))
        for name, value in vars(layer).items()
        if not name.startswith("_") and isinstance(value, simple)
    }


def made_differs(mine: Any, theirs: Any) -> str:
    """What is not the same about two fresh layers."""
    if plain(repr(mine)) != plain(repr(theirs)):
        return f"prints {mine!r}, not {theirs!r}"
    if shown(mine) != shown(theirs):
        return f"has {shown(mine)}, not {shown(theirs)}"
    return state_differs(mine.state_dict(), theirs.state_dict(), exact=True)


def state_differs(mine: Any, theirs: Any, exact: bool = False) -> str:
    """What is not the same about two state dicts; to the bit if ``exact``."""
    if list(mine) != list(theirs):
        return f"state {list(mine)} is not {list(theirs)}"
    for name, a, b in zip(mine, mine.values(), theirs.values(), strict=True):
        if torch.nn.parameter.is_lazy(b):
            wrong = "" if plain(a) == plain(b) else f"{a!r} is not {b!r}"
        else:
            wrong = difference(a, b)
        if wrong or (exact and not torch.nn.parameter.is_lazy(b) and _bits(a) != _bits(b)):
            return f"{name}: {wrong or 'other bits'}"
    return ""


def _bits(tensor: Any) -> bytes:
    bits: bytes = to_numpy(tensor).tobytes()
    return bits


def attempt(fn: Callable[..., Any], *args: Any) -> tuple[Any, Exception | None]:
    """The value of a call, or its error."""
    try:
        return fn(*args), None
    except LeftOut:
        raise
    except Exception as error:
        return None, error


def errors_differ(mine: Exception | None, theirs: Exception | None) -> str | None:
    """What is not the same about two outcomes; None if both went well."""
    if mine is None and theirs is None:
        return None
    if theirs is None:
        return f"raises {type(mine).__name__}: {_first_line(mine)}"
    want = f"{built_in(theirs)}: {_first_line(theirs)}"
    if mine is None:
        return f"no error, but torch: {want}"
    if built_in(mine) != built_in(theirs):
        return f"{built_in(mine)}: {_first_line(mine)}, not {want}"
    return _texts_differ(mine, theirs)


def _texts_differ(mine: Exception, theirs: Exception) -> str:
    """What torch's Python code says: exactly in a layer; functions of minigrad may say more."""
    file = raised_in(theirs)
    got, want = plain(mine), plain(theirs)
    same = got == want if file not in ("functional.py", "_reduction.py") else want[:-1] in got
    return "" if not file or same else f"says {got[:200]!r}, not {want[:200]!r}"


def _first_line(error: Exception | None) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def raised_in(error: Exception) -> str:
    """The file of torch.nn whose ``raise`` made the text; empty if C++ or Python itself did."""
    frame = error.__traceback__
    assert frame is not None
    while frame.tb_next is not None:
        frame = frame.tb_next
    file = frame.tb_frame.f_code.co_filename
    line = linecache.getline(file, frame.tb_lineno).strip()
    # A set is printed in the order of its hashes, which changes from run to run.
    own = (
        "/torch/nn/" in file and line.startswith("raise ") and "should be one of" not in str(error)
    )
    own = own and "must be one of" not in str(error)
    return file.rpartition("/")[2] if own else ""


# --- the checks ---------------------------------------------------------------------------------


def check_case(case: Case) -> Iterator[str]:
    """One line for each part of a case: empty where both agree."""
    theirs, refused = attempt(make, case, torch)
    mine, error = attempt(make, case, minigrad)
    wrong = errors_differ(error, refused)
    if wrong is not None:
        yield wrong
        return
    yield made_differs(mine, theirs)
    yield _copies_differ(mine)
    mine, theirs = fitted(mine, case, minigrad), fitted(theirs, case, torch)
    yield state_differs(mine.state_dict(), theirs.state_dict())
    want, refused = attempt(run, theirs, case, torch)
    got, error = attempt(run, mine, case, minigrad)
    wrong = errors_differ(error, refused)
    if wrong is not None:
        yield wrong
        return
    yield difference(got.result, want.result)
    yield made_differs_after(mine, theirs)
    yield from _gradients_differ(got, want)
    for kind in KINDS:
        mine, theirs = (m.to(getattr(lib, kind)) for m, lib in ((mine, minigrad), (theirs, torch)))
        types = [{k: plain(t.dtype) for k, t in m.state_dict().items()} for m in (mine, theirs)]
        yield "" if types[0] == types[1] else f".to({kind}) gives {types[0]}, not {types[1]}"


def made_differs_after(mine: Any, theirs: Any) -> str:
    """What a call changed: the class of a lazy layer, sizes, buffers, rows that were renormed."""
    if type(mine).__name__ != type(theirs).__name__ or plain(repr(mine)) != plain(repr(theirs)):
        return f"after the call {mine!r}, not {theirs!r}"
    return state_differs(mine.state_dict(), theirs.state_dict())


def _gradients_differ(got: Ran, want: Ran) -> Iterator[str]:
    second, first = gradients(got, minigrad), gradients(want, torch)
    if len(second) != len(first):
        yield f"{len(second)} gradients, not {len(first)}"
        return
    for number, (a, b) in enumerate(zip(second, first, strict=True)):
        if (a is None) != (b is None):
            yield f"gradient {number} is {'None' if a is None else 'not None'}"
        elif a is not None:
            wrong = difference(a, b)
            # In fewer digits the sums of a backward pass differ by more than the last few bits.
            if "values" in wrong and b.dtype is not torch.float64:
                wrong = ""
            yield f"gradient {number}: {wrong}" if wrong else ""


def _copies_differ(layer: Any) -> str:
    """A pickled and a deep copy are the layer again."""
    for how, copied in (
        ("pickle", lambda: pickle.loads(pickle.dumps(layer))),
        ("deepcopy", lambda: copy.deepcopy(layer)),
    ):
        twin = copied()
        if repr(twin) != repr(layer) or shown(twin) != shown(layer):
            return f"{how} gives {twin!r}"
        old, new = layer.state_dict(), twin.state_dict()
        if list(old) != list(new) or any(
            repr(a) != repr(b) for a, b in zip(old.values(), new.values(), strict=True)
        ):
            return f"{how} gives {new}, not {old}"
    return ""


def check_spoilt(case: Case) -> Iterator[str | None]:
    """Both refuse a wrong call in the same way, or both take it with the same result."""
    sides = []
    for library in LIBRARIES:
        layer, error = attempt(make, case, library)
        if error is None:
            layer, error = attempt(fitted, layer, case, library)
        ran = None
        if error is None:
            ran, error = attempt(run, layer, case, library)
        sides.append((layer, ran, error))
    (mine, got, error), (theirs, want, refused) = sides
    wrong = errors_differ(error, refused)
    if wrong is None:
        wrong = made_differs_after(mine, theirs) or difference(got.result, want.result)
    yield wrong


def check_signature(name: str) -> str:
    """The constructor's and the call's parameters: names, order, defaults."""
    for what in ("__init__", "forward"):
        sides = []
        for library in LIBRARIES:
            function = getattr(getattr(library.nn, name), what)
            parameters = list(inspect.signature(function).parameters.values())
            sides.append([(p.name, str(p.kind), plain(repr(p.default))) for p in parameters])
        if sides[0] != sides[1]:
            odd = [p for p in sides[0] + sides[1] if (p in sides[0]) != (p in sides[1])]
            return f"{what}: {odd or sides}"
    return ""


def check(name: str, limit: int | None = None, spoil: int = 1) -> Tally:
    """All that is compared of a layer: ``limit`` cases of a dtype, ``spoil`` of them spoilt."""
    tally = Tally(name)
    _note(tally, "signature", check_signature(name))
    for kind in KINDS:
        for number, case in enumerate(spread(list(cases(name, kind)), limit)):
            _tell(tally, str(case), check_case, case)
            if kind == "float64" and number < spoil:
                for bad in spoilt(case):
                    _tell(tally, f"spoilt {bad}", check_spoilt, bad)
    for case in error_cases(name):
        _tell(tally, f"error {case}", check_spoilt, case)
    return tally


def _tell(
    tally: Tally, what: str, check: Callable[[Case], Iterator[str | None]], case: Case
) -> None:
    """Count what a check finds."""
    try:
        for wrong in check(case):
            _note(tally, what, wrong)
    except LeftOut:
        tally.left_out += 1


def _note(tally: Tally, what: str, wrong: str | None) -> None:
    if wrong:
        tally.failures.append(f"[{what}] {wrong}")
    elif wrong is not None:
        tally.passed += 1


def main(chosen: list[str]) -> None:
    """Print what differs: everything about named layers, or a line for each."""
    for name in chosen or names():
        tally = check(name)
        print(tally.line(), flush=True)
        for failure in tally.failures[: 40 if chosen else 2]:
            print("   ", failure, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
