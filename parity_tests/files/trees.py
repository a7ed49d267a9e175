"""Objects for the tests of files: the same one for minigrad and for torch, drawn or listed."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

import minigrad as mg

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
    "float16", "bfloat16", "float32", "float64",
)  # fmt: skip


def saved(lib: Any, obj: Any, **options: Any) -> bytes:
    """The bytes that a library's ``save`` writes."""
    file = io.BytesIO()
    lib.save(obj, file, **options)
    return file.getvalue()


def loaded(lib: Any, content: bytes, **options: Any) -> Any:
    """What a library's ``load`` makes of bytes."""
    return lib.load(io.BytesIO(content), **options)


@dataclass(frozen=True)
class Block:
    """A memory that several tensors of a tree look at."""

    key: int
    dtype: str
    count: int

    def make(self, lib: Any) -> Any:
        """The memory as a flat tensor with the same bytes in both libraries."""
        rng = np.random.default_rng(self.key)
        size = self.count * getattr(torch, self.dtype).itemsize
        values = rng.integers(0, 2 if self.dtype == "bool" else 120, size, dtype=np.uint8)
        return (
            lib.tensor(values).view(getattr(lib, self.dtype))
            if size
            else lib.zeros(0, dtype=getattr(lib, self.dtype))
        )


@dataclass(frozen=True)
class Leaf:
    """A tensor of a tree: a window on a block, and what kind of tensor it is."""

    block: Block
    size: tuple[int, ...]
    stride: tuple[int, ...]
    start: int
    kind: str  # tensor, grad, parameter, frozen, buffer, marked

    def make(self, lib: Any, blocks: dict[Block, Any]) -> Any:
        """The tensor in one of the libraries."""
        if self.block not in blocks:
            blocks[self.block] = self.block.make(lib)
        made = blocks[self.block].as_strided(self.size, self.stride, self.start)
        if self.kind == "grad":
            return made.detach().requires_grad_()
        if self.kind in ("parameter", "frozen"):
            return lib.nn.Parameter(made.detach(), requires_grad=self.kind == "parameter")
        if self.kind == "buffer":
            return lib.nn.Buffer(made.detach())
        if self.kind == "marked":
            made = made.detach()
            made.note = "a note"
        return made


@dataclass(frozen=True)
class Word:
    """One of the library's own small objects, by an expression."""

    make: Callable[[Any], Any]


def build(plan: Any, lib: Any, blocks: dict[Block, Any] | None = None) -> Any:
    """The object that a plan describes, in one of the libraries."""
    blocks = {} if blocks is None else blocks
    if isinstance(plan, Leaf):
        return plan.make(lib, blocks)
    if isinstance(plan, Word):
        return plan.make(lib)
    if isinstance(plan, (list, tuple)):
        return type(plan)(build(item, lib, blocks) for item in plan)
    if isinstance(plan, (dict, OrderedDict)) and not isinstance(plan, Counter):
        return type(plan)((key, build(value, lib, blocks)) for key, value in plan.items())
    return plan


def facts(obj: Any) -> Any:
    """All that a file keeps of an object, in a form in which both libraries' are equal."""
    seen: dict[int, int] = {}
    return _facts(obj, seen)


def _facts(obj: Any, seen: dict[int, int]) -> Any:
    name = type(obj).__name__
    if isinstance(obj, (torch.Tensor, mg.Tensor)):
        return _tensor_facts(obj, seen)
    if name in ("dtype", "device", "Size", "layout"):
        return name, repr(obj)
    if isinstance(obj, (list, tuple)):
        return name, [_facts(item, seen) for item in obj]
    if isinstance(obj, dict):
        rows = [(_facts(key, seen), _facts(value, seen)) for key, value in obj.items()]
        return name, rows, _facts(getattr(obj, "__dict__", {}) or None, seen)
    if isinstance(obj, (set, frozenset)):
        return name, sorted(map(repr, obj))
    return name, repr(obj)  # also of nan, of -0.0, and of 1 against True


def _tensor_facts(tensor: Any, seen: dict[int, int]) -> Any:
    attributes = {k: v for k, v in vars(tensor).items() if k != "_is_buffer"}
    buffer = isinstance(tensor, (mg.nn.Buffer, torch.nn.Buffer))
    parameter = isinstance(tensor, (mg.nn.Parameter, torch.nn.Parameter))
    memory = tensor.untyped_storage()
    number = seen.setdefault(memory.data_ptr(), len(seen)) if memory.nbytes() else -1
    bits = tensor.detach().contiguous().view(-1)
    size = tensor.element_size()
    kinds = {1: "uint8", 2: "int16", 4: "int32", 8: "int64"}
    lib = torch if isinstance(tensor, torch.Tensor) else mg
    values = bits.view(getattr(lib, kinds[size])).tolist() if bits.numel() else []
    return (
        ("tensor", str(tensor.dtype), tuple(tensor.shape), tuple(tensor.stride())),
        (tensor.storage_offset(), memory.nbytes(), number, tensor.requires_grad, tensor.is_leaf),
        (parameter, buffer, attributes, values),
    )


@st.composite
def leaves(draw: Any) -> Leaf:
    """A tensor of any type, size and steps, that may share its memory with others."""
    dtype = draw(st.sampled_from(DTYPES))
    # Few keys and counts, so that tensors meet on a memory.
    block = Block(draw(st.integers(0, 1)) * 100 + DTYPES.index(dtype), dtype, 24)
    size = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    stride, left = [], 23
    for n in size:  # a step of 0 along one element is how NumPy notes an inserted axis
        step = draw(st.integers(0, left // (n - 1)) if n > 1 else st.integers(1, 5))
        stride.append(step)
        left -= (n - 1) * step if n > 1 else 0
    start = draw(st.integers(0, left)) if 0 not in size else 0
    if 0 in size:  # NumPy and torch count the steps of nothing differently
        stride = list(torch.empty(size).stride())
    floats = dtype in ("float16", "bfloat16", "float32", "float64")
    kinds = ["tensor", "frozen", "buffer", "marked", *(["grad", "parameter"] if floats else [])]
    return Leaf(block, size, tuple(stride), start, draw(st.sampled_from(kinds)))


WORDS = st.sampled_from(
    [
        Word(lambda lib: lib.Size([2, 0, 3])),
        Word(lambda lib: lib.Size([])),
        Word(lambda lib: lib.device("cpu")),
        Word(lambda lib: lib.device("cuda:1")),
        Word(lambda lib: lib.strided),
        *(Word(lambda lib, name=name: getattr(lib, name)) for name in DTYPES),
    ]
)
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.binary(min_size=1, max_size=300)  # empty bytes of protocol 2 torch itself refuses
    | st.integers(2**31, 2**70) | st.complex_numbers(allow_nan=False)
)  # fmt: skip
KEYS = st.text(max_size=3) | st.integers() | st.booleans() | st.tuples(st.integers(), st.text())
PLAIN_OR_SET = (
    PLAIN
    | st.sets(st.integers() | st.text())
    | st.builds(Counter, st.dictionaries(st.text(max_size=2), st.integers(0, 9)))
    | st.builds(bytearray, st.binary())
)
TREES = st.recursive(
    PLAIN_OR_SET | WORDS | leaves() | leaves(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=12,
)
