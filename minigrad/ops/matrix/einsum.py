"""Einstein's summation, and the products that are special cases of it.

Every product of two tensors with named axes is one product of stacks of matrices: of the axes that
both have, those that the result keeps are the stack, and the others are summed over.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minigrad.autograd.op import Op, renamed, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.matrix.linalg import matmul
from minigrad.ops.matrix.matrices import need_tensor

Axis = str | int  # a letter, a number of the sublist form, or ("...", i) for an axis of an ellipsis


@dataclass
class Named:
    """A tensor whose axes have names, each once."""

    tensor: Any
    names: list[Any]

    def __post_init__(self) -> None:
        self.sizes = dict(zip(self.names, self.tensor._array.shape, strict=True))

    def without(self, gone: set[Any]) -> Named:
        """The sum over some axes."""
        dims = tuple(i for i, n in enumerate(self.names) if n in gone)
        if not dims:
            return self
        kept = [n for n in self.names if n not in gone]
        return Named(self.tensor.sum(dims), kept)

    def squeezed(self, name: Any) -> Named:
        """Without an axis of size 1."""
        place = self.names.index(name)
        return Named(self.tensor.squeeze(place), [n for n in self.names if n != name])

    def ordered(self, names: Sequence[Any]) -> Any:
        """The tensor with exactly these axes; one that it lacks has the size 1."""
        order = [self.names.index(n) for n in names if n in self.names]
        tensor = self.tensor
        if order != list(range(len(order))):
            tensor = tensor.permute(order)
        if len(order) == len(names):
            return tensor
        shape = [self.sizes[n] if n in self.names else 1 for n in names]
        return tensor.reshape(shape)


@register("matrix_diagonal", internal=True)
class MatrixDiagonal(Op):
    """The diagonal of two axes of one size, as a new last axis."""

    grad_fn = "DiagonalBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, first: int, second: int) -> Array:
        """A view, copied."""
        return xp.diagonal(input, 0, first, second).copy()

    @staticmethod
    def grad_input(g: Any, first: int, second: int, F: Any) -> Any:
        """On the diagonal of zeros."""
        return F.on_diagonal(g, first, second)


@register("on_diagonal", internal=True)
class OnDiagonal(Op):
    """The last axis along the diagonal of two new ones; zeros beside it."""

    @staticmethod
    def forward(xp: Any, input: Array, first: int, second: int) -> Array:
        """Times the identity."""
        spread = input[..., None] * xp.eye(input.shape[-1], dtype=input.dtype)
        return xp.moveaxis(spread, (-2, -1), (first, second))

    @staticmethod
    def grad_input(g: Any, first: int, second: int, F: Any) -> Any:
        """The diagonal."""
        return F.matrix_diagonal(g, first, second)


def with_unique_names(tensor: Any, names: list[Any]) -> Named:
    """A name that stands at two axes means their diagonal."""
    while len(set(names)) < len(names):
        second = next(i for i, n in enumerate(names) if n in names[:i])
        first = names.index(names[second])
        sizes = tensor.shape[first], tensor.shape[second]
        if sizes[0] != sizes[1]:
            raise ShapeError(
                f"einsum(): subscript {names[first]} is repeated for operand 0 but the sizes don't "
                f"match, {sizes[1]} != {sizes[0]}"
            )
        tensor = tensors.matrix_diagonal(tensor, first, second)
        name = names[first]
        names = [n for i, n in enumerate(names) if i not in (first, second)] + [name]
    return Named(tensor, names)


def pair(a: Named, b: Named, kept: set[Any]) -> Named:
    """The product of two tensors, summed over the axes that are not kept."""
    shared = [n for n in a.names if n in b.names]
    for name in shared:  # an axis of size 1 stretches: then it is the other's alone
        if a.sizes[name] != b.sizes[name]:
            if a.sizes[name] == 1:
                a = a.squeezed(name)
            else:
                b = b.squeezed(name)
    a = a.without({n for n in a.names if n not in kept and n not in b.sizes})
    b = b.without({n for n in b.names if n not in kept and n not in a.sizes})
    shared = [n for n in a.names if n in b.sizes]
    stack = [n for n in shared if n in kept]
    inner = [n for n in shared if n not in kept]
    left = [n for n in a.names if n not in b.sizes]
    right = [n for n in b.names if n not in a.sizes]
    result = [*stack, *left, *right]
    if not inner:
        return Named(a.ordered(result) * b.ordered(result), result)
    lead = [a.sizes[n] for n in stack]
    count = math.prod(a.sizes[n] for n in inner)
    x = _flat(a, [*stack, *left, *inner], lead, math.prod(map(a.sizes.__getitem__, left)), count)
    y = _flat(b, [*stack, *inner, *right], lead, count, math.prod(map(b.sizes.__getitem__, right)))
    made = matmul(x, y)
    shape = [*lead, *map(a.sizes.__getitem__, left), *map(b.sizes.__getitem__, right)]
    return Named(made if list(made.shape) == shape else made.reshape(shape), result)


def _flat(x: Named, names: list[Any], lead: list[int], rows: int, columns: int) -> Any:
    """A tensor as a stack of matrices (one matrix for no stack)."""
    shape = [math.prod(lead), rows, columns] if lead else [rows, columns]
    tensor = x.ordered(names)
    if len(lead) > 1 or list(tensor.shape) != [*lead, rows, columns]:
        tensor = tensor.reshape([*lead, rows, columns] if len(lead) <= 1 else shape)
    return tensor


def contract(operands: list[Named], kept: list[Any]) -> Any:
    """The product of all, summed over the axes that are not kept, in their order.

    The pair whose product takes the fewest operations comes first.
    """
    final = set(kept)
    while len(operands) > 1:
        i, j = (0, 1) if len(operands) == 2 else _cheapest(operands)
        others = [o for place, o in enumerate(operands) if place not in (i, j)]
        needed = final.union(*[o.names for o in others])
        operands = [*others, pair(operands[i], operands[j], needed)]
    last = operands[0]
    return last.without(set(last.names) - final).ordered(kept)


def _cheapest(operands: list[Named]) -> tuple[int, int]:
    def cost(i: int, j: int) -> int:
        sizes: dict[Any, int] = {}
        for operand in (operands[i], operands[j]):
            for name in operand.names:
                sizes[name] = max(sizes.get(name, 1), operand.sizes[name])
        return math.prod(sizes.values())

    count = len(operands)
    return min(
        ((i, j) for i in range(count) for j in range(i + 1, count)), key=lambda ij: (cost(*ij), ij)
    )


def _letters(text: str, where: str) -> list[Any]:
    """The axes of one part of an equation, ``...`` as Ellipsis."""
    found: list[Any] = []
    rest = text.replace(" ", "")
    while rest:
        if rest.startswith("..."):
            if Ellipsis in found:
                raise RuntimeError(
                    f"einsum(): found '.' for {where} for which an ellipsis was already found"
                )
            found.append(Ellipsis)
            rest = rest[3:]
        elif rest[0].isascii() and rest[0].isalpha():
            found.append(rest[0])
            rest = rest[1:]
        elif rest[0] == ".":
            raise RuntimeError(f"einsum(): found '.' for {where} that is not part of any ellipsis")
        else:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {text.index(rest[0])} in the equation "
                "string, subscripts must be in [a-zA-Z]"
            )
    return found


def _parsed(args: tuple[Any, ...]) -> tuple[list[Any], list[list[Any]], list[Any] | None]:
    """Operands, their axes, and those of the output (None: not said), in either form."""
    if not isinstance(args[0], str):
        return _parsed_sublists(args)
    operands = list(args[1:])
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    names, output = _equation(args[0])
    if len(names) != len(operands):
        more = "more" if len(names) < len(operands) else "fewer"
        raise RuntimeError(
            f"einsum(): {more} operands were provided than specified in the equation"
        )
    return operands, names, output


@functools.lru_cache(256)
def _equation(text: str) -> tuple[list[list[Any]], list[Any] | None]:
    """The axes of each operand and of the output; nobody writes to them."""
    inputs, arrow, output = text.partition("->")
    names = [_letters(part, f"operand {i}") for i, part in enumerate(inputs.split(","))]
    return names, _letters(output, "the output") if arrow else None


def _parsed_sublists(args: tuple[Any, ...]) -> tuple[list[Any], list[list[Any]], list[Any] | None]:
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    pairs = len(args) // 2
    operands, lists = list(args[: 2 * pairs : 2]), [list(s) for s in args[1 : 2 * pairs : 2]]
    output = list(args[-1]) if len(args) % 2 else None
    for number in (n for s in [*lists, output or []] for n in s if n is not Ellipsis):
        if not 0 <= number < 52:
            raise ValueError(
                "einsum(): subscripts in subscript list must be within the range [0, 52)"
            )

    def letter(n: Any) -> Any:
        return n if n is Ellipsis else chr(ord("A") + n) if n < 26 else chr(ord("a") + n - 26)

    named = [[letter(n) for n in s] for s in lists]
    return operands, named, None if output is None else [letter(n) for n in output]


def _spelled_out(operands: list[Any], names: list[list[Any]]) -> tuple[list[list[Any]], int]:
    """The axes with one name for each that an ellipsis stands for, counted from the back."""
    covered = 0
    found = []
    for place, (operand, axes) in enumerate(zip(operands, names, strict=True)):
        need_tensor("einsum", operand, "tensors")
        missing = operand._array.ndim - (len(axes) - (Ellipsis in axes))
        if missing < 0 or (missing and Ellipsis not in axes):
            raise RuntimeError(
                "einsum(): the number of subscripts in the equation "
                f"({len(axes) - (Ellipsis in axes)}) "
                f"{'is more than' if Ellipsis in axes else 'does not match'} the number of "
                f"dimensions ({operand._array.ndim}) for operand {place}"
                f"{'' if Ellipsis in axes else ' and no ellipsis was given'}"
            )
        covered = max(covered, missing)
        spelled: list[Any] = []
        for axis in axes:
            spelled += [(i,) for i in range(missing, 0, -1)] if axis is Ellipsis else [axis]
        found.append(spelled)
    return found, covered


# Nodes at the end of a product that torch leaves by a view.
_PRODUCTS = {"MmBackward0", "UnsafeViewBackward0", "BmmBackward0", "PermuteBackward0"}


def _as_a_view(found: Any, operands: list[Any]) -> Any:
    """The result as torch leaves it, which names its node: a product, or all of one operand."""
    if found._node is None:
        return found
    if len(operands) == 1:
        if found is operands[0]:
            return found.permute(*range(found.ndim))
        diagonal = found.grad_fn.name() == "DiagonalBackward0"
        return renamed(found, "PermuteBackward0") if diagonal else found
    return renamed(found, "ViewBackward0") if found.grad_fn.name() in _PRODUCTS else found


def _check_sizes(operands: list[Named]) -> None:
    sizes: dict[Any, int] = {}
    for place, operand in enumerate(operands):
        for name in operand.names:
            size = operand.sizes[name]
            known = sizes.get(name, 1)
            if size != known and 1 not in (size, known):
                raise ShapeError(
                    f"einsum(): subscript {name} has size {size} for operand {place} which does "
                    f"not broadcast with previously seen size {known}"
                )
            sizes[name] = max(known, size) if 0 not in (known, size) else 0


@function(
    where=("torch",),
    samples=(
        call("ij,jk->ik", T(2, 3), T(3, 4)),
        call("bij,bjk", T(2, 3, 4), T(2, 4, 5)),
        call("...i,...i->...", T(2, 3, 4), T(3, 4)),
        call("ii->i", T(3, 3)),
        call("ij,jk,kl->il", T(2, 3), T(3, 4), T(4, 2)),
        call("i,j", T(2), T(3)),
        call("bn,anm,bm->ba", T(2, 5), T(3, 5, 4), T(2, 4)),
        call("ii", T(3, 3)),
        call(T(2, 3), [0, 1], T(3, 4), [1, 2], [2, 0]),
    ),
    errors=(
        call("ij,jk", T(2, 3), T(4, 5)),
        call("ij", T(2)),
        call("i->j", T(2)),
        call("i!", T(2)),
        call("i,j", T(2)),
        call("i->ii", T(2)),
    ),
)
def einsum(*args: Any) -> Any:
    """Einstein's summation: products of elements, summed over the axes that the output lacks.

    Formula:   "ij,jk->ik": out[i, k] = sum_j a[i, j] b[j, k]; a letter twice at one tensor is its
               diagonal; "..." stands for any further axes; without "->" the output has the letters
               that stand once, in alphabetical order. In place of the string, each tensor may be
               followed by a list of numbers for its axes.
    Gradient:  that of products of matrices

    Raises:    RuntimeError if letters and axes do not fit

    >>> import minigrad as torch
    >>> torch.einsum("ij,j->i", torch.eye(2), torch.tensor([3., 4.]))
    tensor([3., 4.])
    """
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    operands, names, output = _parsed(args)
    spelled, covered = _spelled_out(operands, names)
    dots = [(i,) for i in range(covered, 0, -1)]
    flat = [name for axes in spelled for name in axes]
    if output is None:
        kept = [*dots, *sorted({n for n in flat if isinstance(n, str) and flat.count(n) == 1})]
    else:
        kept = [n for axis in output for n in (dots if axis is Ellipsis else [axis])]
    for name in kept:
        if kept.count(name) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {name} appears more than once in the output"
            )
        if name not in flat:
            raise RuntimeError(
                f"einsum(): output subscript {name} does not appear in the equation for any input "
                "operand"
            )
    named = [with_unique_names(o, axes) for o, axes in zip(operands, spelled, strict=True)]
    _check_sizes(named)
    return _as_a_view(contract(named, kept), operands)
