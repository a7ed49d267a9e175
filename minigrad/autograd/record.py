"""What is known of one public operation, and the words in which its author says it.

A sample call is written as the call itself, with a :class:`T` for each tensor; a :class:`Domain`
says where the numbers in it are drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from minigrad.autograd.op import Binary, Op, Unary


@dataclass(frozen=True)
class Domain:
    """Where an argument's values are drawn from; ``avoid`` lists kinks to stay away from."""

    low: float
    high: float
    kind: str = "real"  # "real", "integer", "boolean", "places" or "pivots"
    avoid: tuple[float, ...] = ()
    dominance: float = 0.0  # times the size of the matrices: what their diagonals get in addition
    spread: float = 0.0  # the distance between those additions, so that eigenvalues are apart
    within: Callable[[Any], Any] | None = None  # keeps a tensor in the domain when it is moved
    moved: bool = True  # False where there is no derivative by the argument


def reals(low: float, high: float, avoid: Sequence[float] = (), moved: bool = True) -> Domain:
    """Real numbers between two bounds, away from the points to avoid.

    >>> from minigrad.testing import reals
    >>> reals(-3, 3, avoid=[0]).avoid
    (0,)
    """
    return Domain(low, high, "real", tuple(avoid), moved=moved)


def matrices(dominance: float = 1.0) -> Domain:
    """Matrices of numbers from -1 to 1 whose diagonals dominate: far from singular.

    >>> from minigrad.testing import matrices
    >>> matrices().dominance
    1.0
    """
    return Domain(-1, 1, dominance=dominance)


def spread(within: Callable[[Any], Any] | None = None) -> Domain:
    """Matrices whose eigenvalues and singular values are positive and far from each other."""
    return Domain(-0.5, 0.5, spread=3.0, within=within)


def symmetric(matrix: Any) -> Any:
    """The symmetric part; what is no square matrix (in bad calls) stays as it is."""
    square = matrix.shape[-1:] == matrix.shape[-2:-1]
    return (matrix + matrix.mT) / 2 if square else matrix


def invertible(tensor: Any) -> Any:
    """A tensor that is far from singular as a square matrix, whatever its axes."""
    side = round(tensor.numel() ** 0.5)
    if not 0 < side == tensor.numel() / side:
        return tensor
    return tensor + tensor.new_zeros(side, side).fill_diagonal_(2.0 * side).reshape(tensor.shape)


def lower(matrix: Any) -> Any:
    """The lower triangle."""
    return matrix.tril() if matrix.ndim > 1 else matrix


def upper(matrix: Any) -> Any:
    """The upper triangle."""
    return matrix.triu() if matrix.ndim > 1 else matrix


def log_probabilities(scores: Any) -> Any:
    """Logarithms of probabilities along the last axis."""
    return scores - scores.logsumexp(-1, True)


def squares(result: Any) -> tuple[Any, ...]:
    """Results that are unique up to the signs of vectors, without these."""
    return tuple(part * part for part in result)


def places(low: int, high: int) -> Domain:
    """Whole numbers as :func:`integers`, none twice along an axis: what is written has one source.

    ``low`` is 0, or minus the number of places where these may be counted from the end.

    >>> from minigrad.testing import places
    >>> places(0, 3).kind
    'places'
    """
    return Domain(low, high, "places")


def pivots() -> Domain:
    """LAPACK's exchanges of rows, as int32: in place i (from 1), i or a number after it."""
    return Domain(1, 1, "pivots")


def integers(low: int, high: int) -> Domain:
    """Whole numbers from low to high, both included, as int64.

    >>> from minigrad.testing import integers
    >>> integers(0, 9).kind
    'integer'
    """
    return Domain(low, high, "integer")


def booleans() -> Domain:
    """True and False.

    >>> from minigrad.testing import booleans
    >>> booleans().kind
    'boolean'
    """
    return Domain(0, 1, "boolean")


@dataclass(frozen=True)
class T:
    """A tensor argument of a sample call: its shape, and its domain if not the op's own.

    >>> from minigrad.testing import T, integers
    >>> T(2, 3).shape, T(4, domain=integers(0, 2)).domain.high
    ((2, 3), 2)
    """

    shape: tuple[int, ...]
    domain: Domain | None = None

    def __init__(self, *shape: int, domain: Domain | None = None) -> None:
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "domain", domain)


@dataclass(frozen=True)
class Call:
    """A sample call; tensor arguments are given as :class:`T`, also inside lists."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    """A sample call, written as the call itself.

    >>> from minigrad.testing import T, call
    >>> call(T(2, 3), dim=1).kwargs
    {'dim': 1}
    """
    return Call(args, kwargs)


@dataclass(frozen=True, repr=False, eq=False)
class Record:
    """What is known of one public operation."""

    name: str
    function: Callable[..., Any]
    method: Callable[..., Any]
    doc: str
    op: type[Op] | None = None  # None: written in terms of other ops
    torch: str | None = None  # dotted name below torch of the oracle; None: there is none
    where: tuple[str, ...] = ("torch", "Tensor")  # also "nn.functional", "linalg", ...
    domain: tuple[Domain, ...] = (Domain(-3, 3),)  # by position; the last serves for the rest
    samples: tuple[Call, ...] = ()
    errors: tuple[Call, ...] = ()  # calls that must raise, here and in torch
    dtypes: tuple[str, ...] = ("float",)  # kinds that the parity test runs: float, int, bool
    dunder: tuple[str, ...] = ()
    inplace: bool = False
    inplace_in: tuple[str, ...] = ()  # modules that show the in-place form as a function too
    gradcheck: bool = True  # False where there is no derivative, or it is zero (tested as well)
    orders: int = 2  # of derivative that torch has, too; minigrad's own two are always tested
    shown: Callable[[Any], Any] | None = None  # what is compared, where a result is not unique
    varied: bool = True  # False where only the samples' own sizes and parameters make sense
    aliases: tuple[str, ...] = ()
    returns: str = "Tensor"  # the type that a call gives, for the stub

    def __repr__(self) -> str:
        return f"<Record {self.name}>"

    def samples_or_default(self) -> tuple[Call, ...]:
        """The sample calls; those of an elementwise op follow from its number of arguments."""
        if self.samples or self.op is None or not issubclass(self.op, (Unary, Binary)):
            return self.samples
        if len(self.op.inputs) == 1:
            return tuple(call(T(*shape)) for shape in ((2, 3), (5,), (), (0, 3), (1,)))
        pairs = (((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((3,), ()))
        with_number = (call(T(3), 2),) if self.dunder else ()  # what has an operator takes numbers
        return (*[call(T(*a), T(*b)) for a, b in pairs], *with_number)
