"""Writing to an operand or a result between the call and backward: of every op, beside torch.

The gradient is the one of what was computed, or an error says that it can not be known any more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from minigrad.autograd.record import Call
from minigrad.autograd.registry import REGISTRY
from parity_tests.ops.samples import (
    domains_of,
    drawn,
    has_gradients,
    leaves_of,
    oracle,
    ours,
    outputs,
    result_of,
    sampled,
    tensors_of,
    theirs,
    to_numpy,
)

FACTOR = 1.5
# torch computes these from copies or parts of what minigrad computes them from, and does not notice
# that the operand (by its number) was written to.
OPERANDS = {
    "copysign": {1},
    "cross_entropy": {0},
    "einsum": {1},
    "instance_norm": {1},
    "kron": {0, 1},
    "l1_loss": {0, 1},
    "ldexp": {0},
    "linalg_matrix_norm": {0},
    "linalg_qr": {0},
    "linalg_svd": {0},
    "linalg_svdvals": {0},
    "matmul": {0, 1},
    "mse_loss": {0, 1},
    "qr": {0},
    "scaled_dot_product_attention": {1},
    "svd": {0},
}
# Recurrent layers are computed anew, biases too, for gradients of gradients.
BIASES = {4, 5, 8, 9, 12, 13, 16, 17}
for _kind in ("rnn_tanh", "rnn_relu", "gru", "rnn_tanh_cell", "rnn_relu_cell", "gru_cell"):
    OPERANDS[_kind] = BIASES
OPERANDS["lstm"] = OPERANDS["lstm_cell"] = {number + 1 for number in BIASES}
RESULTS = {
    "erfinv": {0},  # its gradient is computed from it
    "lstm": {0},  # as by torch's in float32
    "unsafe_split": {0, 1, 2},  # views here
}
OVERLAPPING = {
    "as_strided",
    "tensor_split",
    "unfold",
}  # elements of the result lie at the same place
DIFFERENTIABLE = [(r.name, k) for r, k in sampled() if has_gradients(r)]


def swapped(value: Any, old: list[Any], new: list[Any]) -> Any:
    """A nest of arguments with tensors put in for others."""
    if isinstance(value, Call):
        args = [swapped(a, old, new) for a in value.args]
        return Call(tuple(args), {k: swapped(v, old, new) for k, v in value.kwargs.items()})
    if type(value) in (list, tuple):
        return type(value)(swapped(v, old, new) for v in value)
    return next((n for o, n in zip(old, new, strict=True) if o is value), value)


class Trial:
    """A sample call of one side, of operands that may be written to."""

    def __init__(self, name: str, index: int, make: Any) -> None:
        record = REGISTRY[name]
        domains = domains_of(record, record.samples_or_default()[index])
        call, inputs = tensors_of(drawn(record, index, "float64", "contiguous"), make)
        self.library: Any = torch if make is theirs else minigrad
        self.leaves = [t.requires_grad_() for t in leaves_of(inputs, domains)]
        self.operands = [t * 1 for t in self.leaves]
        call = swapped(call, self.leaves, self.operands)
        function = oracle(record) if make is theirs else record.function
        found = outputs(result_of(record, function, call, domains))
        self.results = [o for o in found if getattr(o, "requires_grad", False)]

    def gradients(self, factors: dict[int, float]) -> list[Any]:
        """Of the sum of all results, some of them multiplied."""
        sums = [(o.real if o.is_complex() else o).sum() for o in self.results]
        sums = [s * factors.get(k, 1.0) for k, s in enumerate(sums)]
        found = self.library.autograd.grad(sums, self.leaves, allow_unused=True)
        return [None if g is None else to_numpy(g) for g in found]

    def written(self, of: str, number: int) -> list[Any] | None:
        """The gradients after a write; None if the write or the sweep was refused."""
        try:
            if of == "operands":
                with self.library.no_grad():
                    self.operands[number].mul_(FACTOR)
            else:
                self.results[number].mul_(FACTOR)
            return self.gradients({})
        except RuntimeError:
            return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "index"), DIFFERENTIABLE)
def test_a_write_is_noticed_or_does_no_harm(name: str, index: int) -> None:
    start = Trial(name, index, ours)
    for of, tensors in (("operands", start.operands), ("results", start.results)):
        for number in range(len(tensors)):
            found = Trial(name, index, ours).written(of, number)
            if found is None:
                other = Trial(name, index, theirs)
                refused = other.written(of, number) is None
                known = number in {"operands": OPERANDS, "results": RESULTS}[of].get(name, ())
                assert refused or known, f"writing to {of}[{number}] is refused here alone"
            elif of == "operands" or name not in OVERLAPPING:
                factors = {number: FACTOR} if of == "results" else {}
                want = Trial(name, index, ours).gradients(factors)
                for one, other in zip(found, want, strict=True):
                    assert (one is None) == (other is None)
                    if one is not None:
                        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
