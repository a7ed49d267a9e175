"""Errors begin with torch's words, and nodes have torch's names."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from parity_tests.sidebyside import both_agree, raised

WRONG = """
torch.zeros(2, 3).__setitem__(0, torch.arange(4.0))
torch.zeros(2, 3).__setitem__((0, 0), torch.zeros(2))
torch.zeros(2, 3).__setitem__([0, 1], torch.zeros(4))
torch.zeros(3).__setitem__(torch.tensor([True, False, True]), torch.zeros(3))
torch.zeros(3, 4)[[0, 1], [0, 1, 2]]
torch.zeros(2, 3, 4)[torch.ones(2, 4).bool()]
torch.zeros(3)[0:1:0]
torch.zeros(3).__setitem__(0, np.zeros(1))
torch.where(torch.ones(6) > 0, torch.ones(6), torch.ones(2))
torch.ones(2).long() @ torch.ones(2)
torch.isclose(torch.ones(2), torch.ones(2).double())
torch.lerp(torch.ones(2), torch.ones(2).long(), 0.5)
torch.broadcast_shapes((2, 1), (3,), (4,))
torch.einsum("ijk", torch.ones(2, 2))
torch.device("gpu")
torch.device("float64")
torch.rand(2, dtype=torch.long)
torch.randn(2, dtype=torch.long)
torch.bernoulli(torch.tensor([1, 0]))
torch.bernoulli(torch.tensor([2.0]))
torch.normal(torch.zeros(2), -1.0)
torch.randperm(-1)
torch.set_default_dtype("float")
torch.trace(torch.ones(2))
torch.var(torch.ones(2).long())
torch.norm(torch.ones(2).long())
torch.ones(2).bincount()
torch.ones(2).topk(3)
torch.ones(2).index_select(0, torch.tensor([5]))
torch.ones(2).masked_fill(torch.ones(2), 1)
F.softmax(torch.ones(2, 3).long(), 0)
F.log_softmax(torch.ones(2, 3).long(), 1)
F.cross_entropy(torch.ones(2, 3).long(), torch.tensor([0, 1]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([[0, 1]]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0.0, 1.0]))
F.mse_loss(torch.ones(2).long(), torch.ones(2).long())
F.binary_cross_entropy(torch.ones(2), torch.ones(2).long())
F.interpolate(torch.ones(1, 1, 2, 2), size=3, mode="linear")
F.interpolate(torch.ones(1, 1, 2, 2), size=3, mode="x")
F.pad(torch.ones(1, 1, 2, 2), (3, 3, 0, 0), "reflect")
F.pad(torch.ones(1, 1, 2, 2), (0, 0, 3, 3), "reflect")
F.unfold(torch.ones(1, 1, 2, 2), 3)
F.conv_transpose2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), output_padding=1)
F.rms_norm(torch.ones(2, 3), (2,))
F.scaled_dot_product_attention(torch.ones(3), torch.ones(3), torch.ones(3))
setattr(torch.ones(2, requires_grad=True), "grad", 1)
setattr(torch.ones(2, requires_grad=True), "grad", torch.ones(2).double())
"""


@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_an_error_begins_with_torchs_words(line: str) -> None:
    import numpy as np
    import torch as oracle

    def said(package: Any) -> str:
        names = {"torch": package, "F": package.nn.functional, "np": np}
        return raised(lambda: eval(line, names))

    mine, theirs = said(minigrad), said(oracle).split(".  (Could")[0].rstrip(".")
    assert theirs != "no error"
    shared = theirs.split(". You can set")[0]  # torch goes on about a setting of its own
    assert mine.startswith(shared), f"{mine!r} is not {shared!r}"


NODES = """
torch.einsum("ij,jk->ik", x, x)
torch.einsum("ij,jk->ki", x, x)
torch.einsum("bqd,bkd->bqk", x[None], x[None])
torch.einsum("ii->i", x)
torch.einsum("ij->ij", x)
torch.einsum("i,j->ij", x[0], x[1])
x.rot90()
x.repeat_interleave(2)
x.dist(x * 2)
x.renorm(2, 0, 1)
x.clamp_min(0)
x.clamp_max(0)
x.kron(x)
torch.cartesian_prod(x[0], x[1])
x // 2
F.linear(x[0], x)
F.pairwise_distance(x, x)
F.instance_norm(x[None])
F.rrelu(x)
F.cross_entropy(x, torch.ones(2, 2) / 2)
F.soft_margin_loss(x, torch.ones(2, 2))
written(lambda y: y.__setitem__(y > 0, 1.0))
written(lambda y: y.__setitem__([0], 1.0))
written(lambda y: y.__setitem__(0, 1.0))
written(lambda y: y.copy_(x))
"""


@both_agree
def test_a_node_is_named_as_torchs(torch: Any) -> Any:
    def written(write: Any) -> Any:
        y = x * 1
        write(y)
        return y

    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    names = {"torch": torch, "F": torch.nn.functional, "x": x, "written": written}
    made = {line: eval(line, names) for line in NODES.strip().splitlines()}
    return {
        line: [y.grad_fn.name(), str(y).split("grad_fn=")[1] if "::" in y.grad_fn.name() else ""]
        for line, y in made.items()
    }


@both_agree
def test_sizes_one_by_one(torch: Any) -> Any:
    x = torch.ones(3)
    return x.broadcast_to(2, 3), x.broadcast_to((2, 3)), x.broadcast_to(size=(1, 3))


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # torch's own
@both_agree
def test_forward_mode_jacobians_of_several_come_in_lists(torch: Any) -> Any:
    both = (torch.ones(2), torch.ones(2))
    options = {"vectorize": True, "strategy": "forward-mode"}
    return torch.autograd.functional.jacobian(lambda x, y: (x * y, x + y), both, **options)


@both_agree
def test_a_tensor_and_its_views_have_one_storage(torch: Any) -> Any:
    points = torch.tensor([[4.0, 1.0], [5.0, 3.0], [2.0, 1.0]])
    shared = points.untyped_storage() is points.t()[1:].untyped_storage()
    return shared, points.clone().untyped_storage() is points.untyped_storage()
