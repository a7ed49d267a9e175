"""The classical orthogonal polynomials, each by its three-term recurrence.

Every family begins with 1 and goes on by ``p[k + 1] = rise(k) * p[k] - fall(k) * p[k - 1]``, where
the steps may depend on x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd.op import Binary
from minigrad.autograd.registry import T, call, integers, reals, register
from minigrad.backend import Array
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

Step = Callable[[Any, int], Any]


def _evaluated(xp: Any, x: Any, n: Any, first: Any, rise: Step, fall: Step) -> Any:
    """The polynomial of degree n, 0 for a negative n; n is cut to a whole number.

    All elements take each step; one that has reached its degree keeps its value.
    """
    dtype = (x if hasattr(x, "dtype") else n).dtype
    x = xp.asarray(x, dtype=dtype)
    degree = xp.trunc(xp.asarray(n, dtype=dtype))
    degree = xp.where(xp.isfinite(degree), degree, -1)
    x, degree = xp.broadcast_arrays(x, degree)
    before, now = xp.ones_like(x), first(x)
    out = xp.where(degree == 0, before, xp.where(degree == 1, now, xp.zeros_like(x)))
    for k in range(1, int(degree.max()) if degree.size else 0):
        before, now = now, rise(x, k) * now - fall(x, k) * before
        out = xp.where(degree == k + 1, now, out)
    return out


def _family(name: str, what: str, first: Any, rise: Step, fall: Step, example: str) -> None:
    """Enter one family of polynomials."""

    @natively(name)
    def forward(xp: Any, input: Array, n: Array) -> Array:
        return _evaluated(xp, input, n, first, rise, fall)

    doc = f"""Elementwise {what} of degree n.

    Gradient:  none, as in torch

    >>> import minigrad as torch
    >>> torch.special.{name}(torch.tensor([0.5, 2.]), 3)
    {example}
    """
    op = type(
        name,
        (Binary,),
        {
            "__doc__": doc,
            "promotes": "float",
            "numbers": ("input", "n"),
            "forward": staticmethod(widened(forward)),
        },
    )
    register(
        f"special_{name}",
        torch=f"special.{name}",
        domain=[reals(0.1, 1.5), integers(0, 5)],
        dtypes=("float", "int"),
        gradcheck=False,
        samples=(call(T(2, 3), T(2, 3)), call(T(3), 4), call(0.5, T(3, domain=integers(0, 5)))),
        errors=(call(T(3), "text"), call(0.5, 3)),
    )(op)


_BOTH: tuple[tuple[str, Callable[[Any], Any], str], ...] = (
    ("", lambda x: x, "Chebyshev"),
    ("shifted_", lambda x: x + x - 1, "shifted Chebyshev"),
)
_KINDS = {"t": "first", "u": "second", "v": "third", "w": "fourth"}
_START: dict[str, Callable[[Any], Any]] = {
    "t": lambda z: z,
    "u": lambda z: z + z,
    "v": lambda z: z + z - 1,
    "w": lambda z: z + z + 1,
}
_AT_DEGREE_3 = {
    "t": ("[-1., 26.]", "[-0., 99.]"),
    "u": ("[-1., 56.]", "[ -0., 204.]"),
    "v": ("[-1., 41.]", "[  1., 169.]"),
    "w": ("[-1., 71.]", "[ -1., 239.]"),
}


def _chebyshev(letter: str, which: int) -> None:
    prefix, place, word = _BOTH[which]
    start = _START[letter]
    _family(
        f"{prefix}chebyshev_polynomial_{letter}",
        f"{word} polynomial of the {_KINDS[letter]} kind",
        lambda x: start(place(x)),
        lambda x, k: place(x) + place(x),
        lambda x, k: 1,
        f"tensor({_AT_DEGREE_3[letter][which]})",
    )


for _letter in _KINDS:
    _chebyshev(_letter, 0)
    _chebyshev(_letter, 1)
_family(
    "hermite_polynomial_h",
    "physicist's Hermite polynomial",
    lambda x: x + x,
    lambda x, k: x + x,
    lambda x, k: 2 * k,
    "tensor([-5., 40.])",
)
_family(
    "hermite_polynomial_he",
    "probabilist's Hermite polynomial",
    lambda x: x,
    lambda x, k: x,
    lambda x, k: k,
    "tensor([-1.3750,  2.0000])",
)
_family(
    "laguerre_polynomial_l",
    "Laguerre polynomial",
    lambda x: 1 - x,
    lambda x, k: (2 * k + (1 - x)) / (k + 1),
    lambda x, k: k / (k + 1),
    "tensor([-0.1458, -0.3333])",
)
_family(
    "legendre_polynomial_p",
    "Legendre polynomial",
    lambda x: x,
    lambda x, k: (2 * k + 1) / (k + 1) * x,
    lambda x, k: k / (k + 1),
    "tensor([-0.4375, 17.0000])",
)
