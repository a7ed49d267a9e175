"""More wrong gradients that no rule was written for, in ops that the zoo does not hold.

The truths were written down before the first run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minigrad as torch
from minigrad.autograd.record import Call, Record, T, call, reals
from minigrad.testing.mutants.spoiling import Mutant
from parity_tests.testing.unseen_faults import fixed

F, f64 = torch.nn.functional, torch.float64
Truth = tuple[str, ...]
LABELS = torch.tensor([1, 0, 2, 1])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0], dtype=f64)
SHARES = torch.tensor([0.2, 0.5, 0.3], dtype=f64)
OTHER = torch.tensor([[1.0, 2.0, -1.0], [0.5, 1.0, 3.0]], dtype=f64)
BAG = torch.tensor([0, 2, 0, 1]), torch.tensor([0, 2])
LOWER = torch.ones(3, 3).triu(1).bool()


def of(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """The gradients of another function, as those of a mutant."""

    def wrong(s: Any) -> Any:
        with torch.enable_grad():
            copies = [t.detach().requires_grad_() for t in s.inputs]
            return torch.autograd.grad(function(*copies), copies, s.g)

    return wrong


def put(s: Any, places: Any) -> Any:
    """The cotangent at places of an input full of zeros."""
    found = torch.zeros_like(s.x)
    found[places] = s.g
    return [found]


def fault(
    truth: str | Truth, function: Any, wrong: Any, *shapes: Any, **options: Any
) -> tuple[Truth, Record]:
    """A function of tensors of some shapes, with a wrong gradient."""
    sample: Call = call(*[T(*shape) for shape in shapes])
    return (truth,) if isinstance(truth, str) else truth, fixed(function, wrong, sample, **options)


def _undilated(s: Any) -> Any:
    dense = F.conv_transpose2d(s.g, s.inputs[1])
    rows, columns = (a - b for a, b in zip(s.x.shape[2:], dense.shape[2:], strict=True))
    return [F.pad(dense, (0, columns, 0, rows)), s.gradients[1]]


def _last_window(s: Any) -> Any:
    found = torch.zeros_like(s.x)
    for start, g in enumerate(s.g):
        found[start : start + 3] = g
    return [found]


def _without_variance(s: Any) -> Any:
    x, g = (t.reshape(len(t), 2, -1) for t in (s.x, s.g))
    scale = (x.var(-1, correction=0, keepdim=True) + 1e-5).rsqrt()
    return [(scale * (g - g.mean(-1, keepdim=True))).reshape(s.x.shape)]


def _scaled(s: Any) -> Any:
    return [s.g * (s.x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()]


def _other_axis(s: Any) -> Any:
    return [s.out * (s.g - (s.g * s.out).sum(0, keepdim=True))]


def _upside_down(s: Any) -> Any:
    _, _, h, w = s.x.shape
    whole = s.g.reshape(1, 1, h, 2, w, 2).permute(0, 1, 3, 5, 2, 4)
    return [whole.flip(2).reshape(s.x.shape)]


def _lengths(x: Any) -> Any:
    return x.norm(dim=1, keepdim=True)


LOST = ("lost elements", "missing unbroadcast", "second use overwritten, not added")
WRONG_PLACE = ("wrong elements", "shifted", "reversed", "transposed Jacobian")
AXIS, NORM = "summed over the wrong axis", "path through the norm missing"
TAKEN = reals(-4, 4, avoid=[-2, -1, 0, 1, 2])

FAULTS = {
    # Sums and places.
    "a strided convolution's cotangent is not spread": fault(
        WRONG_PLACE, lambda x, w: F.conv2d(x, w, stride=2), _undilated, (1, 1, 5, 5), (1, 1, 3, 3)
    ),
    "the weight of a batched product from its first matrix": fault(
        LOST, lambda x, w: x @ w, lambda s: [s.gradients[0], s.x[0].T @ s.g[0]], (3, 2, 2), (2, 2)
    ),
    "the bias of a layer from the first row": fault(
        LOST, F.linear, lambda s: [*s.gradients[:2], s.g[0]], (3, 2), (2, 2), (2,)
    ),
    "windows of unfold overwrite each other": fault(
        "second use overwritten, not added", lambda x: x.unfold(0, 3, 1), _last_window, (5,)
    ),
    "scatter_add's source is not gathered": fault(
        WRONG_PLACE,
        lambda x: torch.zeros(5, dtype=f64).scatter_add(0, torch.tensor([3, 0, 3, 1]), x),
        lambda s: [s.g[:4]],
        (4,),
    ),
    "max gives to the first": fault(
        WRONG_PLACE, lambda x: x.max(1).values, lambda s: put(s, (slice(None), 0)), (3, 4)
    ),
    "an embedding one row off": fault(
        WRONG_PLACE,
        lambda x: F.embedding(torch.tensor([0, 1]), x),
        lambda s: put(s, slice(1, 3)),
        (3, 2),
    ),
    "a descending sort is put back as an ascending one": fault(
        WRONG_PLACE,
        lambda x: x.sort(descending=True).values,
        lambda s: put(s, s.x.sort().indices),
        (5,),
    ),
    "repeat_interleave is folded as repeat": fault(
        WRONG_PLACE,
        lambda x: x.repeat_interleave(2),
        lambda s: [s.g.reshape(2, -1).sum(0)],
        (3,),
    ),
    "the halves of glu are exchanged": fault(
        WRONG_PLACE, lambda x: F.glu(x, 0), lambda s: [s.gradients[0].roll(2, 0)], (4,)
    ),
    "pixel_shuffle is put back upside down": fault(
        WRONG_PLACE, lambda x: F.pixel_shuffle(x, 2), _upside_down, (1, 4, 2, 2)
    ),
    "the inverse of det is not transposed": fault(
        "transposed", torch.linalg.det, lambda s: [s.g * s.out * torch.linalg.inv(s.x)], (3, 3)
    ),
    "the mean of rows is handed to columns": fault(
        "transposed", lambda x: x.mean(1), lambda s: [(s.g / 3).expand(3, 3)], (3, 3)
    ),
    "softmax sums along the other axis": fault(
        AXIS, lambda x: x.softmax(-1), _other_axis, (3, 3)
    ),
    "log_softmax sums over everything": fault(
        AXIS, lambda x: x.log_softmax(0), lambda s: [s.g - s.out.exp() * s.g.sum()], (3, 2)
    ),
    "log_softmax without its sum": fault(
        "off-diagonal terms missing",
        lambda x: x.log_softmax(-1),
        lambda s: [s.g - s.out.exp() * s.g],
        (2, 3),
    ),
    "a maximum shared like a mean": fault(
        ("wrong weights", "mask forgotten"),
        lambda x: F.max_pool2d(x, 2),
        lambda s: [F.interpolate(s.g, scale_factor=2) / 4],
        (1, 1, 4, 4),
    ),
    "corners aligned in backward only": fault(
        ("wrong weights", "wrong elements"),
        lambda x: F.interpolate(x, size=5, mode="linear"),
        of(lambda x: F.interpolate(x, size=5, mode="linear", align_corners=True)),
        (1, 1, 3),
    ),
    "a causal mask forgotten": fault(
        "mask forgotten", lambda x: x.masked_fill(LOWER, 0.0), lambda s: [s.g], (3, 3)
    ),
    # Normalisations.
    "the root of rms_norm is taken for a constant": fault(
        NORM,
        lambda x: x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt(),
        _scaled,
        (2, 4),
    ),
    "the norm of a cosine is taken for a constant": fault(
        NORM,
        lambda x: F.cosine_similarity(x, OTHER),
        lambda s: [s.g.unsqueeze(1) * OTHER / (_lengths(s.x) * _lengths(OTHER))],
        (2, 3),
    ),
    "group_norm without its variance": fault(
        "path through the variance missing",
        lambda x: F.group_norm(x, 2),
        _without_variance,
        (1, 4, 2),
    ),
    "rows divided by the norm of all": fault(
        "wrong factor",
        lambda x: torch.linalg.vector_norm(x, dim=1),
        lambda s: [s.g.unsqueeze(1) * s.x / s.x.norm()],
        (3, 2),
    ),
    # Factors and terms.
    "variance along an axis divides by all": fault(
        "constant factor 2/5", lambda x: x.var(1), lambda s: [s.gradients[0] * 2 / 5], (2, 3)
    ),
    "a mean over bags as a sum": fault(
        "constant factor 2",
        lambda x: F.embedding_bag(BAG[0], x, BAG[1], mode="mean"),
        of(lambda x: F.embedding_bag(BAG[0], x, BAG[1], mode="sum")),
        (3, 2),
    ),
    "addmm forgets alpha": fault(
        "constant factor 2",
        lambda b, x, y: torch.addmm(b, x, y, alpha=0.5),
        lambda s: [s.gradients[0], *(2 * g for g in s.gradients[1:])],
        (2, 2), (2, 3), (3, 2),
    ),
    "smooth_l1 forgets beta": fault(
        "wrong factor",
        lambda x: F.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=2.0),
        lambda s: [s.g * s.x.clamp(-1, 1)],
        (6,),
        domain=TAKEN,
    ),
    "elu forgets alpha": fault(
        "wrong factor",
        lambda x: F.elu(x, 2.0),
        lambda s: [s.g * torch.where(s.x > 0, 1.0, s.x.exp())],
        (6,),
        domain=TAKEN,
    ),
    "a loss forgets the weights of classes": fault(
        "wrong factor",
        lambda x: F.nll_loss(x, LABELS, WEIGHTS, reduction="sum"),
        of(lambda x: F.nll_loss(x, LABELS, reduction="sum")),
        (4, 3),
    ),
    "kl_div forgets its target": fault(
        "wrong factor",
        lambda x: F.kl_div(x, SHARES, reduction="sum"),
        lambda s: [-s.g.expand(3)],
        (3,),
    ),
    "cross_entropy forgets the smoothing of labels": fault(
        "missing term",
        lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.2),
        of(lambda x: F.cross_entropy(x, LABELS)),
        (4, 3),
    ),
    "weight decay in the wrong place": fault(
        "missing term", lambda x: x.sin(), lambda s: [s.g * (s.x.cos() + 0.01 * s.x)], (5,)
    ),
    "one of two terms of a gate": fault(
        "missing term",
        lambda h, z, n: (1 - z) * n + z * h,
        lambda s: [s.gradients[0], s.g * s.x, s.gradients[2]],
        (4,), (4,), (4,),
    ),
}  # fmt: skip


def mutants() -> list[Mutant]:
    """As the zoo's, so that the same check runs over them."""
    return [Mutant(name, name, *found) for name, found in FAULTS.items()]
