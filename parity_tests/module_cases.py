"""What the layers of torch.nn are tried with: torch's own database, a table, and wrong calls."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

import minigrad
from parity_tests.both import of_torchs_tests
from parity_tests.module_table import TABLE

# Arguments that no layer wants, put in the place of each of its own in turn.
SPOILT: tuple[Any, ...] = (-1, 0, 1.5, "a", None, (1, 2, 3, 4, 5))


@dataclass
class Case:
    """One layer: the arguments that make it, and those that it is called with."""

    name: str
    made_of: tuple[tuple[Any, ...], dict[str, Any]]
    called_with: tuple[tuple[Any, ...], dict[str, Any]]
    kind: str
    training: bool

    def __str__(self) -> str:
        call, run = (_text(args, kwargs) for args, kwargs in (self.made_of, self.called_with))
        return f"{self.kind} {self.name}({call})({run}){'' if self.training else ' eval'}"


def _text(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    def one(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"<{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}>"
        return repr(value)[:60]

    return ", ".join([*map(one, args), *(f"{k}={one(v)}" for k, v in kwargs.items())])


@functools.cache
def database() -> dict[str, list[Any]]:
    """torch's records of its modules, by class name."""
    module_db = of_torchs_tests("common_modules").module_db
    found: dict[str, list[Any]] = {}
    for info in module_db:
        found.setdefault(info.module_cls.__name__, []).append(info)
    return found


def names() -> list[str]:
    """The layers that can be compared."""
    known = {*database(), *TABLE}
    return sorted(name for name in known if hasattr(minigrad.nn, name))


def cases(name: str, kind: str) -> Iterator[Case]:
    """What a layer is tried with, in one dtype."""
    dtype = getattr(torch, kind)
    for info in database().get(name, ()):
        if dtype in info.dtypes:
            for training in (True, False) if info.train_and_eval_differ else (True,):
                torch.default_generator.manual_seed(0)
                with arguments_kept():
                    samples = list(
                        info.module_inputs_func(
                            info, device="cpu", dtype=dtype, requires_grad=True, training=training
                        )
                    )
                yield from (_case(name, sample, kind, training) for sample in samples)
    if kind in ("float32", "float64"):
        for made, call in TABLE.get(name, ()):
            for training in (True, False):
                torch.default_generator.manual_seed(0)
                yield _written(name, made, call, dtype, training)


@contextlib.contextmanager
def arguments_kept() -> Iterator[None]:
    """Let torch's modules remember what they are made of, so that they can be made again here."""

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = object.__new__(cls)
        vars(made)["_made_of"] = args, kwargs
        return made

    torch.nn.Module.__new__ = staticmethod(new)  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        torch.nn.Module.__new__ = staticmethod(_plain_new)  # type: ignore[method-assign,assignment]


def _plain_new(cls: Any, *args: Any, **kwargs: Any) -> Any:
    """What Python does where a class has no ``__new__``; a deleted one would leave its slot."""
    return object.__new__(cls)


def _case(name: str, sample: Any, kind: str, training: bool) -> Case:
    made, run = sample.constructor_input, sample.forward_input
    call = ((), {}) if run is None else (run.args, run.kwargs)
    return Case(name, (made.args, made.kwargs), call, kind, training)


def _written(name: str, made: str, call: str, dtype: Any, training: bool) -> Case:
    """A row of the table: two texts of arguments, read with torch's names."""

    def tensor(*shape: int) -> Any:
        return torch.randn(shape, dtype=dtype, requires_grad=True)

    scope = {"torch": torch, "T": tensor, "F": torch.nn.functional, "dict": dict, "dtype": dtype}
    catch = {"catch": lambda *args, **kwargs: (args, kwargs)}
    with arguments_kept():
        first = eval(f"catch({made})", scope | catch)
    return Case(name, first, eval(f"catch({call})", scope | catch), str(dtype)[6:], training)


def spoilt(case: Case) -> Iterator[Case]:
    """The case with one argument of the constructor, or one input, made wrong."""
    args, kwargs = case.made_of
    for place in range(len(args)):
        for bad in SPOILT:
            made = ((*args[:place], bad, *args[place + 1 :]), kwargs)
            yield Case(case.name, made, case.called_with, case.kind, case.training)
    for key in kwargs:
        for bad in SPOILT:
            made = (args, {**kwargs, key: bad})
            yield Case(case.name, made, case.called_with, case.kind, case.training)
    for extra in (((*args, *"abcdefghijkl"), kwargs), ((), {}), (args, {**kwargs, "foo": 1})):
        yield Case(case.name, extra, case.called_with, case.kind, case.training)
    inputs, options = case.called_with
    for place, value in enumerate(inputs):
        if isinstance(value, torch.Tensor):
            for bad in _bad_inputs(value.detach()):
                call = ((*inputs[:place], bad, *inputs[place + 1 :]), options)
                yield Case(case.name, case.made_of, call, case.kind, case.training)


def _bad_inputs(x: Any) -> Iterator[Any]:
    """Other numbers of dimensions, other sizes, other dtypes."""
    yield x.unsqueeze(0)
    yield x.unsqueeze(0).unsqueeze(0)
    if x.ndim:
        yield x[0]
        yield x[:0]
        yield torch.cat([x, x], -1)
    if x.ndim > 1:
        yield torch.cat([x, x], 1)
        yield x[:, :0]
        yield x[0, 0]
    yield x.to(torch.int64)
    yield x.to(torch.float32)
    yield x > 0


def spread(rows: list[Case], limit: int | None) -> list[Case]:
    """At most so many of them, from everywhere."""
    if limit is None or len(rows) <= limit:
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]


def error_cases(name: str) -> Iterator[Case]:
    """The wrong calls of torch's database."""
    for info in database().get(name, ()):
        if info.module_error_inputs_func is not None:
            for bad in info.module_error_inputs_func(
                info, device="cpu", dtype=torch.float32, requires_grad=False, training=False
            ):
                yield _case(name, bad.module_error_input, "float32", True)
