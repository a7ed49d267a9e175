"""Pickles that mean harm: nothing is run, taken or changed, and the error is clear."""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import os
import pickle
import pickletools
import subprocess
import zipfile
from collections.abc import Iterator
from pickle import UnpicklingError
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from parity_tests.files.hostile import (
    CLEAR,
    FOUR,
    HOOKS,
    ODICT,
    STREAM,
    V2,
    V3,
    Call,
    Named,
    Storage,
    archive,
    content_of_stream,
    pickled,
    small_memory,
    tensor,
)
from parity_tests.files.trees import loaded, saved

SAMPLE = {"w": torch.arange(6.0).view(2, 3), "n": torch.nn.Linear(2, 1).state_dict(), "s": "text"}


def test_the_kit_makes_files_that_load_when_they_mean_no_harm() -> None:
    for lib in (mg, torch):
        found = loaded(lib, archive(pickled(tensor(1, (3,), (1,)))))
        assert found.tolist() == [0.0, 0.0, 0.0]


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if a file gets anything run that it should not."""

    def trap(*args: Any, **options: Any) -> None:
        raise AssertionError("a file had code run")

    for module, name in ((os, "system"), (os, "popen"), (subprocess, "Popen")):
        monkeypatch.setattr(module, name, trap)
    yield


NAMES = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("sys", "exit"),
    ("builtins", "eval"), ("__builtin__", "eval"), ("builtins", "exec"), ("builtins", "getattr"),
    ("builtins", "__import__"), ("builtins", "open"), ("subprocess", "Popen"),
    ("torch", "load"), ("torch.serialization", "load"), ("torch", "os.system"),
    ("torch.hub", "load"), ("torch._utils", "os"), ("minigrad", "load"), ("minigrad", "os"),
    ("numpy", "load"), ("numpy._core.multiarray", "_reconstruct"), ("functools", "partial"),
    ("collections", "namedtuple"), ("collections", "OrderedDict.__init__"), ("codecs", "encode"),
    ("operator", "attrgetter"), ("copyreg", "_reconstructor"), ("pickle", "loads"),
    ("collections", "defaultdict"), ("collections", "deque"), ("torch.nn.modules.linear", "Linear"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_that_is_not_on_the_list_is_refused_and_told(module: str, name: str) -> None:
    plans = [Named(module, name), Call(Named(module, name), ("echo",))]
    for plan in plans:
        with pytest.raises(UnpicklingError) as mine:
            loaded(mg, archive(pickled(plan)))
        with pytest.raises(UnpicklingError):
            loaded(torch, archive(pickled(plan)))
        assert name in str(mine.value) and "weights_only=False" in str(mine.value)
        if module not in ("os", "posix", "nt", "sys"):
            assert "add_safe_globals([" in str(mine.value)


@pytest.mark.parametrize("protocol", [4, 5])
def test_names_of_later_protocols_are_no_way_in(protocol: int) -> None:
    content = pickle.dumps(collections.deque, protocol)
    with pytest.raises(UnpicklingError, match=r"GLOBAL collections\.deque was not an allowed"):
        loaded(mg, archive(content))


def test_modules_that_no_list_opens() -> None:
    content = archive(pickled(Call(Named("posix", "getcwd"), ())))
    allowed = mg.serialization.safe_globals([(os.getcwd, "posix.getcwd")])
    with allowed, pytest.raises(UnpicklingError, match="module posix is blocked"):
        loaded(mg, content)


HOSTILE_CALLS: list[Any] = [
    Call(Named("builtins", "bytearray"), (10**13,)),
    Call(Named("builtins", "set"), (Call(Named("builtins", "bytearray"), ()),)),
    Call(Named("builtins", "complex"), ("1e5",)),
    Call(Named("_codecs", "encode"), ("x", "zlib")),
    Call(Named("_codecs", "encode"), (7, "latin1")),
    Call(Named("collections", "Counter"), (range(2),)),
    Call(Named("collections", "Counter"), ("ab" * 10,)),
    Call(ODICT, (7,)),
    Call(ODICT, ([[1, 2, 3]],)),
    Call(Named("torch", "Size"), (("a",),)),
    Call(Named("torch", "Size"), (7,)),
    Call(Named("torch", "device"), ("evil",)),
    Call(Named("torch", "device"), (Named("torch", "device"),)),
    Call(Named("torch", "float32"), ()),
    Call(Named("torch", "FloatStorage"), (10**12,)),
    Call(Named("torch", "Tensor"), (10**7, 10**7)),
    Call(Named("torch.storage", "UntypedStorage"), (10**12,)),
    Call(Named("torch.serialization", "_get_layout"), ("torch.os",)),
    Call(Call(ODICT, ()), ()),
    Call(HOOKS, ()),
    Call(V2, (FOUR,)),
    Call(V2, [1, 2]),
    Call(V2, (7, 0, (1,), (1,), False, HOOKS)),
    Call(V2, (FOUR, 0, (1,), (1,), False, HOOKS, {"conj": True})),
    Call(V3, (FOUR, 0, (1,), (1,), False, HOOKS, "float32")),
    Call(V3, (FOUR, 0, (1,), (1,), False, HOOKS, Named("torch", "complex64"))),
    tensor(0, (5,), (1,)),
    tensor(1, (4,), (1,)),
    tensor(-1, (1,), (1,)),
    tensor(0, (-1,), (1,)),
    tensor(0, (2,), (-1,)),
    tensor(3, (2,), (-1,)),
    tensor(2**63, (1,), (1,)),
    tensor(0, (2**62, 4), (0, 0)),
    tensor(0, (2**63,), (0,)),
    tensor(0, (2, 2), (2**62, 2**62)),
    tensor(0, (2,), (1, 1)),
    tensor(0, (1,) * 65, (1,) * 65),
    tensor(0, (1.0,), (1,)),
    tensor(0, 4, 1),
    tensor(0.5, (1,), (1,)),
    tensor(0, (4,), (1,), grad="yes"),
    tensor(0, (4,), (1,), Storage("storage", Named("torch", "LongStorage"), "0", "cpu", 2), True),
    Storage("storage", Named("torch", "FloatStorage"), "0", "cpu", 2**40),
    Storage("storage", Named("torch", "FloatStorage"), "0", "cpu", 3),
    Storage("storage", Named("torch", "FloatStorage"), "0", "cpu", -4),
    Storage("storage", Named("torch", "FloatStorage"), "1", "cpu", 4),
    Storage("storage", Named("torch", "FloatStorage"), "../data.pkl", "cpu", 4),
    Storage("storage", Named("torch", "FloatStorage"), "0", "tpu:0", 4),
    Storage("storage", Named("torch", "float32"), "0", "cpu", 4),
    Storage("module", Named("torch", "Tensor"), "x.py", "source"),
    Storage("storage"),
    [FOUR, Storage("storage", Named("torch", "IntStorage"), "0", "cpu", 4)],
    Call(Named("torch._utils", "_rebuild_parameter"), (7, True, HOOKS)),
    Call(Named("torch._utils", "_rebuild_parameter"), (tensor(0, (1,), (1,)), 7, HOOKS)),
    Call(Named("torch._tensor", "_rebuild_from_type_v2"),
         (ODICT, Named("torch", "Tensor"), (), {})),
    Call(Named("torch._tensor", "_rebuild_from_type_v2"),
         (V2, ODICT, (FOUR, 0, (1,), (1,), False, HOOKS), {})),
    *(Call(Named("torch._tensor", "_rebuild_from_type_v2"),
           (V2, Named("torch", "Tensor"), (FOUR, 0, (1,), (1,), False, HOOKS), {name: 7}))
      for name in ("_array", "data", "grad", "__class__", "__dict__", "shape", "__len__")),
]  # fmt: skip


@pytest.mark.parametrize("plan", HOSTILE_CALLS, ids=range(len(HOSTILE_CALLS)))
def test_hostile_arguments_of_what_may_be_called(plan: Any) -> None:
    with small_memory(), pytest.raises((UnpicklingError, RuntimeError)):
        loaded(mg, archive(pickled(plan)))


STATES: list[Any] = [
    Call(ODICT, (), {"items": 7}),
    Call(ODICT, (), {"__class__": 7}),
    Call(ODICT, (), 7),
    Call(ODICT, (), {1: 2}),
    Call(Named("collections", "Counter"), (), {"x": 1}),
    Call(V2, (FOUR, 0, (1,), (1,), False, HOOKS), {"_array": 7}),
    Call(Named("torch", "device"), ("cpu",), (None, {"type": "cuda"})),
    Call(Named("builtins", "set"), ([1],), {"x": 1}),
]


@pytest.mark.parametrize("plan", STATES, ids=range(len(STATES)))
def test_a_file_sets_no_attributes_but_its_own(plan: Any) -> None:
    with pytest.raises(UnpicklingError):
        loaded(mg, archive(pickled(plan)))


@pytest.mark.parametrize("name", ["_rebuild_tensor_v2", "_rebuild_from_type_v2"])
def test_what_a_file_names_stays_as_it_is(name: str) -> None:
    """A state for a class or function would change it for the whole program."""
    module = "torch._tensor" if "type" in name else "torch._utils"
    for thing in (Named(module, name), Named("torch", "device"), Named("torch", "float32")):
        code = pickle.PROTO + b"\2" + pickled(thing)[2:-1]
        code += pickled((None, {"__defaults__": (1,)}))[2:-1] + pickle.BUILD + pickle.STOP
        with pytest.raises(UnpicklingError):
            loaded(mg, archive(code))


DEEP: list[bytes] = [
    b"\x80\x02}" + b")" + b"\x85" * 10**5 + b"K\x01s.",  # a key too deep to hash
    b"\x80\x02}" + b")" + b"2\x86" * 100 + b"K\x01s.",  # one that would take for ever
    b"\x80\x04\x8f(" + b")" + b"2\x86" * 100 + b"\x90.",
    b"\x80\x04(" + b")" + b"2\x86" * 100 + b"\x91.",
    b"\x80\x02c__builtin__\nset\n](" + b")" + b"2\x86" * 100 + b"e\x85R.",
    b"\x80\x02]r\xff\xff\xff\x7fj\xfe\xff\xff\x7f.",  # a memo with a place far out
    b"\x80\x02j\xff\xff\xff\x7f.",
    b"\x80\x02X\xff\xff\xff\x7fabc.",  # texts, bytes and numbers that are not there
    b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fabc.",
    b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fabc.",
    b"\x80\x05\x96" + b"\xff" * 7 + b"\x7fabc.",
    b"\x80\x02\x8b\xff\xff\xff\x7f1.",
    b"\x80\x02\x8b\xff\xff\xff\xff1.",
    b"\x80\x02T\xff\xff\xff\xff1.",
    b"\x80\x02c" + b"a" * 10**6,
    b"\x80\x02" + b"(" * 10**5 + b".",
    b"\x80\x02.", b"\x80\x02a.", b"\x80\x02]a.", b"\x80\x02u.", b"\x80\x02}(K\x01u.", b"\x80\x02R.",
    b"\x80\x02)]K\x01a", b"\x80\x02\x86.", b"\x80\x02e.", b"\x80\x02b.", b"\x80\x02Q.",
    b"\x80\x02NK\x01s.", b"\x80\x02)K\x01a.", b"\x80\x02}]K\x01s.", b"\x80\xff.", b"\x80\x01N.",
    b"\x80\x02(cos\nsystem\nX\x01\0\0\0xo.", b"\x80\x02(X\x01\0\0\0xios\nsystem\n.",
    b"\x80\x02\x82\x01.", b"\x80\x02P0\n.", b"\x80\x05\x97.", b"",
]  # fmt: skip


@pytest.mark.parametrize("code", DEEP, ids=range(len(DEEP)))
def test_pickles_that_would_crash_or_hang_or_make_no_sense(code: bytes) -> None:
    with small_memory(), pytest.raises((UnpicklingError, EOFError)):
        loaded(mg, archive(code))
    with small_memory(), pytest.raises((*CLEAR, KeyError)):
        loaded(mg, code)  # and where there is no archive around it


def test_depth_alone_is_no_harm() -> None:
    found = loaded(mg, archive(b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b"."))
    assert type(found) is list


ARGUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.integers(-3, 5)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        [FOUR, HOOKS, V2, V3, ODICT, tensor(0, (4,), (1,))]
        + [Named("torch", n) for n in ("float32", "uint16", "FloatStorage", "Tensor", "device")]
        + [Storage("storage", Named("torch.storage", "UntypedStorage"), "0", "cpu", 16)]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=7).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=8,
)
CALLED = st.sampled_from(
    [
        *(Named("torch._utils", f"_rebuild_{n}") for n in ("tensor", "tensor_v2", "tensor_v3")),
        Named("torch._utils", "_rebuild_parameter"),
        Named("torch._utils", "_rebuild_parameter_with_state"),
        Named("torch._tensor", "_rebuild_from_type_v2"),
        Named("torch.nn.parameter", "Parameter"),
        Named("torch.serialization", "_get_layout"),
        *(Named("torch", n) for n in ("Size", "device", "Tensor", "int64")),
        *(Named("collections", n) for n in ("OrderedDict", "Counter")),
        *(Named("builtins", n) for n in ("set", "frozenset", "bytearray", "bytes", "complex")),
        Named("_codecs", "encode"),
    ]
)


@given(CALLED, st.lists(ARGUMENTS, max_size=8).map(tuple), st.none() | ARGUMENTS)
def test_drawn_arguments_give_an_object_or_a_clear_error(
    function: Any, args: Any, state: Any
) -> None:
    plan = Call(function, args, *([] if state is None else [state]))
    try:
        found = loaded(mg, archive(pickled(plan)))
    except (UnpicklingError, RuntimeError):
        return
    if isinstance(found, mg.Tensor):
        assert (
            found.numel() == 0
            or float(found.double().abs().sum() if found.numel() < 99 else 0) == 0
        )


@given(st.data())
@pytest.mark.parametrize("options", [{}, STREAM], ids=["archive", "stream"])
def test_drawn_opcodes(options: dict[str, Any], data: Any) -> None:
    """Pickles with opcodes taken out, doubled, moved and changed."""
    content = saved(torch, SAMPLE)
    code = zipfile.ZipFile(io.BytesIO(content)).read("archive/data.pkl")
    places = [place for _, _, place in pickletools.genops(code)] + [len(code)]
    steps = [code[a:b] for a, b in itertools.pairwise(places)]
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(steps) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "byte"]))
        if change == "drop":
            del steps[at]
        elif change == "double":
            steps.insert(at, steps[data.draw(st.integers(0, len(steps) - 1))])
        elif change == "swap":
            other = data.draw(st.integers(0, len(steps) - 1))
            steps[at], steps[other] = steps[other], steps[at]
        elif steps[at]:
            step = bytearray(steps[at])
            step[data.draw(st.integers(0, len(step) - 1))] = data.draw(st.integers(0, 255))
            steps[at] = bytes(step)
    records = {str(i): bytes(64) for i in range(3)}
    bad = b"".join(steps)
    bad = archive(bad, **records) if not options else content_of_stream(bad)
    with contextlib.suppress(*CLEAR):
        loaded(mg, bad)


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("torch._utils", "_rebuild_sparse_tensor", "sparse"),
        ("torch._utils", "_rebuild_qtensor", "quantized"),
        ("torch", "ComplexFloatStorage", "complex"),
        ("torch._utils", "_rebuild_meta_tensor_no_storage", "meta"),
        ("torch", "float8_e4m3fn", "small type"),
    ],
)
def test_what_minigrad_leaves_out_is_said_so(module: str, name: str, kind: str) -> None:
    with pytest.raises(UnpicklingError, match=f"{kind}.*leaves out"):
        loaded(mg, archive(pickled(Named(module, name))))


def test_the_limit_on_memory_is_one() -> None:
    with pytest.raises(AssertionError, match="were taken"), small_memory():
        bytes(500_000_000)
