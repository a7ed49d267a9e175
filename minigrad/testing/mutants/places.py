"""Right numbers in wrong places: axes exchanged, orders reversed, masks and windows forgotten."""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad.autograd.record import T, call, reals
from minigrad.testing.mutants.spoiling import Mutant, entered

__all__ = ["FOUND"]

F = torch.nn.functional
_IMAGE = (call(T(1, 2, 4, 4), T(2, 2, 3, 3), T(2), padding=1),)
_AWAY = reals(-3, 3, avoid=[-1, 0, 1])


def joined(x: Any, y: Any) -> Any:
    """One after the other."""
    return torch.cat([x, y])


def padded(x: Any) -> Any:
    """Two places in front, one behind."""
    return F.pad(x, (2, 1))


def recurrence(x: Any, w: Any) -> Any:
    """h = tanh(w h + x_t), all states."""
    h, states = torch.zeros_like(x[0]), []
    for step in x:
        h = (w * h + step).tanh()
        states.append(h)
    return torch.stack(states)


def _cut_between_steps(s: Any) -> Any:
    with torch.enable_grad():
        x, w = (t.detach().requires_grad_() for t in s.inputs)
        h, states = torch.zeros_like(x[0]), []
        for step in x:
            h = (w * h.detach() + step).tanh()
            states.append(h)
        return torch.autograd.grad(torch.stack(states), (x, w), s.g)


def _next_element(s: Any) -> Any:
    return [s.gradients[0].roll(1, -1)]


def _border_lost(s: Any) -> Any:
    inner = torch.zeros_like(s.x)
    inner[..., 1:-1, 1:-1] = 1
    return [s.gradients[0] * inner, *s.gradients[1:]]


def _full_windows(s: Any) -> Any:
    with torch.enable_grad():
        x = s.x.detach().requires_grad_()
        out = F.avg_pool2d(x, 2, padding=1, count_include_pad=True)
        return [torch.autograd.grad(out, x, s.g)[0]]


def border_average(x: Any) -> Any:
    """Means of windows, of what lies inside the image only."""
    return F.avg_pool2d(x, 2, padding=1, count_include_pad=False)


FOUND = [
    Mutant(
        "transpose_by_reshape",
        "reshape() to the right shape, in the wrong order.",
        ("transposed",),
        entered("t", lambda s: s.g.reshape(s.x.shape), call(T(2, 3)), varied=False),
    ),
    Mutant(
        "permute_forward_again",
        "The gradient of permute() needs the inverse permutation; the same one fits by chance.",
        ("transposed",),
        entered(
            "permute", lambda s: s.g.permute(1, 2, 0), call(T(2, 2, 2), (1, 2, 0)), varied=False
        ),
    ),
    Mutant(
        "linear_weight_transposed",
        "x^T g for g^T x: a square layer does not complain.",
        ("transposed",),
        entered("linear", lambda s: [s.gradients[0], s.gradients[1].T], call(T(4, 3), T(3, 3))),
    ),
    Mutant(
        "flip_not_flipped_back",
        "The gradient of flip() passed on as it is.",
        ("reversed",),
        entered("flip", lambda s: s.g, call(T(2, 3), (1,)), varied=False),
    ),
    Mutant(
        "conv_weight_flipped",
        "Convolution and cross-correlation confused: the kernel's gradient comes out turned.",
        ("reversed",),
        entered(
            "conv2d",
            lambda s: [s.gradients[0], s.gradients[1].flip(-1, -2), s.gradients[2]],
            *_IMAGE,
            varied=False,
        ),
    ),
    Mutant(
        "roll_the_same_way",
        "roll() by 1 is undone by -1.",
        ("shifted", "transposed Jacobian"),
        entered("roll", lambda s: s.g.roll(1, 0), call(T(4), 1, 0), varied=False),
    ),
    Mutant(
        "cumsum_not_reversed",
        "The gradient of a running sum runs from the end.",
        ("transposed Jacobian",),
        entered("cumsum", lambda s: s.g.cumsum(0), call(T(4), 0), varied=False),
    ),
    Mutant(
        "pad_cropped_at_the_wrong_end",
        "The widths of pad() taken in the opposite order.",
        ("shifted",),
        entered(padded, lambda s: s.g[..., 1:-2], call(T(2, 4))),
    ),
    Mutant(
        "cat_hands_out_in_reverse",
        "The pieces of a concatenation given back in the wrong order.",
        ("swapped arguments",),
        entered(joined, lambda s: s.gradients[::-1], call(T(3), T(3))),
    ),
    Mutant(
        "max_pool_one_place_off",
        "The index of the maximum counted from the window, and used from the image.",
        ("wrong elements", "shifted"),
        entered("max_pool1d", _next_element, call(T(1, 1, 6), 2), varied=False),
    ),
    Mutant(
        "conv_border_lost",
        "The gradient of a padded convolution cropped too far.",
        ("lost elements",),
        entered("conv2d", _border_lost, *_IMAGE, varied=False),
    ),
    Mutant(
        "average_pool_full_windows",
        "Windows at the border divided by their size with padding, in backward only.",
        ("wrong factor",),
        entered(border_average, _full_windows, call(T(1, 1, 3, 3))),
    ),
    Mutant(
        "relu_without_its_mask",
        "The gradient passes where the unit is off.",
        ("mask forgotten",),
        entered("relu", lambda s: s.g, call(T(5)), domain=_AWAY),
    ),
    Mutant(
        "clamp_with_one_bound",
        "The mask looks at the lower bound only.",
        ("mask forgotten",),
        entered("clamp", lambda s: s.g * (s.x > -1), call(T(6), -1, 1), domain=_AWAY, varied=False),
    ),
    Mutant(
        "where_with_one_mask",
        "Both branches of where() get the mask of the first.",
        ("swapped arguments", "transposed Jacobian", "mask forgotten"),
        entered(
            lambda x, y: torch.where(torch.tensor([True, False, True, True]), x, y),
            lambda s: [s.gradients[0], s.gradients[0]],
            call(T(4), T(4)),
        ),
    ),
    Mutant(
        "recurrence_cut_between_steps",
        "The state detached after each step: the gradient knows no past (truncated by accident).",
        ("lost elements", "off-diagonal terms missing"),
        entered(recurrence, _cut_between_steps, call(T(3, 2), T(2))),
    ),
]
