"""Types as torch's: what two make together, what each can hold, how each is written."""

from __future__ import annotations

import functools
import itertools
import operator
import warnings
from typing import Any

import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch
from parity_tests.ops.samples import to_numpy

oracle = pytest.importorskip("torch")

COMMON = ["bool", "uint8", "int8", "int16", "int32", "int64"]
COMMON += ["float16", "bfloat16", "float32", "float64"]
NAMES = [*COMMON, "uint16", "uint32", "uint64"]
OPERATORS = [operator.add, operator.mul, operator.truediv, operator.lt, operator.eq]
SCALARS = [True, 3, 2.5]


def found(call: Any) -> str:
    """What a call gives, as text, or the type of its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(call())
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("name", ["promote_types", "can_cast"])
def test_pairs_of_types(name: str) -> None:
    for one, two in itertools.product(NAMES, NAMES):
        mine, theirs = (
            found(functools.partial(getattr(m, name), getattr(m, one), getattr(m, two)))
            for m in (minigrad, oracle)
        )
        assert mine == theirs, (name, one, two)


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("default", ["float32", "float64"])
def test_results_of_tensors_and_numbers(op: Any, default: str) -> None:
    """Every pair of types, with axes and without, and every type with Python's numbers."""

    def results(torch: Any) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        torch.set_default_dtype(getattr(torch, default))
        try:
            for kind in COMMON:
                dtype = getattr(torch, kind)
                made[kind, "axes"] = torch.ones(2, dtype=dtype)
                made[kind, "none"] = torch.ones((), dtype=dtype)
            operands = [*made.items(), *((repr(n), n) for n in SCALARS)]
            table = {}
            for (a, x), (b, y) in itertools.product(operands, operands):
                if torch.is_tensor(x) or torch.is_tensor(y):
                    table[a, b] = str(op(x, y).dtype), str(torch.result_type(x, y))
            return table
        finally:
            torch.set_default_dtype(torch.float32)

    assert results(minigrad) == results(oracle)


@pytest.mark.parametrize("kind", COMMON)
def test_every_type_is_converted_to_every_other(kind: str) -> None:
    values = [0, 1, 2.75, -1.5, 100.2] if kind not in ("bool", "uint8") else [0, 1, 2, 200]
    for other in COMMON:
        if kind.endswith(("16", "32", "64")) and other == "uint8":
            continue  # a negative float to uint8: the processor's choice
        mine, theirs = (
            m.tensor(values).to(getattr(m, kind)).to(getattr(m, other)) for m in (minigrad, oracle)
        )
        assert str(mine.dtype) == str(theirs.dtype)
        assert to_numpy(mine).tolist() == to_numpy(theirs).tolist(), (kind, other)


@same_as_torch
def test_limits(torch: Any) -> Any:
    floats = [torch.finfo(getattr(torch, f"{k}float16" if k else "float32")) for k in ("b", "")]
    floats += [torch.finfo(torch.float16), torch.finfo(torch.float64), torch.finfo()]
    wholes = [torch.iinfo(getattr(torch, n)) for n in NAMES if "int" in n and n not in ("uint64",)]
    names = ("bits", "eps", "max", "min", "resolution", "smallest_normal", "tiny", "dtype")
    return [
        [[getattr(f, n) for n in names] for f in floats],
        [[w.bits, w.max, w.min, w.dtype] for w in wholes],
        [str(f) for f in (*floats, *wholes)],
    ]


@same_as_torch
def test_facts_of_types(torch: Any) -> Any:
    kinds = [getattr(torch, n) for n in (*NAMES, "cfloat", "complex128", "half", "double", "short")]
    facts = [(str(k), k.is_complex, k.is_floating_point) for k in kinds]
    plain = [(k.itemsize, k.is_signed, k.to_real()) for k in kinds[:10]]
    return facts, plain, [k.to_complex() for k in kinds[6:10]]


@same_as_torch
def test_names_of_types(torch: Any) -> Any:
    x = torch.tensor([1.5, -2.0])
    return [
        x.type(),
        x.type(torch.LongTensor),
        x.type("torch.DoubleTensor"),
        x.type(torch.int8),
        torch.typename(x),
        torch.typename([1]),
        torch.typename(torch.nn.Linear(1, 1)).replace("minigrad", "torch"),
        [isinstance(x, getattr(torch, n)) for n in ("FloatTensor", "LongTensor", "Tensor")],
    ]


@both_raise
def test_no_limits_of_bools(torch: Any) -> Any:
    return torch.iinfo(torch.bool)


@both_raise
def test_integers_are_no_default(torch: Any) -> Any:
    return torch.set_default_tensor_type(torch.IntTensor)


@both_raise
def test_no_such_type(torch: Any) -> Any:
    return torch.ones(2).type("torch.FooTensor")


def test_left_out_types_say_so() -> None:
    x = minigrad.ones(2)
    for call in (
        lambda: x.to(minigrad.complex64),
        lambda: x.cfloat(),
        lambda: minigrad.zeros(2, dtype=minigrad.cdouble),
        lambda: minigrad.zeros(2, layout=minigrad.sparse_coo),
        lambda: minigrad.promote_types(minigrad.complex64, minigrad.float32),
    ):
        with pytest.raises(NotImplementedError, match="left out"):
            call()


@same_as_torch
def test_forms_of_to(torch: Any) -> Any:
    x, other = torch.tensor([1.5, 2.5]), torch.tensor([1])
    c = torch.arange(120.0).reshape(2, 3, 4, 5)
    last = c.to(memory_format=torch.channels_last)
    return [
        x.to("cpu") is x,
        x.to(torch.float32) is x,
        x.to(torch.float32, copy=True) is x,
        x.to("cpu", torch.float32, False, True) is x,
        x.to(torch.float32, False, True) is x,
        x.to(None) is x,
        x.to(),
        [x.to(torch.int8), x.to("cpu", torch.int32), x.to(other), x.to(dtype=float)],
        [
            list(last.stride()),
            last.is_contiguous(),
            last.is_contiguous(memory_format=torch.channels_last),
        ],
        [list(last.double().stride()), list(last.contiguous().stride())],
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda torch, x: x.to(torch.half, torch.float),
        lambda torch, x: x.to("cpu", "cpu"),
        lambda torch, x: x.to(copy=1),
        lambda torch, x: x.to(memory_format=torch.channels_last),
        lambda torch, x: x.to("nowhere"),
        lambda torch, x: x.to(dtype="float32"),
    ],
)
def test_wrong_forms_of_to(call: Any) -> None:
    for torch in (minigrad, oracle):
        with pytest.raises((TypeError, RuntimeError)):
            call(torch, torch.ones(3))


@same_as_torch
def test_devices(torch: Any) -> Any:
    made = [torch.device("cpu"), torch.device("cuda:1"), torch.device("cuda", 1)]
    made += [torch.device(type="cuda", index=0), torch.device(device="cpu")]
    with torch.device("cpu"):
        inside = torch.zeros(1).device, torch.get_default_device()
    return [
        [repr(d) for d in made],
        [str(d) for d in made],
        made[1] == made[2],
        made[0] == "cpu",
        len(set(made)),
        [str(d) for d in inside],
    ]


@pytest.mark.parametrize(
    "bad", ["foo", "cuda:a", "cuda:01", None, 1.5, ("cuda", -1), ("cuda:1", 1)]
)
def test_wrong_devices(bad: Any) -> None:
    for torch in (minigrad, oracle):
        with pytest.raises((RuntimeError, TypeError)):
            torch.device(*bad) if isinstance(bad, tuple) else torch.device(bad)


@same_as_torch
def test_sizes(torch: Any) -> Any:
    s = torch.Size([2, 3])
    more = (4,)
    parts = [s, s + more, more + s, s[:1], s * 2, torch.Size(), torch.Size([torch.tensor(2)])]
    return [[repr(p) for p in parts], s.numel(), s == (2, 3), hash(s) == hash((2, 3)), f"{s}"]


@pytest.mark.parametrize("bad", [[1.5], "ab", 3])
def test_wrong_sizes(bad: Any) -> None:
    for torch in (minigrad, oracle):
        with pytest.raises(TypeError):
            torch.Size(bad)
