"""One body, run with minigrad and with torch: the same values, or the same type of error.

``same_as_torch`` turns ``test(torch, ...)`` into a test that both packages return the same;
``both_raise`` into one that both raise. Where behaviour is torch's, nothing is written by hand.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import minigrad
from parity_tests.sidebyside import agree


def of_torchs_tests(module: str) -> Any:
    """A module of torch's own tests; importing one forbids to set ``torch.backends`` afterwards,
    which programs do: that is undone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = importlib.import_module(f"torch.testing._internal.{module}")
    state = torch.backends.disable_global_flags.__globals__
    state["__allow_nonbracketed_mutation_flag"] = True
    return found


@dataclass(frozen=True)
class Returned:
    value: Any


@dataclass(frozen=True)
class Raised:
    kind: str  # the built-in type that the error is, or derives from
    error: Exception


Outcome = Returned | Raised


def outcome(fn: Callable[..., Any], module: Any, **arguments: Any) -> Outcome:
    """What ``fn(module, ...)`` returns, or the type that it raises."""
    try:
        # torch warns of the cycle that create_graph=True makes there, and of views in no_grad.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Returned(fn(module, **arguments))
    except Exception as error:
        return Raised(built_in(error), error)


def built_in(error: Exception) -> str:
    """The nearest built-in type: what ``except`` clauses written for torch name."""
    return next(t.__name__ for t in type(error).__mro__ if t.__module__ == "builtins")


def attempt(call: Callable[[], Any]) -> str:
    """The built-in type of the error that a call raises, or a mark if it raises none."""
    try:
        call()
    except Exception as error:
        return built_in(error)
    return "no error"


def assert_same(mine: Outcome, theirs: Outcome) -> None:
    """Assert that both returned the same, or raised the same type."""
    if isinstance(theirs, Raised):
        assert isinstance(mine, Raised), f"only torch raises: {theirs.error}"
        assert mine.kind == theirs.kind, f"{mine.error!r} is not {theirs.error!r}"
        return
    if isinstance(mine, Raised):
        raise AssertionError(f"only minigrad raises: {mine.error}") from mine.error
    agree(mine.value, theirs.value)


def same_as_torch(test: Callable[..., Any]) -> Callable[..., None]:
    """A test that both packages return the same; torch must not raise (else it shows nothing)."""

    def run(torch: Any, **arguments: Any) -> None:
        theirs = outcome(test, torch, **arguments)
        if isinstance(theirs, Raised):
            raise AssertionError(f"torch raises: {theirs.error}") from theirs.error
        assert_same(outcome(test, minigrad, **arguments), theirs)

    return _as_test(test, run)


def both_raise(test: Callable[..., Any]) -> Callable[..., None]:
    """A test that both packages raise the same type of error."""

    def run(torch: Any, **arguments: Any) -> None:
        theirs = outcome(test, torch, **arguments)
        assert isinstance(theirs, Raised), f"torch does not raise: {theirs.value!r}"
        assert_same(outcome(test, minigrad, **arguments), theirs)

    return _as_test(test, run)


def _as_test(test: Callable[..., Any], run: Callable[..., None]) -> Callable[..., None]:
    """``run`` under the test's name and with its arguments, apart from the package."""

    def named(**arguments: Any) -> None:
        import torch

        run(torch, **arguments)

    signature = inspect.signature(test)
    named.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=list(signature.parameters.values())[1:], return_annotation=None
    )
    named.__name__, named.__doc__, named.__module__ = test.__name__, test.__doc__, test.__module__
    named.pytestmark = getattr(test, "pytestmark", [])  # type: ignore[attr-defined]
    return named
