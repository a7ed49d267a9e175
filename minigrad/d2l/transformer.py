"""The transformer's encoder and its parts.

Source: https://d2l.ai/chapter_attention-mechanisms-and-transformers/transformer.html
"""

from __future__ import annotations

import math
from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.attention import MultiHeadAttention
from minigrad.d2l.translation import Encoder

__all__ = [
    "AddNorm",
    "PositionWiseFFN",
    "PositionalEncoding",
    "TransformerEncoder",
    "TransformerEncoderBlock",
]


class PositionalEncoding(nn.Module):
    """Waves added to embeddings, of another length for each feature, that tell the place.

    P[i, 2j] = sin(i / 10000^(2j/d)),  P[i, 2j + 1] = cos(i / 10000^(2j/d))

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.PositionalEncoding(2, dropout=0)(torch.zeros(1, 2, 2))
    tensor([[[0.0000, 1.0000],
             [0.8415, 0.5403]]])
    """

    def __init__(self, num_hiddens: int, dropout: float, max_len: int = 1000) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.P = torch.zeros((1, max_len, num_hiddens))
        places = torch.arange(max_len, dtype=torch.float32).reshape(-1, 1)
        even = torch.arange(0, num_hiddens, 2, dtype=torch.float32)
        X = places / 10000 ** (even / num_hiddens)
        self.P[:, :, 0::2] = torch.sin(X)
        self.P[:, :, 1::2] = torch.cos(X)

    def forward(self, X: Tensor) -> Tensor:
        """X (N, T, num_hiddens), with the places added."""
        out: Tensor = self.dropout(X + self.P[:, : X.shape[1], :].to(X.device))
        return out


class PositionWiseFFN(nn.Module):
    """A perceptron of one hidden layer, for each place alike.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.PositionWiseFFN(4, 8)(torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, ffn_num_hiddens: int, ffn_num_outputs: int) -> None:
        super().__init__()
        self.dense1 = nn.LazyLinear(ffn_num_hiddens)
        self.relu = nn.ReLU()
        self.dense2 = nn.LazyLinear(ffn_num_outputs)

    def forward(self, X: Tensor) -> Tensor:
        """X (..., features) -> (..., ffn_num_outputs)."""
        out: Tensor = self.dense2(self.relu(self.dense1(X)))
        return out


class AddNorm(nn.Module):
    """A residual connection, and layer normalisation after it.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.AddNorm(4, 0.5)(torch.ones(2, 3, 4), torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, norm_shape: Any, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.ln = nn.LayerNorm(norm_shape)

    def forward(self, X: Tensor, Y: Tensor) -> Tensor:
        """The norm of X + Y, with dropout in Y."""
        out: Tensor = self.ln(self.dropout(Y) + X)
        return out


class TransformerEncoderBlock(nn.Module):
    """Attention of a sequence to itself, and a perceptron, each added to its input.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> block = d2l.TransformerEncoderBlock(24, 48, num_heads=8, dropout=0.5)
    >>> block(torch.ones(2, 100, 24), torch.tensor([3, 2])).shape
    torch.Size([2, 100, 24])
    """

    def __init__(
        self,
        num_hiddens: int,
        ffn_num_hiddens: int,
        num_heads: int,
        dropout: float,
        use_bias: bool = False,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(num_hiddens, num_heads, dropout, use_bias)
        self.addnorm1 = AddNorm(num_hiddens, dropout)
        self.ffn = PositionWiseFFN(ffn_num_hiddens, num_hiddens)
        self.addnorm2 = AddNorm(num_hiddens, dropout)

    def forward(self, X: Tensor, valid_lens: Tensor | None) -> Tensor:
        """X (N, T, num_hiddens) -> the same shape."""
        Y = self.addnorm1(X, self.attention(X, X, X, valid_lens))
        out: Tensor = self.addnorm2(Y, self.ffn(Y))
        return out


class TransformerEncoder(Encoder):
    """Embeddings with their places, through several blocks.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> encoder = d2l.TransformerEncoder(200, 24, 48, num_heads=8, num_blks=2, dropout=0.5)
    >>> encoder(torch.ones((2, 100), dtype=torch.int64), torch.tensor([3, 2])).shape
    torch.Size([2, 100, 24])
    """

    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        ffn_num_hiddens: int,
        num_heads: int,
        num_blks: int,
        dropout: float,
        use_bias: bool = False,
    ) -> None:
        super().__init__()
        self.num_hiddens = num_hiddens
        self.embedding = nn.Embedding(vocab_size, num_hiddens)
        self.pos_encoding = PositionalEncoding(num_hiddens, dropout)
        self.blks = nn.Sequential()
        sizes = (num_hiddens, ffn_num_hiddens, num_heads)
        for i in range(num_blks):
            self.blks.add_module(f"block{i}", TransformerEncoderBlock(*sizes, dropout, use_bias))

    def forward(self, X: Any, valid_lens: Any = None) -> Any:
        """X (N, T) of numbers of tokens -> (N, T, num_hiddens)."""
        X = self.pos_encoding(self.embedding(X) * math.sqrt(self.num_hiddens))
        self.attention_weights: list[Any] = [None] * len(self.blks)
        for i, block in enumerate(self.blks):
            X = block(X, valid_lens)
            self.attention_weights[i] = block.attention.attention.attention_weights
        return X
