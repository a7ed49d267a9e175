"""One body on every backend: an op uses only what NumPy and CuPy both have, and agrees on both.

Without a card the first half still holds: forward and derivatives are run with an array module
that refuses any name that CuPy does not know. With one, the same calls are run there and compared.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd import apply, arguments, engine, inplace, op, shortcuts
from minigrad.autograd.registry import Record
from parity_tests.ops.samples import (
    arrays_of,
    domains_of,
    leaves_of,
    ours,
    outputs,
    records,
    result_of,
    seeded,
    tensors_of,
    values,
)
from parity_tests.tolerances import TOL

CUPY_NAMES = {
    line
    for line in (Path(__file__).parent / "cupy_names.txt").read_text().splitlines()
    if not line.startswith("#")
}
# CuPy has these as well; they are attributes of modules, or types, and not in the list.
CUPY_NAMES |= {"__name__", "linalg", "ndarray", "lib", "shares_memory"}


class CommonModule:
    """NumPy, without what CuPy does not have."""

    def __getattr__(self, name: str) -> Any:
        if name not in CUPY_NAMES:
            raise AttributeError(f"CuPy has no function {name}")
        return getattr(np, name)


@pytest.fixture
def common_module(monkeypatch):
    module = CommonModule()
    for room in (apply, arguments, engine, inplace, op, sys.modules["minigrad.autograd.grad"]):
        monkeypatch.setattr(room, "xp_of", lambda array: module)
    for room in (apply, shortcuts):  # no array is NumPy's: every op takes the general way
        for name in ("ndarray", "direct"):
            monkeypatch.setattr(room, name, type("NoArray", (), {}))
    return module


CASES = [
    pytest.param(record, index, id=f"{record.name}-{index}")
    for record in records(oracle=False)
    for index in range(len(record.samples_or_default()))
]


def sample(record: Record, index: int, kind: str) -> Any:
    rng = seeded("backend", record.name, index)
    return arrays_of(
        record, record.samples_or_default()[index], kind, lambda s, d, k: values(rng, s, d, k)
    )


def run(record: Record, index: int, kind: str, make: Any) -> tuple[list[Any], list[Any]]:
    """The outputs of a sample, and the gradients of their sum."""
    made, inputs = tensors_of(sample(record, index, kind), make)
    domains = domains_of(record, record.samples_or_default()[index])
    leaves = leaves_of(inputs, domains)
    if record.gradcheck:
        for leaf in leaves:
            leaf.requires_grad_()
    outs = outputs(result_of(record, record.function, made, domains))
    wanted = [o for o in outs if getattr(o, "requires_grad", False)]
    if wanted:
        minigrad.autograd.backward(wanted, [minigrad.ones_like(o) for o in wanted])
    return outs, [leaf.grad for leaf in leaves]


@pytest.mark.parametrize(("record", "index"), CASES)
def test_only_what_cupy_has_too_is_used(record, index, common_module):
    if record.op is not None and record.op.ufunc:
        assert record.op.ufunc in CUPY_NAMES
    kind = {"float": "float64", "int": "int64", "bool": "bool"}[record.dtypes[0]]
    run(record, index, kind, ours)


def test_a_name_that_cupy_lacks_is_refused(common_module):
    with pytest.raises(AttributeError, match="CuPy has no function"):
        common_module.busday_count  # noqa: B018


def test_every_op_asks_for_its_module(common_module):
    seen = []
    common_module.__class__ = type(
        "Seen", (CommonModule,), {"__getattribute__": _noting(seen, CommonModule)}
    )
    x = minigrad.tensor([1.0, 2.0])
    _ = x.exp(), x * x, x.sort()
    assert {"exp", "multiply", "argsort"} <= set(seen), seen


def _noting(seen: list[str], base: Any) -> Any:
    def get(self: Any, name: str) -> Any:
        seen.append(name)
        return base.__getattribute__(self, name)

    return get


@pytest.mark.cuda
@pytest.mark.skipif(not minigrad.cuda.is_available(), reason="no CUDA card")
@pytest.mark.parametrize(("record", "index"), CASES)
def test_cuda_agrees_with_the_cpu(record, index):
    kind = {"float": "float32", "int": "int64", "bool": "bool"}[record.dtypes[0]]
    here = run(record, index, kind, ours)
    there = run(record, index, kind, lambda array: ours(array).cuda())
    for mine, cuda in zip(here, there, strict=True):
        for a, b in zip(mine, cuda, strict=True):
            if a is not None and hasattr(a, "detach"):
                got, want = b.detach().cpu().numpy(), a.detach().numpy()
                np.testing.assert_allclose(got, want, **TOL["float32"])


def test_short_cuts_leave_other_backends_to_apply():
    """An array that is no ndarray takes the general road, where its own module is used."""
    assert shortcuts.ndarray is np.ndarray
    seen = []

    class Foreign(np.ndarray):
        """Stands for another backend's array."""

    x = minigrad.ones(2)
    x._array = np.ones(2, dtype=np.float32).view(Foreign)
    original = apply.run
    try:
        apply.run = lambda *args: seen.append(args[0].name) or original(*args)
        (x * x).exp()
    finally:
        apply.run = original
    assert seen == ["mul"]


def test_tensors_on_two_devices_are_refused(monkeypatch):
    """Two kinds of array stand for two devices; both roads into an op must notice."""

    class OnTheCard(np.ndarray):
        """Stands for an array on a card: its functions refuse host arrays, as CuPy's do."""

        def __array_ufunc__(self, *args, **kwargs):
            raise TypeError("implicit conversion is not allowed")

    class Card:
        def device_of(self, array):
            return minigrad.device("cuda", 0)

    arguments = sys.modules["minigrad.autograd.arguments"]
    usual = arguments.backend_of
    monkeypatch.setattr(
        arguments, "backend_of", lambda a: Card() if isinstance(a, OnTheCard) else usual(a)
    )
    here, there = minigrad.ones(2), minigrad.ones(2)
    there._array = np.ones(2, dtype=np.float32).view(OnTheCard)
    for call in (lambda: here * there, lambda: there * here, lambda: minigrad.cat([here, there])):
        with pytest.raises(RuntimeError, match="at least two devices, cpu and cuda:0!"):
            call()
