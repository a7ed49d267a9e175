"""Running sums, products and extremes along an axis."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.reduction.extrema import the_only
from minigrad.ops.reduction.reduce import as_summed
from minigrad.ops.reduction.running import running, running_extreme, running_sum
from minigrad.return_types import named

ERRORS = (call(T(2, 3), dim=2), call(T(2, 3), dim=-3))
SAMPLES = (call(T(2, 3), 1), call(T(4), dim=0), call(T(3, 2, 2), dim=-2), call(T(), 0))
CUMMAX = named("cummax", "values", "indices")
CUMMIN = named("cummin", "values", "indices")


def _public(op: str) -> Any:
    """The form that users call: check the axis, widen integers."""

    def cumulative(input: Any, dim: Any = None, *, axis: Any = None, dtype: Any = None) -> Any:
        x = input._array
        dim = dim if axis is None else axis
        if dim is None:
            raise TypeError(f'{op}() missing 1 required positional arguments: "dim"')
        if op == "logcumsumexp":
            input = input if dtype is None else input.to(dtype)
            if input._array.dtype.kind not in "fV":
                kind = input.dtype.name.capitalize()
                raise NotImplementedError(
                    f"\"logcumsumexp_out_cpu\" not implemented for '{kind}'; use x.float()"
                )
        elif dtype is not None or x.dtype.kind in "biu":
            input = as_summed(input, dtype)
        return apply(OPS[op], (input,), (one_dim(dim, x.ndim),))

    return cumulative


def backwards(F: Any, fn: Any, x: Any, dim: int) -> Any:
    """A running total from the far end."""
    return F.flip(fn(F.flip(x, (dim,)), dim), (dim,))


_FACTS: dict[str, Any] = {
    "out": True,
    "inplace": True,
    "dtypes": ("float", "int", "bool"),
    "samples": SAMPLES,
    "errors": ERRORS,
}


@register(public=_public("cumsum"), **_FACTS)
class Cumsum(Op):
    """Running sum along an axis; of integers as int64.

    Formula:   out_i = input_0 + ... + input_i
    Gradient:  the running sum of g from the far end

    >>> import minigrad as torch
    >>> torch.cumsum(torch.tensor([1., 2., 3.]), dim=0)
    tensor([1., 3., 6.])
    """

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """Add up."""
        return running_sum(xp, input, dim) if input.ndim else input.copy()

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: int, F: Any) -> Array:
        """Each element counts in all sums from its own place on."""
        return backwards(F, F.cumsum, g, dim) if shape else g


@register(public=_public("cumprod"), **{**_FACTS, "domain": [reals(0.5, 2)]})
class Cumprod(Op):
    """Running product along an axis; of integers as int64.

    Formula:   out_i = input_0 * ... * input_i
    Gradient:  sum_{j >= i} g_j out_j / input_i, exact also where elements are zero

    >>> import minigrad as torch
    >>> torch.cumprod(torch.tensor([1., 2., 3.]), dim=0)
    tensor([1., 2., 6.])
    """

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """Multiply."""
        return running(xp, "multiply", input, dim) if input.ndim else input.copy()

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, shape: Any, dim: int, F: Any) -> Array:
        """Through the quotient; around zeros through what stands before and after each place."""
        plain: Any = getattr(input, "_array", input)
        if not shape:
            return g
        if plain.all():
            return backwards(F, F.cumsum, g * out, dim) / input
        length = shape[dim]
        parts = [F.narrow(input, dim, i, 1) for i in range(length)]
        cotangents = [F.narrow(g, dim, i, 1) for i in range(length)]
        after = [cotangents[-1]]  # sum_{j >= i} g_j times the product of what lies between
        for part, cotangent in zip(parts[:0:-1], cotangents[-2::-1], strict=True):
            after.append(cotangent + part * after[-1])
        before = F.cat(parts[0] * 0 + 1, F.narrow(out, dim, 0, length - 1), dim=dim)
        return before * F.cat(*after[::-1], dim=dim)


@register(public=_public("logcumsumexp"), out=True, inplace=False, samples=SAMPLES, errors=ERRORS)
class Logcumsumexp(Op):
    """Logarithm of the running sum of exponentials along an axis.

    Formula:   out_i = log(exp(input_0) + ... + exp(input_i))
    Gradient:  sum_{j >= i} g_j exp(input_i - out_j)

    >>> import minigrad as torch
    >>> torch.logcumsumexp(torch.tensor([0., 0., 0.]), dim=0)
    tensor([0.0000, 0.6931, 1.0986])
    """

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """Add up in logarithms."""
        return running(xp, "logaddexp", input, dim) if input.ndim else input.copy()

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, shape: Any, dim: int, F: Any) -> Array:
        """In logarithms too, where nothing overflows; positive and negative cotangents apart."""
        if not shape:
            return g

        def part(cotangent: Any) -> Any:
            held = F.where(cotangent > 0, cotangent, 1.0)
            logs = F.where(cotangent > 0, F.log(held) - out, float("-inf"))
            return F.exp(backwards(F, F.logcumsumexp, logs, dim) + input)

        return part(g) - part(-g)


OPS: dict[str, type[Op]] = {"cumsum": Cumsum, "cumprod": Cumprod, "logcumsumexp": Logcumsumexp}


class _RunningExtreme(Op):
    """The extreme value up to each place, and the last place where it stands."""

    outputs = 2
    keeps = ("places",)
    ufunc_name = ""

    @classmethod
    def find(cls, xp: Any, input: Array, dim: int) -> Any:
        """The places are a result, and kept for the gradient."""
        if not input.ndim:
            return the_only(xp, input)
        values, places = running_extreme(xp, cls.ufunc_name, input, dim)
        return values, places, places

    @staticmethod
    def grad_input(g: Any, places: Array, shape: Any, dim: int, F: Any) -> Array:
        """Added up at the places: one may be the extreme of many."""
        return F.put_along(g[0], places, shape, dim) if shape else g[0]


@register(internal=True)
class CummaxAlong(_RunningExtreme):
    """The greatest value up to each place, and where it stands."""

    grad_fn = "CummaxBackward0"
    ufunc_name = "maximum"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int) -> Any:
        """The last of equal ones."""
        return CummaxAlong.find(xp, input, dim)


@register(internal=True)
class CumminAlong(_RunningExtreme):
    """The smallest value up to each place, and where it stands."""

    grad_fn = "CumminBackward0"
    ufunc_name = "minimum"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int) -> Any:
        """The last of equal ones."""
        return CumminAlong.find(xp, input, dim)


def _extreme(name: str, word: str, example: str, op: type[Op], result: Any) -> None:
    def cumulative(input: Any, dim: int) -> Any:
        return result(apply(op, (input,), (one_dim(dim, input._array.ndim),)))

    cumulative.__doc__ = f"""The {word} element up to each place of an axis, and its last place.

    Formula:   values_i = {name[3:]}(input_0, ..., input_i)
    Gradient:  g_i added at the place indices_i

    >>> import minigrad as torch
    >>> torch.{name}(torch.tensor([2., 1., 3.]), dim=0).values
    tensor({example})
    """
    function(
        name,
        out=True,
        dtypes=("float", "int", "bool"),
        samples=SAMPLES,
        errors=ERRORS,
        returns="Any",
    )(cumulative)


_extreme("cummax", "greatest", "[2., 2., 3.]", CummaxAlong, CUMMAX)
_extreme("cummin", "smallest", "[2., 1., 1.]", CumminAlong, CUMMIN)
