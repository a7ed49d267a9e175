"""``assert_close``: whether results are as near as their precision lets one expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as torch

__all__ = ["assert_allclose", "assert_close"]

# What is forgiven by default: relative and absolute difference; all other types must be equal.
TOLERANCES = {
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
}


@dataclass(frozen=True)
class _Rules:
    """What a comparison was asked for."""

    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_stride: bool


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless two results are close, and say where they differ most.

    |actual - expected| <= atol + rtol * |expected|, element by element. Tensors, arrays, numbers,
    and lists, tuples and mappings of them are compared part by part. Without ``rtol`` and ``atol``
    the dtype decides (float32: 1.3e-6 and 1e-5; float64: 1e-7 both; integers must be equal).

    Raises: AssertionError with the count of mismatches and the greatest differences; ValueError if
    only one of ``rtol`` and ``atol`` is given; TypeError for what cannot be compared.

    >>> import minigrad as torch
    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
    Traceback (most recent call last):
    ...
    AssertionError: Tensor-likes are not close!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
    Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)

    Source: https://docs.pytorch.org/docs/stable/testing.html
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        )
    if not allow_subclasses and type(actual) is not type(expected):
        raise TypeError(
            f"assert_close: expected two of one type, got {type(actual).__name__} and "
            f"{type(expected).__name__} (allow_subclasses=True compares them)"
        )
    rules = _Rules(rtol, atol, equal_nan, check_device, check_dtype, check_stride)
    problem = _problem(actual, expected, rules, "")
    if problem:
        text = msg(problem) if callable(msg) else msg or problem
        raise AssertionError(text)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older form of :func:`assert_close`: dtypes and devices may differ, NaN equals NaN.

    >>> import minigrad as torch
    >>> torch.testing.assert_allclose(torch.ones(2), [1, 1])
    """
    expected = torch.as_tensor(expected)
    assert_close(
        torch.as_tensor(actual),
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=False,
        check_dtype=False,
        msg=msg or None,
    )


def _problem(actual: Any, expected: Any, rules: _Rules, place: str) -> str:
    """What is wrong, or nothing; ``place`` says where in the whole this is."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return _in_mappings(actual, expected, rules, place)
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            return (
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
                + _where(place)
            )
        pairs = enumerate(zip(actual, expected, strict=True))
        return _first(_problem(a, e, rules, f"{place}[{i}]") for i, (a, e) in pairs)
    problem = _of_leaves(actual, expected, rules)
    return problem and problem + _where(place)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _in_mappings(actual: Any, expected: Any, rules: _Rules, place: str) -> str:
    missing, extra = (
        list(a.keys() - b.keys()) for a, b in ((expected, actual), (actual, expected))
    )
    if missing or extra:
        return (
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {sorted(missing)}\n"
            f"Additional keys in the actual mapping: {sorted(extra)}" + _where(place)
        )
    return _first(_problem(actual[k], expected[k], rules, f"{place}[{k!r}]") for k in expected)


def _first(problems: Any) -> str:
    return next((problem for problem in problems if problem), "")


def _where(place: str) -> str:
    return f"\n\nThe failure occurred for item {place}" if place else ""


def _of_leaves(actual: Any, expected: Any, rules: _Rules) -> str:
    if actual is None and expected is None:
        return ""
    plain = (bool, np.bool_)
    if isinstance(actual, plain) and isinstance(expected, plain):
        return "" if actual == expected else f"Booleans mismatch: {actual} is not {expected}"
    numbers = (int, float, np.number)
    if isinstance(actual, numbers) and isinstance(expected, numbers):
        return _of_numbers(actual, expected, rules)
    likes = (torch.Tensor, np.ndarray)
    if isinstance(actual, likes) and isinstance(expected, likes):
        return _of_tensors(torch.as_tensor(actual), torch.as_tensor(expected), rules)
    if actual is None or expected is None:
        return f"None mismatch: {actual} is not {expected}"
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
    )


def _of_numbers(actual: Any, expected: Any, rules: _Rules) -> str:
    whole = isinstance(actual, int) and isinstance(expected, int)
    rtol, atol = (0.0, 0.0) if whole else TOLERANCES[torch.float64]
    if rules.rtol is not None and rules.atol is not None:
        rtol, atol = rules.rtol, rules.atol
    if rules.check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    return _scalars(actual, expected, rtol, atol, rules.equal_nan)


def _scalars(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool) -> str:
    if actual == expected or (equal_nan and actual != actual and expected != expected):
        return ""
    difference = abs(actual - expected)
    if np.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return ""
    relative = difference / abs(expected) if expected else float("inf")
    exact = not rtol and not atol
    allowed = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    return (
        f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {expected} but got {actual}."
        f"\nAbsolute difference: {difference}{allowed[0]}"
        f"\nRelative difference: {relative}{allowed[1]}"
    )


def _of_tensors(actual: Any, expected: Any, rules: _Rules) -> str:
    attributes: list[tuple[str, Any, Any]] = [("shape", actual.shape, expected.shape)]
    if rules.check_device:
        attributes.append(("device", actual.device, expected.device))
    if rules.check_dtype:
        attributes.append(("dtype", actual.dtype, expected.dtype))
    if rules.check_stride:
        attributes.append(("stride()", actual.stride(), expected.stride()))
    for name, mine, other in attributes:
        if mine != other:
            return f"The values for attribute {name!r} do not match: {mine} != {other}."
    rtol, atol = _tolerances(actual.dtype, expected.dtype)
    if rules.rtol is not None and rules.atol is not None:
        rtol, atol = rules.rtol, rules.atol
    common = torch.promote_types(actual.dtype, expected.dtype)
    a, e = (t.detach().cpu().to(common) for t in (actual, expected))
    close = torch.isclose(a, e, rtol=rtol, atol=atol, equal_nan=rules.equal_nan)
    if bool(close.all()):
        return ""
    if a.ndim == 0:
        return _scalars(a.item(), e.item(), rtol, atol, rules.equal_nan)
    return _report(a, e, close, rtol, atol)


def _tolerances(*dtypes: Any) -> tuple[float, float]:
    """The widest of the dtypes' tolerances."""
    pairs = [TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
    return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def _report(a: Any, e: Any, close: Any, rtol: float, atol: float) -> str:
    """Count and greatest differences of the mismatches."""
    if not a.dtype.is_floating_point:
        a, e = a.to(torch.int64), e.to(torch.int64)
    absolute = (a - e).abs()
    relative = absolute / e.abs()
    absolute, relative = (t.masked_fill(close, 0) for t in (absolute, relative))
    wrong, many = int((~close).sum()), close.numel()
    exact = not rtol and not atol
    allowed = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!",
        "",
        f"Mismatched elements: {wrong} / {many} ({wrong / many:.1%})",
    ]
    for kind, differences, note in (
        ("absolute", absolute, allowed[0]),
        ("relative", relative, allowed[1]),
    ):
        place = int(differences.argmax())
        index = tuple(int(i) for i in np.unravel_index(place, tuple(a.shape)))
        value = differences.flatten()[place].item()
        lines.append(f"Greatest {kind} difference: {value} at index {index}{note}")
    return "\n".join(lines)
