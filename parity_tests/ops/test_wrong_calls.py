"""Wrong calls: an argument of a wrong kind, too many, none; torch's type of error, without exception.

The calls that are spoilt are torch's own samples; nothing here names an argument.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import minigrad
from minigrad.left_out import left_out
from parity_tests.both import attempt, both_raise, same_as_torch
from parity_tests.torch_samples import LeftOut, converted, counterpart, database, samples

WRONG = ("text", [1.5], 1.5)
# What minigrad takes, and torch does not: the function, the argument, and what is given for it.
TAKEN = {
    ("__radd__", 0, 1.5): "Python's operators never hand a number over as `self`",
    ("__rmul__", 0, 1.5): "the same",
    ("clamp", 0, 1.5): "a number between two tensors",
    ("index_add", "alpha", "[1.5]"): "a list of one number counts as that number",
    ("nn.functional.cosine_embedding_loss", "margin", "[1.5]"): "the same",
    ("nn.functional.hinge_embedding_loss", "margin", "[1.5]"): "the same",
    ("nn.functional.margin_ranking_loss", "margin", "[1.5]"): "the same",
    ("scalar_tensor", 0, "[1.5]"): "the same",
    ("as_strided", 1, "[1.5]"): "sizes are cut to whole numbers",
    ("as_strided", 2, "[1.5]"): "the same",
}
# Refused by both, but here as a wrong value: what is counted is noticed before what it is.
AS_VALUE = ("as_strided_copy", "histogramdd", "ctc_loss", "general_hamming", "unflatten", "scalar_t")
NAMES = sorted(n for n in database() if not (n[0] == "_" or left_out(n)))


def spoilt(sample: Any) -> Iterator[tuple[Any, Any, list[Any], dict[str, Any]]]:
    """A sample call with each argument in turn replaced by what it must not be."""
    args, kwargs = [sample.input, *sample.args], dict(sample.kwargs)
    for place in [*range(len(args)), *kwargs]:
        old = kwargs[place] if isinstance(place, str) else args[place]
        if old is None or isinstance(old, (bool, str)):
            continue
        for wrong in WRONG if isinstance(old, torch.Tensor) else WRONG[:2]:
            other, named = list(args), dict(kwargs)
            if isinstance(place, str):
                named[place] = wrong
            else:
                other[place] = wrong
            yield place, wrong, other, named


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_an_argument_of_a_wrong_kind_is_a_type_error(name: str) -> None:
    info = database()[name][0]
    own = counterpart(info)
    sample = next(samples(info, "float32", False), None)
    if own is None or sample is None or isinstance(info.op, types.LambdaType) and "<" in str(
        info.op.__name__
    ):
        return
    for place, wrong, args, kwargs in spoilt(sample):
        key = (name, place, wrong if isinstance(wrong, float) else str(wrong))
        if key in TAKEN or any(word in name for word in AS_VALUE):
            continue
        if attempt(lambda: info.op(*args, **kwargs)) != "TypeError":  # noqa: B023
            continue
        try:
            mine = [converted(a) for a in args], {k: converted(v) for k, v in kwargs.items()}
        except LeftOut:
            continue
        assert attempt(lambda: own(*mine[0], **mine[1])) == "TypeError", (place, wrong)  # noqa: B023
