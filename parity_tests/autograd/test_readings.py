"""Functions of several ops: on arrays where nothing is recorded, on Tensors where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.autograd.op import arrays, tensors
from minigrad.autograd.readings import as_read, composed
from parity_tests.tolerances import TOL

F = torch.nn.functional
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "cosine_similarity": lambda x, y: F.cosine_similarity(x, y),
    "soft_margin_loss": lambda x, y: F.soft_margin_loss(x, y.sign()),
    "hinge_embedding_loss": lambda x, y: F.hinge_embedding_loss(x, y.sign(), reduction="sum"),
    "margin_ranking_loss": lambda x, y: F.margin_ranking_loss(x, y, y.sign(), reduction="none"),
    "multi_margin_loss": lambda x, y: F.multi_margin_loss(x, torch.tensor([0, 2, 1, 0]), p=2),
    "multilabel_margin_loss": lambda x, y: F.multilabel_margin_loss(
        x, torch.tensor([[0, -1, 1], [2, 0, -1], [1, 0, 2], [-1, 0, 0]])
    ),
    "cosine_embedding_loss": lambda x, y: F.cosine_embedding_loss(
        x, y, torch.tensor([1, -1, 1, 1])
    ),
    "kl_div": lambda x, y: F.kl_div(x, y.abs(), reduction="batchmean"),
    "pdist": lambda x, y: torch.pdist(x, 3.0),
    "renorm": lambda x, y: torch.renorm(x, 2, 0, 1.0),
    "tensordot": lambda x, y: torch.tensordot(x, y, ([0], [0])),
    "lu_unpack": lambda x, y: torch.lu_unpack(*torch.linalg.lu_factor(x))[1],
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_readings_give_the_same(name: str, dtype: Any) -> None:
    torch.manual_seed(3)
    x, y = torch.randn(4, 3, dtype=dtype), torch.randn(4, 3, dtype=dtype)
    plain = CALLS[name](x, y)
    recorded = CALLS[name](x.requires_grad_(), y)
    assert plain.grad_fn is None and recorded.grad_fn is not None
    assert plain.dtype is recorded.dtype is dtype and plain.shape == recorded.shape
    np.testing.assert_allclose(plain.numpy(), recorded.detach().numpy(), **TOL[dtype.name])


def _read(F: Any, x: Any, y: Any) -> Any:
    SEEN.append(F)
    return F.exp(x) * y + as_read(F, np.ones(3, np.float32))


SEEN: list[Any] = []


@pytest.mark.parametrize(
    ("x", "y", "reading"),
    [
        (torch.ones(3), torch.ones(3), [arrays]),
        (torch.ones(3, requires_grad=True), torch.ones(3), [tensors]),
        (torch.ones(3), torch.ones(3, requires_grad=True)[:], [tensors]),
        (torch.ones(3), torch.ones(3, dtype=torch.float64), [tensors]),
        (torch.ones(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16), [tensors]),
    ],
)
def test_the_reading_follows_from_the_inputs(x: Any, y: Any, reading: Any) -> None:
    SEEN.clear()
    composed(_read, (x, y))
    assert reading == SEEN


def test_what_numpy_refuses_is_an_error_of_tensors() -> None:
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        composed(_read, (torch.ones(3), torch.ones(4)))
