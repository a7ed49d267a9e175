"""Long sums of float16 and bfloat16, on the CPU and on a card: added up in float32, rounded once.

And rows of a loss that are ignored, whose slope is 0 whatever the cotangent is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from parity_tests.cuda.cards import EPS
from parity_tests.cuda.device import card
from parity_tests.cuda.differing import NOT_ON_A_CARD
from parity_tests.ops import samples

__all__ = ["card"]
pytestmark = [
    pytest.mark.any_device,
    pytest.mark.filterwarnings("ignore::minigrad.backend.scientific.OnHostWarning"),
]
KINDS = ("float16", "bfloat16")
SUMS = {
    "sum": lambda lib, x: x.sum(),
    "sum of columns": lambda lib, x: x.sum(0),
    "sum of rows": lambda lib, x: x.sum(1),
    "mean": lambda lib, x: x.mean(1),
    "var": lambda lib, x: x.var(1),
    "std": lambda lib, x: x.std(0),
    "norm": lambda lib, x: x.norm(dim=1),
    "norm of order 3": lambda lib, x: lib.linalg.vector_norm(x, 3),
    "cumsum": lambda lib, x: x.cumsum(1),
    "logsumexp": lambda lib, x: x.logsumexp(1),
    "product of matrices": lambda lib, x: x @ x.T,
    "matrix and vector": lambda lib, x: x @ x[0],
    "stacks": lambda lib, x: lib.bmm(x[None], x.T[None]),
    "linear": lambda lib, x: lib.nn.functional.linear(x, x[:8], x[0, :8]),
    "average": lambda lib, x: lib.nn.functional.avg_pool1d(x, 16),
    "layer_norm": lambda lib, x: lib.nn.functional.layer_norm(x, (700,)),
    "batch_norm": lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True),
    "mse_loss": lambda lib, x: lib.nn.functional.mse_loss(x, 0 * x),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SUMS)
def test_long_sums_are_rounded_once(name: str, kind: str, card: Any) -> None:
    """Half a unit in the last place of the greatest result, and as much for what is on the way."""
    run, half = SUMS[name], getattr(torch, kind)
    given = torch.tensor(np.random.default_rng(0).normal(0.5, 1, (48, 700))).to(half)
    wanted = run(torch, given.double()).numpy()
    within = EPS[kind] * np.abs(wanted).max()
    mine = minigrad.tensor(given.float().numpy()).to(getattr(minigrad, kind))
    for place in ("cpu", card):
        leaf = mine.to(place).requires_grad_()
        out = run(minigrad, leaf)
        assert out.dtype is leaf.dtype
        found = out.detach().cpu().double().numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=within)


def types_of(record: Any, index: int, place: Any) -> Any:
    """What a sample call in bfloat16 gives, by the types of the arrays; None where it raises."""
    call = samples.drawn(record, index, "float32", "contiguous")
    domains = samples.domains_of(record, record.samples_or_default()[index])

    def brought(array: Any) -> Any:
        tensor = minigrad.from_numpy(array)
        return (tensor.bfloat16() if array.dtype.kind == "f" else tensor).to(place)

    made, _ = samples.tensors_of(call, brought)
    try:
        outs = samples.outputs(samples.result_of(record, record.function, made, domains))
    except (RuntimeError, NotImplementedError, IndexError, TypeError):  # for half precision, mostly
        return None
    return [t._array.dtype.name for t in outs if hasattr(t, "_array")]


def test_results_of_bfloat16_have_the_types_that_they_have_on_the_cpu(card: Any) -> None:
    """CuPy has no bfloat16 form of some functions, and makes float32 of it without a word."""
    wrong, seen = {}, 0
    for record, index in samples.sampled():
        if "float" not in record.dtypes or record.name in NOT_ON_A_CARD:
            continue
        wanted = types_of(record, index, "cpu")
        if wanted is not None:
            seen += 1
            found = types_of(record, index, card)
            if found != wanted:
                wrong[f"{record.name}-{index}"] = found, wanted
    assert not wrong
    assert seen > 1000


COTANGENTS = {"nan": math.nan, "inf": math.inf, "one": 1.0}


@pytest.mark.parametrize("cotangent", COTANGENTS)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_an_ignored_row_has_no_slope(
    name: str, weighted: bool, reduction: str, cotangent: str, card: Any
) -> None:
    """Not even of a cotangent that is NaN; a row whose class has the weight 0 has one, as in torch.

    A prediction of NaN does not count there either.
    """

    def run(lib: Any, place: Any, several: bool) -> tuple[Any, Any]:
        values = np.sin(np.arange(24.0)).astype(np.float32)
        values[9] = math.nan  # of the sample that is ignored
        x = lib.tensor(values).reshape((4, 6))
        target = lib.tensor([1, -100, 3, 2])
        if several:
            x, target = x.reshape(2, 2, 6).permute(0, 2, 1), target.reshape(2, 2)
        x, target = x.to(place).requires_grad_(), target.to(place)
        weight = lib.tensor([1.0, 2, 0, 1, 0.5, 1]).to(place) if weighted else None
        loss = getattr(lib.nn.functional, name)(x, target, weight, reduction=reduction)
        loss.backward(lib.full(tuple(loss.shape), COTANGENTS[cotangent]).to(place))
        return loss.detach().cpu().numpy(), x.grad.cpu().numpy()

    for several in (False, True):
        wanted = run(torch, "cpu", several)
        for place in ("cpu", card):
            found = run(minigrad, place, several)
            for mine, theirs in zip(found, wanted, strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
