"""torch is asked for the names in these rooms and how they are called; minigrad must agree."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
import torch

import minigrad

CLASSES = (
    "Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
    "Parameter", "Buffer", "DataParallel",
)  # fmt: skip
ROOMS = (
    "nn.init", "nn.utils", "nn.utils.clip_grad", "nn.utils.convert_parameters", "nn.utils.fusion",
    "nn.utils.memory_format", "nn.utils.parametrizations", "nn.utils.parametrize",
    "nn.utils.prune", "nn.utils.spectral_norm", "nn.utils.stateless", "nn.utils.weight_norm",
    "nn.parallel", "nn.parallel.data_parallel", "nn.parallel.parallel_apply",
    "nn.parallel.replicate", "nn.parallel.scatter_gather", "nn.modules.module",
)  # fmt: skip
ELSEWHERE = {
    "nn.parallel.DistributedDataParallel": "left out, and says so whatever it is given",
    "nn.utils.rnn": "tested with the recurrent layers",
}


def parameters(callable_: Any) -> list[tuple[str, str, str]]:
    """Names, kinds and defaults of what a callable takes, without annotations."""
    signature = inspect.signature(callable_)
    return [
        (p.name, str(p.kind), repr(p.default).replace("minigrad", "torch"))
        for p in signature.parameters.values()
    ]


def own_names(kind: str) -> list[str]:
    """The public names that torch's class has by itself or from Module, and Python's protocols."""
    theirs = getattr(torch.nn, kind)
    inherited = object if kind not in ("Parameter", "Buffer") else torch.Tensor
    names = {name for base in theirs.__mro__ for name in vars(base) if base is not object}
    skipped = {"__torch_function__", "__annotations__", "__weakref__", "__orig_bases__"}
    skipped |= {"__parameters__", "__class_getitem__", "__init_subclass__", "__getstate__"}
    skipped |= {"__new__"} if kind not in ("Parameter", "Buffer") else set()  # another test sets it
    skipped |= {
        "__slots__",
        "__abstractmethods__",
        "__reduce_ex__",
        "__doc__",
        "__module__",
        "__dict__",
    }
    skipped |= {"__metaclass__"} if inherited is object else set(dir(torch.Tensor))
    protocol = {n for n in names if n.startswith("__")}
    return sorted(n for n in names - skipped if n in protocol or not n.startswith("_"))


@pytest.mark.parametrize("kind", CLASSES)
def test_methods(kind: str) -> None:
    mine, theirs = getattr(minigrad.nn, kind), getattr(torch.nn, kind)
    names = own_names(kind)
    assert kind in ("Parameter", "Buffer") or "forward" in names
    for name in names:
        assert hasattr(mine, name), f"{kind}.{name} is missing"
        if inspect.isfunction(getattr(theirs, name)):
            assert parameters(getattr(mine, name)) == parameters(getattr(theirs, name)), name


def public(room: Any) -> list[str]:
    listed = getattr(room, "__all__", None)
    return listed or [
        name
        for name, value in vars(room).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__.startswith("torch.nn")
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_functions(room: str) -> None:
    mine, theirs = (
        importlib.import_module(f"{library}.{room}") for library in ("minigrad", "torch")
    )
    names = [name for name in public(theirs) if f"{room}.{name}" not in ELSEWHERE]
    assert names
    for name in names:
        assert hasattr(mine, name), f"{room}.{name} is missing"
        if callable(getattr(theirs, name)):
            assert parameters(getattr(mine, name)) == parameters(getattr(theirs, name)), name


def test_a_missing_name_and_another_default_are_seen() -> None:
    assert parameters(lambda a, b=1: a) != parameters(lambda a, b=2: a)
    assert parameters(lambda a, b: a) != parameters(lambda b, a: a)
    assert "register_buffer" in own_names("Sequential")
