"""Run the same few lines with minigrad and with torch, and compare what they return.

A test decorated with ``both_agree`` gets the package as its first argument, under the name
``torch``, and returns what is to be compared: tensors, numbers, texts, modules (their printed
form), and lists or dictionaries of these. It is run once with each package.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import minigrad
from parity_tests.tolerances import TOL

_ADDRESS = re.compile(r"0x[0-9a-f]+")


def both_agree(test: Callable[..., Any]) -> Callable[..., None]:
    """Turn ``test(torch, ...)`` into a test that both packages give the same."""
    import torch

    def run(**arguments: Any) -> None:
        agree(test(minigrad, **arguments), test(torch, **arguments))

    signature = inspect.signature(test)
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=list(signature.parameters.values())[1:]
    )
    run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
    run.pytestmark = getattr(test, "pytestmark", [])  # type: ignore[attr-defined]
    return run


def raised(call: Callable[..., Any], *arguments: Any) -> str:
    """Type and text of the error that a call raises; a mark if it raises none."""
    try:
        call(*arguments)
    except Exception as error:
        # minigrad's own types stand for the built-in that they derive from.
        kind = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
        return f"{kind.__name__}: {error}"
    return "no error"


def array(tensor: Any) -> np.ndarray[Any, Any]:
    """The values of either package's tensor."""
    values: np.ndarray[Any, Any] = tensor.detach().cpu().numpy()
    return values


def agree(mine: Any, theirs: Any, where: str = "result") -> None:
    """Assert that two results are the same, tensors within the table of tolerances."""
    if is_tensor(theirs):
        _tensors_agree(mine, theirs, where)
    elif isinstance(theirs, Mapping):
        assert [text(k) for k in mine] == [text(k) for k in theirs], where
        for key, other in zip(mine, theirs, strict=True):
            agree(mine[key], theirs[other], f"{where}[{key!r}]")
    elif isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs), f"{where}: {mine!r} is not {theirs!r}"
        assert text(type(mine).__name__) == text(type(theirs).__name__), where
        for i, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            agree(one, other, f"{where}[{i}]")
    elif isinstance(theirs, (bool, int, float)) or theirs is None:
        assert type(mine) is type(theirs) and mine == theirs, f"{where}: {mine!r} != {theirs!r}"
    else:
        assert text(mine) == text(theirs), where


def is_tensor(value: Any) -> bool:
    return hasattr(value, "detach") and not isinstance(value, type)


def text(value: Any) -> str:
    """A printed form without what must differ: the package's name and addresses."""
    return _ADDRESS.sub("0x", str(value)).replace("minigrad", "torch")


def _tensors_agree(mine: Any, theirs: Any, where: str) -> None:
    assert is_tensor(mine), f"{where}: {mine!r} is no tensor"
    for name in ("dtype", "shape", "requires_grad", "is_leaf"):
        one, other = text(getattr(mine, name)), text(getattr(theirs, name))
        assert one == other, f"{where}.{name}: {one} is not {other}"
    dtype = str(theirs.dtype).removeprefix("torch.")
    exact = {"rtol": 0.0, "atol": 0.0}
    np.testing.assert_allclose(
        array(mine),
        array(theirs),
        **TOL.get(dtype, exact),
        err_msg=where,  # type: ignore[arg-type]
    )


def to_minigrad(tensor: Any) -> Any:
    """A torch tensor's values as a minigrad tensor."""
    return minigrad.tensor(array(tensor).copy(), requires_grad=tensor.requires_grad)


def copy_state(mine: Any, theirs: Any) -> None:
    """Give a minigrad module the weights of a torch module, by name."""
    mine.load_state_dict({k: to_minigrad(v) for k, v in theirs.state_dict().items()})
