"""What users read off: messages that begin with torch's own words, and the names of nodes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch as oracle

import minigrad
from parity_tests.both import Raised, outcome


def leaf(torch: Any) -> Any:
    return torch.ones(2, 3, requires_grad=True)


class Wrong:
    """A Function whose gradient has a wrong shape; of either package."""

    def __new__(cls, torch: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        def backward(ctx: Any, g: Any) -> Any:
            return torch.ones(3)

        functions = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        return type("Wrong", (torch.autograd.Function,), functions)


def freed(torch: Any) -> Any:
    loss = leaf(torch).exp().sum()
    loss.backward()
    loss.backward()


def unused(torch: Any) -> Any:
    return torch.autograd.grad(leaf(torch).sum(), [torch.ones(1, requires_grad=True)])


def constant(torch: Any) -> Any:
    return torch.autograd.grad(leaf(torch).sum(), torch.ones(1))


def part_of_several(torch: Any) -> Any:
    return (leaf(torch) * 1).unbind()[1].add_(1)


def part_of_several_constants(torch: Any) -> Any:
    return torch.ones(2, 3).unbind()[1].add_(leaf(torch)[0])


def wrong_grad(torch: Any) -> Any:
    leaf(torch).grad = torch.ones(2)


def flag(torch: Any) -> Any:
    (leaf(torch) * 2).requires_grad = False


ERRORS: tuple[Callable[[Any], Any], ...] = (
    freed,
    unused,
    constant,
    part_of_several,
    part_of_several_constants,
    wrong_grad,
    flag,
    lambda torch: torch.cat([]),
    lambda torch: torch.stack([]),
    lambda torch: torch.ones(2, 3).mean(dim=(0, 0)),
    lambda torch: torch.tensor([1, 2], requires_grad=True),
    lambda torch: ~torch.ones(2),
    lambda torch: torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 5, 5).long()),
    lambda torch: torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 5, 5).double()),
    lambda torch: torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 5, 5, dtype=torch.uint8)),
    lambda torch: torch.multinomial(torch.tensor([0.0, 0.0]), 1),
    lambda torch: torch.multinomial(torch.tensor([0.0, float("nan")]), 1),
    lambda torch: torch.multinomial(torch.tensor([0.5, 0.5]), 3),
    lambda torch: torch.nn.Linear(2, 3)(3),
    lambda torch: torch.nn.Embedding(3, 2)(torch.tensor([1.0])),
    lambda torch: Wrong(torch).apply(torch.ones(2, requires_grad=True)).sum().backward(),
)


@pytest.mark.parametrize("body", ERRORS)
def test_a_message_begins_with_torchs_words(body: Callable[[Any], Any]) -> None:
    mine, theirs = outcome(body, minigrad), outcome(body, oracle)
    assert isinstance(mine, Raised) and isinstance(theirs, Raised)
    assert mine.kind == theirs.kind
    words = [str(error.error).split("\n")[0].rstrip(".") for error in (mine, theirs)]
    assert words[0].startswith(words[1])


def recurrent(torch: Any) -> list[str]:
    """The nodes of outputs and last states of recurrent networks and cells."""
    nn, names = torch.nn, []
    for net in (nn.RNN(3, 4), nn.GRU(3, 4, 2, bidirectional=True), nn.LSTM(3, 4), nn.LSTM(3, 4, 2)):
        for turned in (False, True):
            net.batch_first = turned
            for x in (torch.ones(5, 2, 3), torch.ones(5, 3)):
                out, last = net(x)
                states = last if isinstance(last, tuple) else (last,)
                names += [t.grad_fn.name() for t in (out, *states)]
    for cell in (nn.RNNCell(3, 4), nn.RNNCell(3, 4, nonlinearity="relu"), nn.GRUCell(3, 4)):
        names.append(cell(torch.ones(2, 3)).grad_fn.name())
    names.append(nn.LSTMCell(3, 4)(torch.ones(2, 3))[0].grad_fn.name())
    return names


def rewritten(torch: Any) -> list[str]:
    """A view after its base was written in place."""
    x = leaf(torch) * 1
    row, column = x[0], x.t()[1]
    row.mul_(3)
    return [t.grad_fn.name().rpartition("::")[2] for t in (x, row, column)]


def reduced(torch: Any) -> list[str]:
    """An absolute loss, however it is reduced."""
    x, loss = leaf(torch), torch.nn.functional.l1_loss
    return [loss(x, x * 2, reduction=r).grad_fn.name() for r in ("mean", "sum", "none")]


@pytest.mark.parametrize("names", [recurrent, reduced, rewritten])
def test_nodes_have_torchs_names(names: Callable[[Any], list[str]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert names(minigrad) == names(oracle)
