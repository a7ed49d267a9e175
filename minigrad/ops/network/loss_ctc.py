"""Connectionist temporal classification: the chance of a text, whatever its alignment."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import log_probabilities
from minigrad.autograd.registry import Domain, T, call, function, integers, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_of
from minigrad.dtypes import of_numpy
from minigrad.errors import ShapeError
from minigrad.ops.network.loss_reduction import legacy, reduced_tensor


class Texts:
    """The targets of a batch with a blank before, between and after their labels.

    ``labels`` is (N, S) with S = 2 L + 1, ``skips`` says at which places a path may come from two
    places back: at a label that differs from the label before.
    """

    def __init__(self, xp: Any, padded: Array, times: Array, lengths: Array, blank: int) -> None:
        n, most = padded.shape
        self.labels = xp.full((n, 2 * most + 1), blank, dtype=xp.int64)
        self.labels[:, 1::2] = padded
        self.skips = xp.zeros(self.labels.shape, dtype=bool)
        self.skips[:, 3::2] = padded[:, 1:] != padded[:, :-1]
        self.times, self.lengths = times, lengths
        self.until = int(times.max()) if n else 0  # no text goes on after that

    def emitted(self, xp: Any, log_probs: Array) -> Array:
        """The log-probability of each place's label at each time: (T, N, S)."""
        _, n, classes = log_probs.shape
        where = self.labels + xp.arange(0, n * classes, classes)[:, None]
        said = log_probs[: self.until]
        return said.reshape(self.until, n * classes).take(where, axis=1)

    def ends(self, xp: Any) -> Array:
        """True at the places where a path may end: the last label and the blank behind it."""
        behind = 2 * self.lengths[:, None] - xp.arange(self.labels.shape[1])
        return (behind == 0) | (behind == 1)


def _back(xp: Any, a: Array, skips: Array) -> Array:
    """The log-chances of going on from a place to it, its neighbour, or the one beyond."""
    near, far = xp.full_like(a, -math.inf), xp.full_like(a, -math.inf)
    near[:, :-1], far[:, :-2] = a[:, 1:], xp.where(skips[:, 2:], a[:, 2:], -math.inf)
    return xp.logaddexp(xp.logaddexp(a, near), far)


def _forward_chances(xp: Any, emitted: Array, texts: Texts) -> Array:
    """The log-chance of all paths that reach a place at a time, that place's label included."""
    times, n, places = emitted.shape
    room = xp.full((times, n, places + 2), -math.inf, emitted.dtype)  # and two places before
    alpha = room[:, :, 2:]
    if not times:
        return alpha
    alpha[0, :, :2] = emitted[0, :, :2]
    barrier = xp.where(texts.skips, emitted.dtype.type(0), emitted.dtype.type(-math.inf))
    for before, now, said in zip(room, alpha[1:], emitted[1:], strict=False):
        near = xp.logaddexp(before[:, 2:], before[:, 1:-1])
        xp.logaddexp(near, before[:, :-2] + barrier, out=near)
        xp.add(near, said, out=now)
    return alpha


def _backward_chances(xp: Any, emitted: Array, texts: Texts) -> Array:
    """The log-chance of all paths from a place and a time to the end, its label included."""
    beta, ends = xp.full_like(emitted, -math.inf), texts.ends(xp)
    for t in range(len(beta) - 1, -1, -1):
        last = (texts.times == t + 1)[:, None]
        onwards = xp.where(ends & last, 0, -math.inf).astype(emitted.dtype)
        if t + 1 < len(beta):
            onwards = xp.where(last, onwards, _back(xp, beta[t + 1], texts.skips))
        beta[t] = onwards + emitted[t]
    return beta


@register("ctc", internal=True)
class Ctc(Op):
    """Minus the log-chance of each text.   The gradient is that by scores under a log-softmax."""

    grad_fn = "CtcLossBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, texts: Texts, zero_infinity: bool) -> Array:
        """Sum over the places where paths may end, at each text's last time."""
        alpha = _forward_chances(xp, texts.emitted(xp, input), texts)
        n = xp.arange(len(texts.times))
        if len(alpha) and texts.times.all():
            last = alpha[texts.times - 1, n]
        else:
            last = xp.where(xp.arange(alpha.shape[2]) == 0, 0, -math.inf).astype(input.dtype)
            last = xp.broadcast_to(last, alpha.shape[1:])
            if len(alpha):
                reached = alpha[xp.maximum(texts.times - 1, 0), n]
                last = xp.where((texts.times > 0)[:, None], reached, last)
        last = xp.where(texts.ends(xp), last, -math.inf).astype(input.dtype)
        if xp is not np:  # CuPy's functions of two numbers do not fold
            return -functools.reduce(xp.logaddexp, xp.moveaxis(last, 1, 0))
        return -np.logaddexp.reduce(last, axis=1)

    @staticmethod
    def grad_input(g: Any, input: Any, out: Any, texts: Any, zero_infinity: bool, F: Any) -> Any:
        """Chances given less chances needed."""
        return F.ctc_gradient(input, out, texts, zero_infinity) * g.reshape((1, -1, 1))


@register("ctc_gradient", internal=True)
class CtcGradient(Op):
    """e^x - Σ e^(alpha + beta - x + loss) over a label's places, zero after a text's time."""

    @staticmethod
    def forward(xp: Any, input: Array, loss: Array, texts: Texts, zero_infinity: bool) -> Array:
        """The chance that a label is said at a time, given that the text is."""
        emitted = texts.emitted(xp, input)
        paths = _forward_chances(xp, emitted, texts) + _backward_chances(xp, emitted, texts)
        needed = xp.exp(paths - emitted + loss[:, None])
        gradient = xp.zeros_like(input)
        used = gradient[: texts.until]
        xp.exp(input[: texts.until], out=used)
        time, sample, place = xp.nonzero(needed)
        at = (time * input.shape[1] + sample) * input.shape[2] + texts.labels[sample, place]
        said = xp.bincount(at, weights=needed[time, sample, place], minlength=used.size)
        used -= said.reshape(used.shape).astype(input.dtype)
        over = xp.arange(texts.until)[:, None] >= texts.times
        if zero_infinity:
            over = over | (loss == math.inf)
        used[over] = 0
        return gradient

    @staticmethod
    def grad_input(g: Any) -> Any:
        """torch has none either."""
        raise RuntimeError("derivative for aten::_ctc_loss_backward is not implemented")


def _as_lengths(op_argument: str, lengths: Any, batch: int) -> list[int]:
    found = lengths.reshape(-1).tolist() if isinstance(lengths, TensorBase) else list(lengths)
    if len(found) != batch:
        raise ShapeError(f"{op_argument} must be of size batch_size ({batch}), got {len(found)}")
    return [int(n) for n in found]


def _texts(x: Any, targets: Any, times: list[int], lengths: list[int], blank: int) -> Texts:
    """The targets, padded or one after the other, checked and laid out beside the input."""
    backend, most = backend_of(x), max(lengths, default=0)
    xp, t = backend.xp, targets._array.astype("int64")
    for name, found, limit in (("input_lengths", times, x.shape[0]),):
        if any(n > limit for n in found):
            raise RuntimeError(
                f"Expected {name} to have value at most {limit}, but got value {max(found)} "
                "(while checking arguments for ctc_loss)"
            )
    if min([*times, *lengths], default=0) < 0:
        raise RuntimeError("ctc_loss: expected lengths that are not negative")
    if t.ndim == 1:
        if t.size != sum(lengths):
            raise RuntimeError(
                f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size "
                f"{t.size} for argument #2 'targets' (while checking arguments for ctc_loss)"
            )
        padded = xp.full((len(lengths), most), blank, dtype=xp.int64)
        start = 0
        for row, length in enumerate(lengths):
            padded[row, :length] = t[start : start + length]
            start += length
    else:
        if t.ndim != 2 or t.shape[0] != len(lengths) or t.shape[1] < most:
            raise RuntimeError(
                f"Expected tensor to have size at least {most} at dimension 1, but got size "
                f"{list(t.shape)} for argument #2 'targets' (while checking arguments for ctc_loss)"
            )
        padded = t[:, :most].copy()
        padded[xp.arange(most) >= xp.asarray(lengths)[:, None]] = blank
    return Texts(xp, padded, xp.asarray(times), xp.asarray(lengths), blank)


@function(
    where=("nn.functional",),
    torch="nn.functional.ctc_loss",
    # torch's gradient is that by scores before a log-softmax: the two agree where it is constant
    domain=(Domain(-3, -0.1, within=log_probabilities),),
    samples=(
        call(T(5, 2, 3), T(2, 2, domain=integers(1, 2)), (5, 4), (2, 1)),
        call(T(5, 2, 3), T(2, 3, domain=integers(1, 2)), (5, 4), (2, 3), reduction="none"),
        call(T(5, 3), T(2, domain=integers(0, 1)), (5,), (2,), blank=2, reduction="sum"),
    ),
    errors=(
        call(T(5, 2, 3), T(2, 2, domain=integers(1, 2)), (6, 4), (2, 1)),
        call(T(5, 2, 3), T(2, 2, domain=integers(1, 2)), (5,), (2,)),
        call(T(5, 2, 3), T(2, 2, domain=integers(1, 2)), (5, 5), (2, 2), blank=3),
    ),
    orders=1,
    varied=False,  # torch does not check that the labels are there
)
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Minus the log-chance that labels, one each time, are a text once repetitions and blanks go.

    Formula: l_n = -log Σ_paths Π_t p[t, n, path_t] over the paths that give the text n. ``mean``
    divides each by its text's length first; ``zero_infinity`` makes 0 of texts that no path gives.
    Gradient: gx = g (p - chance of the label at that time, given the text), as if x were scores
    under a log-softmax.

    Shape: (T, N, C) or (T, C), (N, S) or (sum of lengths), (N), (N) -> (), or (N).
    Raises: RuntimeError for lengths or labels that do not fit.
    Source: Graves and others, Connectionist temporal classification, 2006;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html

    >>> import minigrad as torch
    >>> even = torch.full((2, 1, 2), 0.5).log()
    >>> torch.nn.functional.ctc_loss(even, torch.tensor([[1]]), (2,), (1,))
    tensor(0.2877)
    """
    x = log_probs._array
    alone = x.ndim == 2
    if alone:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0) if targets._array.ndim == 1 else targets
    if x.dtype.char not in "fd":
        raise NotImplementedError(
            f'"ctc_loss" not implemented for {of_numpy(x.dtype)!r}; use log_probs.float()'
        )
    legacy("ctc_loss", None, None, reduction)
    shape = log_probs._array.shape
    if len(shape) != 3:
        raise ShapeError(f"ctc_loss: expected log_probs (T, N, C) or (T, C), got {list(x.shape)}")
    if not 0 <= blank < shape[2]:
        raise RuntimeError(f"blank must be in label range (ctc_loss: 0 to {shape[2] - 1})")
    times = _as_lengths("input_lengths", input_lengths, shape[1])
    lengths = _as_lengths("target_lengths", target_lengths, shape[1])
    texts = _texts(log_probs._array, targets, times, lengths, blank)
    if texts.labels.size and not 0 <= int(texts.labels.min()) <= int(texts.labels.max()) < shape[2]:
        raise RuntimeError(f"ctc_loss: expected labels from 0 to {shape[2] - 1} in targets")
    loss = tensors.ctc(log_probs, texts, zero_infinity)
    if zero_infinity:
        loss = loss.masked_fill(loss == math.inf, 0)
    if reduction == "mean":
        return (loss / loss.new_tensor([max(n, 1) for n in lengths])).mean()
    return reduced_tensor(loss.squeeze(0) if alone else loss, reduction)
