"""Options in the forms that torch takes besides the usual ones: None, NumPy's numbers, lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as oracle

import minigrad
from parity_tests.ops.samples import to_numpy

REDUCTIONS = [
    "sum",
    "mean",
    "amax",
    "amin",
    "all",
    "any",
    "std",
    "var",
    "argmax",
    "argmin",
    "nansum",
    "nanmean",
    "logsumexp",
    "count_nonzero",
    "median",
    "max",
    "min",
    "prod",
]
FORMS = [
    "x.{}(None)", "x.{}(dim=None)", "torch.{}(x, None)", "torch.{}(x, dim=None)",
    "x.{}(None, keepdim=True)", "x.{}(dim=None, keepdim=True)", "x.{}(dim=None, dtype=None)",
    "x.{}(np.int64(1))", "x.{}([0, 1])", "x.{}(dim=(np.int32(0),))",
]  # fmt: skip
TENSOR = "x.{}(dim=torch.tensor(1))"  # which to max and min of ours is the other tensor
CALLS = """
    F.conv2d(x[None, None], torch.ones(2, 1, 2, 2), groups=np.int64(1))
    F.conv2d(x.expand(2, 2, 2, 3), torch.ones(2, 1, 2, 2), groups=np.int64(2))
    F.conv_transpose1d(x, torch.ones(2, 1, 2), groups=np.int32(2))
    F.group_norm(x[None], np.int64(2))
    F.group_norm(x[None], 2, eps=np.float64(0.1))
    F.group_norm(x[None], 1, eps=1)
    F.layer_norm(x, [np.int64(3)], eps=1)
    F.gaussian_nll_loss(x, x, x, full=1)
    x.roll(1, None)
    x.roll(np.int64(1), np.int64(0))
    x.reshape(np.int64(3), torch.tensor(2))
    x.view((np.int64(3), 2))
    torch.zeros(np.int64(2), torch.tensor(3))
    x.repeat(np.int64(2), 1)
    F.max_pool2d(x[None], np.int64(2))
    F.dropout(x, np.float32(0))
    F.leaky_relu(x, np.float64(0.5))
    F.softmax(x, np.int64(1))
    F.pad(x, (np.int64(1), 1))
    torch.take(x, torch.tensor([1, 2]), out=torch.empty(0))
    torch.gather(x, 0, torch.tensor([[1, 0, 1]]), out=torch.empty(0))
    torch.masked_select(x, x > 2, out=torch.empty(0))
    torch.index_select(x, 0, torch.tensor([1]), out=torch.empty(0))
""".strip().splitlines()


def outcome(library: Any, call: str) -> Any:
    """The numbers of a call's first result, or the name of the error that it raises."""
    x = library.arange(1.0, 7.0).reshape(2, 3)
    F = library.nn.functional
    try:
        found = eval(call, {"torch": library, "F": F, "np": np, "x": x})
    except Exception as error:
        return type(error).__mro__[-3].__name__
    return to_numpy(found[0] if isinstance(found, tuple) else found)


@pytest.mark.parametrize(
    "call",
    [f.format(n) for n in REDUCTIONS for f in FORMS]
    + [TENSOR.format(n) for n in REDUCTIONS if n not in ("max", "min")]
    + [call.strip() for call in CALLS],
)
def test_what_torch_takes_is_taken(call: str) -> None:
    want = outcome(oracle, call)
    if isinstance(want, str):
        pytest.skip(f"torch raises {want}")
    np.testing.assert_allclose(outcome(minigrad, call), want, rtol=1e-5)
