"""Wrong calls: arguments of a wrong kind, and what torch refuses; torch's type of error.

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
    ("searchsorted", 0, 1.5): "a number has no places, and that is said first",
    ("as_strided", 1, "[1.5]"): "sizes are cut to whole numbers",
    ("as_strided", 2, "[1.5]"): "the same",
}
# Refused by both, but here as a wrong value: what is counted is noticed before what it is.
AS_VALUE = ("as_strided_", "histogramdd", "ctc_loss", "general_hamming", "unflatten", "scalar_t")
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
    is_lambda = isinstance(info.op, types.LambdaType) and info.op.__name__ == "<lambda>"
    if own is None or sample is None or is_lambda:
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


HERE: dict[str, Any] = {
    "x": [[0.1, -0.7], [1.2, 0.3]],
    "i": [0, 1, 1],
    "y": [1.0, -1.0],
    "p": [[0.1, 0.7], [0.2, 0.9]],
}


def run(library: Any, program: str) -> Any:
    """An expression over a few small tensors, of either library."""
    library.manual_seed(0)
    made = {name: library.tensor(values) for name, values in HERE.items()}
    return eval(program, {"torch": library, "F": library.nn.functional, **made})


@pytest.mark.parametrize(
    "program",
    [
        "torch.addmm(x, 2., x)",
        "torch.outer(x, x)",
        "torch.flip(x, [1], 0)",
        "x.sum(keepdim=True)",
        "x.mean(keepdim=True)",
        "x.prod(None)",
        "x.prod(keepdim=True)",
        "x.max(None)",
        "x.median(None)",
        "x.squeeze(None)",
        "x.logsumexp(None)",
        "x.cumsum(None)",
        "x.unsqueeze(None)",
        "torch.cat([x, x], None)",
        "torch.arange(1, None)",
        "torch.arange(None)",
        "torch.full((2,), None)",
        "torch.ones(2, requires_grad=1)",
        "torch.tensor([1, 'a'])",
        "torch.dropout(x, 0.5)",
        "torch.dropout(x, 1.5, True)",
        "torch.kl_div(x, x, 'mean')",
        "torch.poisson_nll_loss(x, x)",
        "F.binary_cross_entropy(i, i)",
        "F.binary_cross_entropy_with_logits(x, i[:2].expand(2, 2))",
        "F.binary_cross_entropy_with_logits(x, p > 0.5)",
        "F.binary_cross_entropy_with_logits(i, i.float())",
        "F.soft_margin_loss(x.long(), p)",
        "F.soft_margin_loss(x[0, 0], p)",
        "F.huber_loss(x.long(), p)",
        "F.l1_loss(x, p > 0.5)",
        "F.batch_norm(x, None, y)",
        "x.index_select(0, torch.tensor([5]))",
        "x.index_select(1, torch.tensor([5]))",
        "x.index_select(1, torch.tensor([-1]))",
        "torch.ones(2, 2, 2).index_select(2, torch.tensor([5]))",
        "F.conv2d(x[None, None], x[None, None], padding=[0.5])",
        "torch.dist(x, 1.0)",
        "torch.addmm(x, x, x, beta=[2.0])",
        "torch.linalg.vector_norm(x, 'fro')",
    ],
)
@both_raise
def test_what_torch_refuses(torch: Any, program: str) -> Any:
    return run(torch, program)


@pytest.mark.parametrize(
    "program",
    [
        "x.sum(None, True), x.mean(None, keepdim=True), x.sum(()), x.max()",
        "torch.arange(end=3), torch.arange(2), torch.squeeze(x)",
        "torch.dropout(x, p=0.5, train=True), torch.dropout(input=x, p=0.5, train=False)",
        "torch.alpha_dropout(x, 0.3, True), torch.feature_alpha_dropout(x, 0.3, True)",
        "torch.dropout_(x.clone(), 0.5, True), torch.alpha_dropout_(x.clone(), 0.5, True)",
        "torch.detach_(x.clone())",
        "torch.cosine_embedding_loss(x, x + 1, y, 0.1, 1), torch.cosine_embedding_loss(x, x, y)",
        "torch.margin_ranking_loss(y, y * 2, y, 0.5, 1), torch.margin_ranking_loss(y, y, y)",
        "torch.hinge_embedding_loss(y, y, 1.0, 2), torch.hinge_embedding_loss(y, y)",
        "torch.kl_div(x, p), torch.kl_div(x, p, 1), torch.kl_div(x, x, 2, log_target=True)",
        "torch.poisson_nll_loss(x, p, True, True, 1e-8, 0)",
        "torch.triplet_margin_loss(x, x + 1, x * 2, 1.0, 2, 1e-6, True, 0)",
        "torch.binary_cross_entropy_with_logits(x, p, None, y + 1, 1)",
        "torch.ctc_loss(x[:, None], torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]))",
        "torch.embedding_bag(x, i, torch.tensor([0, 2]))",
        "torch.embedding_bag(x, i, torch.tensor([0, 2]), mode=1)",
        "torch.embedding_bag(x, i, torch.tensor([0, 2]), False, 2, False)",
        "torch.embedding_bag(x, i, torch.tensor([0, 2]), False, 1, False, None, False, 0)",
        "torch.embedding_bag(x, i, torch.tensor([0, 3]), False, 0, False, None, True)",
        "F.binary_cross_entropy(p, p, weight=p.double())",
        "F.binary_cross_entropy_with_logits(x.double(), p)",
        "F.binary_cross_entropy_with_logits(x, p.double())",
        "F.binary_cross_entropy_with_logits(x, p, weight=p.double(), pos_weight=p.half())",
        "F.soft_margin_loss(x, p.double(), reduction='none'), F.soft_margin_loss(x, p > 0.5)",
        "F.huber_loss(x, p.double()), F.huber_loss(x.double(), p), F.huber_loss(x, p.long())",
        "F.smooth_l1_loss(x, p.double()), F.smooth_l1_loss(x, p.long())",
    ],
)
@same_as_torch
def test_old_forms_and_mixed_dtypes(torch: Any, program: str) -> Any:
    return run(torch, program)


# Functions that write to `out=` of a wider dtype, and functions that want exactly the result's.
CASTS = ["x + x", "x.exp()", "x.mean(0)", "x.cumsum(0)", "torch.cat([x, x])", "x.std(0)"]
EXACT = ["x.argmax(0)", "x.amax(0)", "x.sort(0)", "x.topk(1)", "x.neg()", "x.tril()", "x @ x"]
EXACT += ["x.softmax(0)", "x.nonzero()", "x.median(0)", "torch.linalg.inv(x)", "x.cummax(0)"]


@pytest.mark.parametrize("program", CASTS + EXACT)
def test_out_of_a_wider_dtype(program: str) -> None:
    wider = {"float32": "float64", "int64": "int32"}

    def write(library: Any) -> Any:
        tree = program if program.startswith("torch") else as_function(program)
        results = run(library, tree)
        several = isinstance(results, tuple)
        blank = [
            library.empty(r.shape, dtype=getattr(library, wider[str(r.dtype)[6:]]))
            for r in (results if several else (results,))
        ]
        scope = {"out": tuple(blank) if several else blank[0]}
        made = {name: library.tensor(values) for name, values in HERE.items()}
        return eval(f"{tree[:-1]}, out=out)", {"torch": library, **made, **scope})

    want = attempt(lambda: write(torch))
    assert want == ("no error" if program in CASTS else "RuntimeError")
    assert attempt(lambda: write(minigrad)) == want


def as_function(program: str) -> str:
    """``x.exp()`` as ``torch.exp(x)``, and likewise the operators."""
    for sign, name in ((" + ", "add"), (" @ ", "matmul")):
        if sign in program:
            return f"torch.{name}({', '.join(program.split(sign))})"
    left, _, rest = program.partition(".")
    name, _, inside = rest.partition("(")
    return f"torch.{name}({', '.join(filter(None, (left, inside[:-1])))})"


def test_grad_of_what_is_no_leaf_warns() -> None:
    said = []
    for library in (torch, minigrad):
        leaf = library.ones(2, requires_grad=True)
        kept, other = leaf * 2, leaf * 3
        kept.retain_grad()
        (kept + other).sum().backward()
        assert leaf.grad is not None and kept.grad is not None
        with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed") as caught:
            assert other.grad is None
        assert other.detach().grad is None
        said.append(str(caught[0].message).split(" (Triggered")[0])
    assert said[0] == said[1]
    assert caught[0].filename == __file__  # minigrad's; torch's is its own where it has a mode
