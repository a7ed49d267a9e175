"""Functions that torch's top level has in an older form than ``nn.functional``.

There a loss takes its reduction as a number (0 none, 1 mean, 2 sum), and none is the default; the
kinds of dropout say ``train``; ``embedding_bag`` returns what its backward needs besides.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minigrad import dtypes
from minigrad.autograd.record import log_probabilities
from minigrad.autograd.registry import Domain, T, call, function, integers, reals
from minigrad.autograd.signatures import arguments_of, empty, names_of, show
from minigrad.backend import xp_of
from minigrad.ops.network import dropout as drop
from minigrad.ops.network.embedding_bag import embedding_bag
from minigrad.ops.network.loss_binary import binary_cross_entropy_with_logits
from minigrad.ops.network.loss_ctc import ctc_loss
from minigrad.ops.network.loss_distance import cosine_embedding_loss, triplet_margin_loss
from minigrad.ops.network.loss_likelihood import kl_div, poisson_nll_loss
from minigrad.ops.network.loss_margin import hinge_embedding_loss, margin_ranking_loss

REDUCTIONS = ("none", "mean", "sum")
_PAGE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional."
_SIGN = integers(0, 1)


def named(op: str, reduction: Any) -> str:
    """The name of a reduction that is given by its number.

    >>> named("kl_div", 2)
    'sum'
    """
    if isinstance(reduction, bool) or not hasattr(reduction, "__index__"):
        kind = type(reduction).__name__
        raise TypeError(f"{op}(): argument 'reduction' must be int, not {kind}")
    number = int(reduction)
    return REDUCTIONS[number] if 0 < number < len(REDUCTIONS) else "none"


def _loss(
    front: Callable[..., Any], loss: Callable[..., Any], example: str, *samples: Any, **facts: Any
) -> None:
    """Enter a loss of the top level: its arguments, in their order, are those of ``front``."""
    name, names, places = loss.__name__, names_of(front), front.__code__.co_argcount
    every = set(names)
    defaults = {n: default for n, _, default in arguments_of(front) if default is not empty}

    def with_number(*args: Any, **kwargs: Any) -> Any:
        given = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
        twice = kwargs and not kwargs.keys().isdisjoint(names[: len(args)])
        if twice or len(args) > places or given.keys() != every:
            try:
                inspect.signature(front).bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{name}(): {error}") from None
        given["reduction"] = reduction = named(name, given["reduction"])
        if loss is kl_div and reduction == "mean":  # there it warns
            return loss(**{**given, "reduction": "none"}).mean()
        return loss(**given)

    show(with_number, lambda: inspect.signature(front))
    with_number.__name__ = with_number.__qualname__ = name
    with_number.__doc__ = (
        f"{loss.__doc__.splitlines()[0] if loss.__doc__ else ''}\n\n"
        f"    ``nn.functional.{name}`` with the reduction as a number: 0 none, 1 mean, 2 sum.\n\n"
        f"    Source: {_PAGE}{name}.html\n\n    >>> import minigrad as torch\n    {example}\n    "
    )
    wide = (reals(0.1, 0.9),)
    numbers = range(len(REDUCTIONS))
    calls = tuple(call(*s.args, **{**s.kwargs, "reduction": n}) for s in samples for n in numbers)
    facts = {"where": ("torch",), "torch": name, "samples": calls, "domain": wide, **facts}
    function(f"torch_{name}", **facts)(with_number)


def _bce(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 0
) -> None: ...


def _cosine(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0
) -> None: ...


def _hinge(input: Any, target: Any, margin: float = 1.0, reduction: int = 0) -> None: ...


def _kl(input: Any, target: Any, reduction: int = 0, *, log_target: bool = False) -> None: ...


def _ranking(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0
) -> None: ...


def _poisson(
    input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int
) -> None: ...


def _triplet(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> None: ...


def _ctc(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> None: ...


_THREE = (T(4), T(4), T(4, domain=_SIGN))
_ROWS = (T(3, 4), T(3, 4), T(3, domain=_SIGN))
_HALF = "torch.tensor([0.5])"
_loss(
    _bce,
    binary_cross_entropy_with_logits,
    f">>> torch.binary_cross_entropy_with_logits(torch.zeros(1), {_HALF})\n    tensor([0.6931])",
    call(T(2, 3), T(2, 3)),
)
_loss(
    _cosine,
    cosine_embedding_loss,
    ">>> torch.cosine_embedding_loss(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1), 0.0, 2)\n"
    "    tensor(0.)",
    call(*_ROWS, 0.1),
)
_loss(
    _hinge,
    hinge_embedding_loss,
    f">>> torch.hinge_embedding_loss({_HALF}, torch.tensor([-1]))\n    tensor([0.5000])",
    call(T(4), T(4, domain=_SIGN), 0.3),
)
_loss(
    _kl,
    kl_div,
    f">>> torch.kl_div({_HALF}.log(), {_HALF}, 1)\n    tensor(0.)",
    call(T(2, 3), T(2, 3)),
    call(T(2, 3), T(2, 3), log_target=True),
)
_loss(
    _ranking,
    margin_ranking_loss,
    f">>> torch.margin_ranking_loss({_HALF}, torch.ones(1), torch.ones(1))\n    tensor([0.5000])",
    call(*_THREE, 0.1),
)
_loss(
    _poisson,
    poisson_nll_loss,
    ">>> torch.poisson_nll_loss(torch.zeros(2), torch.ones(2), True, False, 1e-8, 2)\n"
    "    tensor(2.)",
    call(T(3), T(3), True, False, 1e-8),
    call(T(3), T(3), False, True, 1e-3),
)
_loss(
    _triplet,
    triplet_margin_loss,
    ">>> a = torch.zeros(1, 2)\n    >>> torch.triplet_margin_loss(a, a, a, reduction=1)\n"
    "    tensor(1.)",
    call(T(3, 4), T(3, 4), T(3, 4)),
    call(T(3, 4), T(3, 4), T(3, 4), 0.5, 1, 1e-6, True),
)
_loss(
    _ctc,
    ctc_loss,
    ">>> even = torch.full((2, 1, 2), 0.5).log()\n"
    "    >>> torch.ctc_loss(even, torch.tensor([[1]]), (2,), (1,), 0, 1)\n    tensor(0.2877)",
    call(T(5, 2, 3), T(2, 2, domain=integers(1, 2)), (5, 5), (2, 1)),
    domain=(Domain(-3, -0.1, within=log_probabilities),),
    orders=1,
    varied=False,
)


@function("torch_embedding_bag", where=("torch",), torch="embedding_bag", gradcheck=False)
def bags(
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The sum (mode 0), mean (1) or maximum (2) of the rows of each bag, and how it came about.

    Returns the bags, the bag of each number (none for mode 0), the sizes of the bags (zeros for
    mode 0), and the numbers of the greatest rows (the sizes again for modes 0 and 1).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html

    >>> import minigrad as torch
    >>> torch.embedding_bag(torch.ones(3, 1), torch.tensor([0, 2]), torch.tensor([0]))[0]
    tensor([[2.]])
    """
    names = ("sum", "mean", "max")
    if not 0 <= mode < len(names):
        raise RuntimeError(f"embedding_bag: mode has to be 0, 1 or 2, but got {mode}")
    found = embedding_bag(
        indices,
        weight,
        offsets,
        scale_grad_by_freq=scale_grad_by_freq,
        mode=names[mode],
        sparse=sparse,
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_idx,
    )
    if mode == 0:
        return found, offsets.new_empty(0), offsets * 0, offsets * 0
    xp, numbers = xp_of(indices._array), indices._array
    starts = offsets._array[: len(found)]
    ends = xp.append(offsets._array[1:], len(numbers))[: len(found)]
    bag = xp.repeat(xp.arange(len(found)), ends - starts)
    counted = numbers != padding_idx if padding_idx is not None else numbers == numbers
    sizes = offsets.new_tensor(xp.bincount(bag[counted], minlength=len(found)))
    owners = offsets.new_tensor(bag)
    if mode == 1:
        return found, owners, sizes, sizes.clone()
    rows = weight.detach()[indices]
    greatest = indices.new_zeros(found.shape, dtype=dtypes.int64)
    for number in range(len(found)):
        inside = indices[(owners == number) & indices.new_tensor(counted, dtype=dtypes.bool)]
        if len(inside):
            greatest[number] = inside[rows[owners == number][: len(inside)].argmax(0)]
    return found, owners, sizes, greatest


def _dropout(kind: Callable[..., Any], shape: tuple[int, ...]) -> None:
    """Enter a kind of dropout with the arguments of the top level: ``(input, p, train)``."""
    name = kind.__name__

    def dropped(input: Any, p: float, train: bool) -> Any:
        if not 0.0 <= p <= 1.0:
            raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
        return kind(input, p, train)

    dropped.__name__ = dropped.__qualname__ = name
    dropped.__doc__ = (
        f"{kind.__doc__.splitlines()[0] if kind.__doc__ else ''}\n\n"
        f"    As ``nn.functional.{name}``, but ``train`` has to be said.\n\n"
        f"    Source: {_PAGE}{name}.html\n\n    >>> import minigrad as torch\n"
        f"    >>> torch.{name}(torch.ones(1, 2), 0.5, False)\n    tensor([[1., 1.]])\n    "
    )
    function(
        f"torch_{name}",
        where=("torch",),
        torch=name,
        inplace_in=("torch",),
        domain=(reals(-3, 3),),
        samples=(call(T(*shape), 0.0, True), call(T(*shape), 0.5, False)),
        errors=(call(T(*shape), 1.5, True),),
    )(dropped)


_dropout(drop.dropout, (2, 3))
_dropout(drop.alpha_dropout, (2, 3))
_dropout(drop.feature_alpha_dropout, (2, 3))
