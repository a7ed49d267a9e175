"""A softmax over very many classes that is cheap for the frequent ones."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn.modules.container import ModuleList, Sequential
from minigrad.nn.modules.linear import Linear
from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log-probability of each sample's class, and the mean negative log-likelihood.

    Classes are ordered by how often they come and cut into clusters at ``cutoffs``. The head
    scores the classes of the first cluster and each further cluster as a whole; the tail scores
    the classes within those, by ever narrower layers: in_features / div_value^i wide.
    log p(y) = log p(cluster of y) + log p(y within its cluster).

    Shape: input (N, in_features) or (in_features), target (N) or () -> output (N) or (), loss ().

    Raises: ValueError for cutoffs that are not increasing whole numbers below n_classes,
    RuntimeError for a target that is no class.

    Source: Grave et al., Efficient softmax approximation for GPUs, 2017.

    >>> import minigrad as torch
    >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs=[5, 10], div_value=2.0)
    >>> output, loss = layer(torch.zeros(3, 8), torch.tensor([0, 7, 19]))
    >>> output.shape, bool(loss == -output.mean())
    (torch.Size([3]), True)
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        _check_cutoffs(cutoffs, n_classes)
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for number, (start, stop) in enumerate(pairwise(self.cutoffs), 1):
            width = int(in_features // div_value**number)
            narrow = Linear(in_features, width, bias=False, **made)
            scores = Linear(width, stop - start, bias=False, **made)
            self.tail.append(Sequential(narrow, scores))

    def reset_parameters(self) -> None:
        """Draw all weights anew, the head's first.

        >>> import minigrad as torch
        >>> torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2]).reset_parameters()
        """
        self.head.reset_parameters()
        for cluster in self.tail:
            for layer in cluster:
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """The log-probabilities of the targets, and the mean loss."""
        _check_target(input_, target_)
        batched = target_.ndim > 0
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        output = input.new_zeros(target.shape)
        # The place in the head's scores: the class itself, or the one that stands for its cluster.
        places = target.clone()
        found = int(((target >= 0) & (target < self.shortlist_size)).sum())
        for number, (start, stop) in enumerate(pairwise(self.cutoffs)):
            inside = (target >= start) & (target < stop)
            rows = inside.nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            within = F.log_softmax(self.tail[number](input.index_select(0, rows)), dim=1)
            chosen = within.gather(1, (target[inside] - start).unsqueeze(1))
            output.index_copy_(0, rows, chosen.squeeze(1))
            places.index_fill_(0, rows, self.shortlist_size + number)
            found += rows.numel()
        if found != target.shape[0]:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        head = F.log_softmax(self.head(input), dim=1)
        output += head.gather(1, places.unsqueeze(1)).squeeze()
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _get_full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        head = F.log_softmax(head_output, dim=1)
        out = input.new_empty((head_output.shape[0], self.n_classes))
        out[:, : self.shortlist_size] = head[:, : self.shortlist_size]
        for number, (start, stop) in enumerate(pairwise(self.cutoffs)):
            place = self.shortlist_size + number
            within = F.log_softmax(self.tail[number](input), dim=1)
            out[:, start:stop] = within + head[:, place].unsqueeze(1)
        return out

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) -> (N, n_classes).

        >>> import minigrad as torch
        >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])
        >>> layer.log_prob(torch.ones(1, 4)).exp().sum().round().item()
        1.0
        """
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The likeliest class of each sample; clusters are looked into only where they win.

        >>> import minigrad as torch
        >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])
        >>> x = torch.rand(5, 4)
        >>> bool((layer.predict(x) == layer.log_prob(x).argmax(dim=1)).all())
        True
        """
        head = self.head(input)
        output = functions.argmax(head, dim=1)
        clustered = output >= self.shortlist_size
        if clustered.any():
            full = self._get_full_log_prob(input[clustered], head[clustered])
            output[clustered] = functions.argmax(full, dim=1)
        return output


def _check_cutoffs(cutoffs: list[int], n_classes: int) -> None:
    if len(cutoffs) == 0:
        raise ValueError("cutoffs should be a sequence of length larger than 0")
    increasing = all(a < b for a, b in pairwise(cutoffs))
    if (
        not increasing
        or min(cutoffs) <= 0
        or max(cutoffs) > n_classes - 1
        or any(int(cut) != cut for cut in cutoffs)
    ):
        raise ValueError(
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
            "order, where each value is between 1 and n_classes-1"
        )


def _check_target(input: Tensor, target: Tensor) -> None:
    if target.ndim == 1:
        if input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input.ndim != 2:
            raise RuntimeError(
                f"1D target tensor expects 2D input tensors, but found inputs with size "
                f"{input.size()}"
            )
    elif target.ndim == 0:
        if input.ndim != 1:
            raise RuntimeError(
                f"0D target tensor expects 1D input tensors, but found inputs with size "
                f"{input.size()}"
            )
    else:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
