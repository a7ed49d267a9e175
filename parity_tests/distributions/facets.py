"""What a distribution says of itself, asked of both libraries and compared."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minigrad
from parity_tests.both import built_in
from parity_tests.tolerances import TOL

COARSE = {"rtol": TOL["float16"]["rtol"], "atol": TOL["float16"]["rtol"]}
PROPERTIES = ("mean", "mode", "variance", "stddev", "batch_shape", "event_shape", "param_shape")
FLAGS = ("has_rsample", "has_enumerate_support")


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives: an array, a text, or the error that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = call()
        except Exception as error:
            kind = built_in(error)
            return kind if kind == "IndexError" else f"{kind}: {plain(str(error))}"
    if isinstance(value, (torch.Tensor, minigrad.Tensor)):
        return value.detach().numpy()
    return plain(repr(value))


def plain(text: str) -> str:
    """Text without the library's name, and without what follows from rounding."""
    text = text.replace("minigrad", "torch").replace("torch.tensor.", "torch.")
    text = re.sub(r"torch\.distributions\.[\w.]*?(\w+)'", r"\1'", text)
    return re.sub(r"-?\d+\.\d{3,}(e[+-]\d+)?", "#", re.sub(r", grad_fn=<\w+>", "", text))


def facets(library: Any, d: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Properties, flags, texts, and the functions at some values."""
    calls: dict[str, Callable[[], Any]] = {
        name: (lambda name=name: getattr(d, name)) for name in (*PROPERTIES, *FLAGS)
    }
    calls |= {
        "repr": lambda: d,
        "support": lambda: d.support,
        "arg_constraints": lambda: d.arg_constraints,
        "is_discrete": lambda: d.support.is_discrete,
        "event_dim": lambda: d.support.event_dim,
        "entropy": lambda: d.entropy(),
        "perplexity": lambda: d.perplexity(),
        "enumerate": lambda: d.enumerate_support(),
        "enumerate once": lambda: d.enumerate_support(expand=False),
    }
    for name, value in values.items():
        tensor = library.from_numpy(value.copy())
        calls |= {
            f"log_prob {name}": lambda x=tensor: d.log_prob(x),
            f"cdf {name}": lambda x=tensor: d.cdf(x),
            f"inside {name}": lambda x=tensor: d.support.check(x),
        }
    kind = next((v.dtype for v in values.values() if v.dtype.kind == "f"), np.float32)
    quantiles = np.linspace(0.05, 0.95, 5).reshape(5, *[1] * len(d.batch_shape))
    tensor = library.from_numpy(quantiles.astype(kind))
    calls["icdf"] = lambda: d.icdf(tensor)
    return {name: outcome(call) for name, call in calls.items()}


def assert_alike(mine: Any, theirs: Any, what: str) -> None:
    """The same text, or nearly the same numbers of the same type."""
    if isinstance(theirs, str) or isinstance(mine, str):
        assert str(mine) == str(theirs), f"{what}: {mine!r} is not {theirs!r}"
        return
    assert mine.dtype == theirs.dtype, what
    tolerance = TOL.get(str(theirs.dtype), {"rtol": 0, "atol": 0})
    np.testing.assert_allclose(mine, theirs, **tolerance, err_msg=what)


def assert_same_facets(mine: Any, theirs: Any, values: dict[str, Any]) -> None:
    """All of them agree."""
    wanted = facets(torch, theirs, values)
    found = facets(minigrad, mine, values)
    for name, want in wanted.items():
        if isinstance(want, str) and want.startswith("AttributeError"):
            continue  # no such name in torch
        got = found[name]
        if isinstance(want, np.ndarray) and isinstance(got, np.ndarray) and want.dtype == "float32":
            # Some formulas lose half their digits in float32, on either side in another way: here
            # types, shapes and magnitudes are compared, the digits in float64.
            assert got.dtype == want.dtype, name
            np.testing.assert_allclose(got, want, **COARSE, err_msg=name)
        else:
            assert_alike(got, want, name)
