"""Attention, and the transformer's parts.

Source: https://d2l.ai/chapter_attention-mechanisms-and-transformers/index.html
"""

from __future__ import annotations

import math
from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.drawing import plain, pyplot, show_figure, use_svg_display
from minigrad.d2l.modules import Module
from minigrad.d2l.translation import Decoder

__all__ = [
    "AdditiveAttention",
    "AttentionDecoder",
    "DotProductAttention",
    "MultiHeadAttention",
    "masked_softmax",
    "show_heatmaps",
]


def show_heatmaps(
    matrices: Any,
    xlabel: str,
    ylabel: str,
    titles: Any = None,
    figsize: tuple[float, float] = (2.5, 2.5),
    cmap: str = "Reds",
) -> None:
    """Show matrices (rows, columns, H, W) as pictures in rows and columns.

    >>> import minigrad as torch, tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> d2l.show_heatmaps(torch.eye(10).reshape((1, 1, 10, 10)), "Keys", "Queries")
    """
    use_svg_display()
    rows, columns, *_ = matrices.shape
    fig, axes = pyplot().subplots(
        rows, columns, figsize=figsize, sharex=True, sharey=True, squeeze=False
    )
    for i, row in enumerate(matrices):
        for j, matrix in enumerate(row):
            image = axes[i, j].imshow(plain(matrix), cmap=cmap)
            if i == rows - 1:
                axes[i, j].set_xlabel(xlabel)
            if j == 0:
                axes[i, j].set_ylabel(ylabel)
            if titles:
                axes[i, j].set_title(titles[j])
    fig.colorbar(image, ax=axes, shrink=0.6)
    show_figure(fig)


def masked_softmax(X: Tensor, valid_lens: Tensor | None) -> Tensor:
    """Softmax along the last axis of as many elements as are valid; the others get zero.

    Args:
        X: scores (N, T, S).
        valid_lens: (N,), or (N, T) for each row its own; None: all are.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.masked_softmax(torch.zeros(2, 1, 4), torch.tensor([2, 4]))
    tensor([[[0.5000, 0.5000, 0.0000, 0.0000]],
    <BLANKLINE>
            [[0.2500, 0.2500, 0.2500, 0.2500]]])
    """
    if valid_lens is None:
        return nn.functional.softmax(X, dim=-1)
    lens = valid_lens.repeat_interleave(X.shape[1]) if valid_lens.dim() == 1 else valid_lens
    places = torch.arange(X.shape[-1], dtype=torch.float32, device=X.device)
    scores = X.reshape(-1, X.shape[-1])
    scores[places[None, :] >= lens.reshape(-1)[:, None]] = -1e6
    return nn.functional.softmax(scores.reshape(X.shape), dim=-1)


class DotProductAttention(nn.Module):
    """Scaled dot products as scores.   softmax(Q K^T / sqrt(d)) V

    Shape: queries (N, T, d), keys (N, S, d), values (N, S, v) -> (N, T, v).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> attention = d2l.DotProductAttention(dropout=0.5).eval()
    >>> Q, K, V = torch.zeros(2, 1, 2), torch.zeros(2, 10, 2), torch.ones(2, 10, 4)
    >>> attention(Q, K, V, torch.tensor([2, 6])).shape, attention.attention_weights.shape
    (torch.Size([2, 1, 4]), torch.Size([2, 1, 10]))
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, valid_lens: Tensor | None = None
    ) -> Tensor:
        """The values, weighed."""
        scores = torch.bmm(queries, keys.transpose(1, 2)) / math.sqrt(queries.shape[-1])
        self.attention_weights = masked_softmax(scores, valid_lens)
        return torch.bmm(self.dropout(self.attention_weights), values)


class AdditiveAttention(nn.Module):
    """A small network as score.   w^T tanh(W_q q + W_k k)

    Shape: queries (N, T, q), keys (N, S, k), values (N, S, v) -> (N, T, v).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> attention = d2l.AdditiveAttention(num_hiddens=8, dropout=0.1)
    >>> attention(torch.ones(2, 1, 20), torch.ones(2, 10, 2), torch.ones(2, 10, 4), None).shape
    torch.Size([2, 1, 4])

    Source: Bahdanau et al., "Neural machine translation by jointly learning to align and
    translate", 2014.
    """

    def __init__(self, num_hiddens: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.W_k = nn.LazyLinear(num_hiddens, bias=False)
        self.W_q = nn.LazyLinear(num_hiddens, bias=False)
        self.w_v = nn.LazyLinear(1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, valid_lens: Tensor | None
    ) -> Tensor:
        """The values, weighed."""
        queries, keys = self.W_q(queries), self.W_k(keys)
        features = torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))
        self.attention_weights = masked_softmax(self.w_v(features).squeeze(-1), valid_lens)
        return torch.bmm(self.dropout(self.attention_weights), values)


class AttentionDecoder(Decoder):
    """A decoder that says where it pays attention. A subclass defines ``attention_weights``.

    >>> from minigrad import d2l
    >>> d2l.AttentionDecoder().attention_weights
    Traceback (most recent call last):
    NotImplementedError
    """

    @property
    def attention_weights(self) -> Any:
        """The weights of the last step."""
        raise NotImplementedError


class MultiHeadAttention(Module):
    """Several attentions side by side, each of a part of the features.

    Shape: queries (N, T, q), keys (N, S, k), values (N, S, v) -> (N, T, num_hiddens).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> attention = d2l.MultiHeadAttention(num_hiddens=100, num_heads=5, dropout=0.5)
    >>> X, Y = torch.ones(2, 4, 100), torch.ones(2, 6, 100)
    >>> attention(X, Y, Y, torch.tensor([3, 2])).shape
    torch.Size([2, 4, 100])

    Source: Vaswani et al., "Attention is all you need", 2017.
    """

    def __init__(
        self, num_hiddens: int, num_heads: int, dropout: float, bias: bool = False, **kwargs: Any
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention = DotProductAttention(dropout)
        self.W_q = nn.LazyLinear(num_hiddens, bias=bias)
        self.W_k = nn.LazyLinear(num_hiddens, bias=bias)
        self.W_v = nn.LazyLinear(num_hiddens, bias=bias)
        self.W_o = nn.LazyLinear(num_hiddens, bias=bias)

    def transpose_qkv(self, X: Tensor) -> Tensor:
        """(N, T, num_hiddens) -> (N * num_heads, T, num_hiddens / num_heads)."""
        X = X.reshape(X.shape[0], X.shape[1], self.num_heads, -1).permute(0, 2, 1, 3)
        return X.reshape(-1, X.shape[2], X.shape[3])

    def transpose_output(self, X: Tensor) -> Tensor:
        """What :meth:`transpose_qkv` does, undone."""
        X = X.reshape(-1, self.num_heads, X.shape[1], X.shape[2]).permute(0, 2, 1, 3)
        return X.reshape(X.shape[0], X.shape[1], -1)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, valid_lens: Tensor | None
    ) -> Tensor:
        """The values, weighed by each head, and mixed."""
        queries = self.transpose_qkv(self.W_q(queries))
        keys = self.transpose_qkv(self.W_k(keys))
        values = self.transpose_qkv(self.W_v(values))
        if valid_lens is not None:
            valid_lens = torch.repeat_interleave(valid_lens, repeats=self.num_heads, dim=0)
        output = self.attention(queries, keys, values, valid_lens)
        mixed: Tensor = self.W_o(self.transpose_output(output))
        return mixed
