"""Options of a wrong kind in calls that are right else: torch's TypeError, for every function.

What is spoilt is read from the signatures; where torch takes the value nothing is asked.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from minigrad.autograd.record import Record
from minigrad.autograd.refusals import kind_of
from minigrad.autograd.registry import REGISTRY
from parity_tests.both import attempt
from parity_tests.ops.samples import arrays_of, oracle, ours, seeded, tensors_of, theirs, values

WRONG: dict[str, tuple[Any, ...]] = {
    "bool": (1, None, "text", [True]),
    "int": (True, 1.5, "text"),
    "tuple of ints": (True, 1.5, (True, True), "text"),
    "int or tuple of ints": (True, 1.5, (1.5,)),
    "float": ("text", [1.5]),
    "Number": ("text", [1.5]),
    "torch.dtype": (1, True),
}
# What minigrad takes, and torch does not.
TAKEN = {
    "arange": "a step that is cut to a whole number, as start and end are",
    **dict.fromkeys(("std", "std_mean", "var", "var_mean"), "None for `unbiased`: not given"),
}
RECORDS = sorted(
    (r for r in REGISTRY.values() if r.torch is not None and r.samples and "__" not in r.name),
    key=lambda r: r.name,
)


def options(record: Record) -> Iterator[tuple[str, str]]:
    """The names of a function's options, each with what it must be."""
    for parameter in inspect.signature(record.function).parameters.values():
        kind = kind_of(parameter, record.op)
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if kind in WRONG and named:
            yield parameter.name, kind


def spoilt(record: Record) -> Iterator[str]:
    """The calls with one wrong option that torch refuses as TypeError, and minigrad does not."""
    rng = seeded("kinds", record.name)
    call = arrays_of(record, record.samples[0], "float32", lambda s, d, k: values(rng, s, d, k))
    right, fn = tensors_of(call, theirs)[0], oracle(record)
    mine = tensors_of(call, ours)[0]
    names = list(inspect.signature(record.function).parameters)
    for name, kind in options(record):
        if name in names[: len(right.args)]:
            continue
        for wrong in WRONG[kind]:
            if attempt(lambda: fn(*right.args, **{**right.kwargs, name: wrong})) != "TypeError":  # noqa: B023
                continue
            got = attempt(lambda: record.function(*mine.args, **{**mine.kwargs, name: wrong}))  # noqa: B023
            if got != "TypeError":
                yield f"{name}={wrong!r}: {got}"


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_an_option_of_a_wrong_kind_is_a_type_error(record: Record) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(spoilt(record))
    assert not found or record.name in TAKEN, found
