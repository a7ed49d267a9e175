"""``assert_parity``: the same few lines under minigrad and under torch."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad
from minigrad.testing.comparison import TOLERANCES, assert_close
from minigrad.testing.counterparts import Counterparts
from minigrad.testing.ulps import farthest

__all__ = ["assert_parity", "real_torch"]


def real_torch() -> Any:
    """torch itself, or one sentence that says how to get it.

    >>> from minigrad.testing.parity import real_torch
    >>> real_torch().__name__
    'torch'

    Raises: ImportError if it is not installed, or minigrad stands in its place.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "parity: torch is not installed; install it with: python -m pip install torch"
        ) from error
    if torch.Tensor is minigrad.Tensor:
        raise ImportError("parity: `import torch` finds minigrad here (minigrad.compat.install)")
    return torch


def assert_parity(
    f: Callable[..., Any],
    *inputs: Any,
    gradients: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    **options: Any,
) -> None:
    """Raise AssertionError unless ``f(*inputs)`` is the same under minigrad and torch.

    Compared are values, shapes, dtypes, the gradients by those inputs that require them, what is
    written into inputs, and, if it raises, the type of the error. Inputs are minigrad's tensors (or
    arrays, or anything else), in lists and by name too. What ``f`` uses of minigrad, itself or in
    functions and classes of the same program, is torch's in turn; so is its argument ``torch``.

    >>> import minigrad as torch
    >>> from minigrad.testing import assert_parity
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> assert_parity(lambda x: torch.logsumexp(x, 0), x)

    Raises: AssertionError naming what differs, and by how many ulps; ImportError without torch.
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    library = real_torch()
    mine = _outcome(f, minigrad, inputs, options, gradients)
    theirs = _outcome(f, library, inputs, options, gradients)
    if isinstance(mine, Exception) or isinstance(theirs, Exception):
        _compare_errors(mine, theirs)
        return
    for name in ("value", "gradient", "input"):
        parts = [getattr(side, name) for side in (mine, theirs)]
        if len(parts[0]) != len(parts[1]):
            raise AssertionError(f"parity: {len(parts[0])} {name}s here, {len(parts[1])} in torch")
        for number, (one, other) in enumerate(zip(*parts, strict=True)):
            after = " after the call" if name == "input" else ""
            _compare(f"{name} {number}{after}", one, other, rtol, atol)


@dataclass(frozen=True)
class _Returned:
    """What a run gave: its results, the gradients of its inputs, and what it left in these."""

    value: list[Any]
    gradient: list[Any]
    input: list[Any]


def _outcome(
    f: Callable[..., Any], library: Any, inputs: Sequence[Any], options: Any, gradients: bool
) -> _Returned | Exception:
    """Run a function under one library, from one seed."""
    given, named = moved(list(inputs), library), moved(options, library)
    function, leading = under(f, library)
    library.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*leading, *given, **named)
    except Exception as error:
        return error
    parts = _flat(result)
    taken = [t for t in _flat([given, named]) if hasattr(t, "detach")]
    leaves = [t for t in taken if t.requires_grad]
    found: list[Any] = []
    ends = [p for p in parts if getattr(p, "requires_grad", False)]
    if gradients and leaves and ends:
        weights = [_weights(e, library, number) for number, e in enumerate(ends)]
        found = list(library.autograd.grad(ends, leaves, weights, allow_unused=True))
    return _Returned(parts, found, taken)


def _weights(output: Any, library: Any, number: int) -> Any:
    """A cotangent whose elements all differ: with ones a gradient that is moved looks right."""
    spread = 0.5 + (0.618 * np.arange(output.numel()) + 0.25 * number) % 1
    return library.from_numpy(spread.reshape(tuple(output.shape))).to(output.dtype)


def under(f: Callable[..., Any], library: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A function as a library sees it, and the library if the function asks for it by argument.

    >>> import numpy, minigrad
    >>> from minigrad.testing.parity import under
    >>> under(lambda torch, x: torch.sin(x), numpy)[1] == (numpy,)
    True
    """
    if hasattr(f, "run") and hasattr(f, "lines"):  # a drawn program
        return f.run, (library,)
    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        names = []
    leading = (library,) if names and names[0] == "torch" else ()
    return Counterparts(library).of(f), leading


def moved(value: Any, library: Any) -> Any:
    """An input as a tensor of a library: a copy, with its layout and whether it wants a gradient.

    >>> import minigrad
    >>> from minigrad.testing.parity import moved
    >>> moved(minigrad.ones(2), minigrad)
    tensor([1., 1.])
    """
    if type(value) in (list, tuple):
        return type(value)(moved(v, library) for v in value)
    if type(value) is dict:
        return {k: moved(v, library) for k, v in value.items()}
    if not isinstance(value, minigrad.Tensor):
        return Counterparts(library).of(value)
    kind = str(value.dtype).rpartition(".")[2]
    wide = value.detach().float() if kind == "bfloat16" else value.detach()
    made = library.from_numpy(np.array(wide.numpy(), order="K", copy=True))
    made = made.to(getattr(library, kind))
    return made.requires_grad_() if value.requires_grad else made


def _flat(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple)):
        return [part for whole in result for part in _flat(whole)]
    if isinstance(result, dict):
        return [part for key, whole in result.items() for part in (key, *_flat(whole))]
    return [result]


def _compare(what: str, mine: Any, theirs: Any, rtol: float | None, atol: float | None) -> None:
    __tracebackhide__ = True
    if not hasattr(theirs, "detach"):
        if hasattr(mine, "detach") or not _same(mine, theirs, rtol, atol):
            raise AssertionError(f"parity: {what} is {mine!r} here, {theirs!r} in torch")
        return
    if not hasattr(mine, "detach"):
        raise AssertionError(f"parity: {what} is {mine!r} here, a tensor in torch")
    kinds = [str(t.dtype).rpartition(".")[2] for t in (mine, theirs)]
    if kinds[0] != kinds[1]:
        raise AssertionError(f"parity: {what} is of {kinds[0]} here, of {kinds[1]} in torch")
    one, other = (array_of(t) for t in (mine, theirs))
    if one.shape != other.shape:
        raise AssertionError(f"parity: {what} is {one.shape} here, {other.shape} in torch")
    if kinds[0] == "bfloat16":
        rtol, atol = TOLERANCES[minigrad.bfloat16] if rtol is None else (rtol, atol)
    try:
        assert_close(one, other, rtol=rtol, atol=atol, equal_nan=True)
    except AssertionError as error:
        count, place = farthest(one, other)
        values = f"{one[place]!s} here, {other[place]!s} in torch"
        text = f"parity: {what} parts by {count:g} ulps at {list(place)}: {values}\n{error}"
        raise AssertionError(text) from None


def _same(mine: Any, theirs: Any, rtol: float | None, atol: float | None) -> bool:
    """Whether two values that are no tensors are equal: numbers may be off like a float32."""
    if type(mine) is type(theirs) is float:
        usual = TOLERANCES[minigrad.float32]
        relative, absolute = usual if rtol is None or atol is None else (rtol, atol)
        return bool(np.isclose(mine, theirs, relative, absolute, equal_nan=True))
    if type(mine).__module__.startswith("minigrad"):  # a dtype, a device, a size
        return str(mine) == str(theirs)
    return bool(mine == theirs)


def array_of(tensor: Any) -> Any:
    """The values of a tensor of either library; bfloat16 widened.

    >>> import minigrad
    >>> from minigrad.testing.parity import array_of
    >>> array_of(minigrad.ones(1))
    array([1.], dtype=float32)
    """
    plain = tensor.detach().cpu()
    return np.asarray((plain.float() if "bfloat16" in str(plain.dtype) else plain).numpy())


def _compare_errors(mine: Any, theirs: Any) -> None:
    __tracebackhide__ = True
    for one, other, here in ((mine, theirs, "minigrad"), (theirs, mine, "torch")):
        if isinstance(one, Exception) and not isinstance(other, Exception):
            raise AssertionError(f"parity: only {here} raises: {one!r}") from one
    kinds = [next(t for t in type(e).__mro__ if t.__module__ == "builtins") for e in (mine, theirs)]
    if kinds[0] is not kinds[1]:
        raise AssertionError(f"parity: {mine!r} here, {theirs!r} in torch") from mine
