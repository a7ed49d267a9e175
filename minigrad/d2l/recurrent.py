"""Recurrent networks, from scratch and as layers, and language models of letters on top of them.

Source: https://d2l.ai/chapter_recurrent-neural-networks/rnn-scratch.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.classification import Classifier
from minigrad.d2l.modules import Module
from minigrad.nn import functional as F

__all__ = [
    "GRU",
    "RNN",
    "RNNLM",
    "LSTMScratch",
    "RNNLMScratch",
    "RNNScratch",
    "check_len",
    "check_shape",
]


def check_len(a: Any, n: int) -> None:
    """Assert the length of a list.

    >>> from minigrad import d2l
    >>> d2l.check_len([1, 2], 3)
    Traceback (most recent call last):
    AssertionError: list's length 2 != expected length 3
    """
    if len(a) != n:
        raise AssertionError(f"list's length {len(a)} != expected length {n}")


def check_shape(a: Any, shape: Any) -> None:
    """Assert the shape of a tensor.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.check_shape(torch.ones(2), (2,))
    """
    if a.shape != shape:
        raise AssertionError(f"tensor's shape {a.shape} != expected shape {shape}")


class RNNScratch(Module):
    """A recurrent layer.   h <- tanh(x W_xh + h W_hh + b_h)

    Shape: inputs (T, N, num_inputs) -> a list of T states (N, num_hiddens), and the last of them.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> outputs, state = d2l.RNNScratch(16, 32)(torch.ones(100, 2, 16))
    >>> len(outputs), state.shape
    (100, torch.Size([2, 32]))
    """

    num_hiddens: int
    sigma: float

    def __init__(self, num_inputs: int, num_hiddens: int, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.W_xh = nn.Parameter(torch.randn(num_inputs, num_hiddens) * sigma)
        self.W_hh = nn.Parameter(torch.randn(num_hiddens, num_hiddens) * sigma)
        self.b_h = nn.Parameter(torch.zeros(num_hiddens))

    def forward(self, inputs: Any, state: Any = None) -> Any:
        """All states, and the last one; ``state`` is the one to begin with, if not zero."""
        if state is None:
            state = torch.zeros((inputs.shape[1], self.num_hiddens), device=inputs.device)
        elif isinstance(state, tuple):
            (state,) = state
        outputs = []
        for X in inputs:
            before = torch.matmul(state, self.W_hh) + self.b_h
            state = torch.tanh(torch.matmul(X, self.W_xh) + before)
            outputs.append(state)
        return outputs, state


class LSTMScratch(Module):
    """Long short-term memory, gate by gate.

    Shape: inputs (T, N, num_inputs) -> a list of T states (N, num_hiddens), and the last (H, C).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> outputs, (H, C) = d2l.LSTMScratch(4, 8)(torch.ones(5, 2, 4))
    >>> len(outputs), C.shape
    (5, torch.Size([2, 8]))

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    num_hiddens: int
    sigma: float

    def __init__(self, num_inputs: int, num_hiddens: int, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()

        def weights(rows: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, num_hiddens) * sigma)

        for gate in "ifoc":  # input gate, forget gate, output gate, input node
            setattr(self, f"W_x{gate}", weights(num_inputs))
            setattr(self, f"W_h{gate}", weights(num_hiddens))
            setattr(self, f"b_{gate}", nn.Parameter(torch.zeros(num_hiddens)))

    def _gate(self, gate: str, X: Tensor, H: Tensor) -> Tensor:
        W_x, W_h, b = (getattr(self, f"{name}{gate}") for name in ("W_x", "W_h", "b_"))
        total: Tensor = torch.matmul(X, W_x) + torch.matmul(H, W_h) + b
        return total

    def forward(self, inputs: Any, H_C: Any = None) -> Any:
        """All states, and the last one with its memory; ``H_C`` is what to begin with."""
        if H_C is None:
            shape = (inputs.shape[1], self.num_hiddens)
            H_C = tuple(torch.zeros(shape, device=inputs.device) for _ in range(2))
        H, C = H_C
        outputs = []
        for X in inputs:
            enter, keep, show = (torch.sigmoid(self._gate(gate, X, H)) for gate in "ifo")
            C = keep * C + enter * torch.tanh(self._gate("c", X, H))
            H = show * torch.tanh(C)
            outputs.append(H)
        return outputs, (H, C)


class RNNLMScratch(Classifier):
    """A language model: one-hot tokens, a recurrent layer, a score for each next token.

    Shape: X (N, T) of numbers of tokens -> (N, T, vocab_size).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> model = d2l.RNNLMScratch(d2l.RNNScratch(28, 32), vocab_size=28)
    >>> model(torch.ones((2, 5), dtype=torch.int64)).shape
    torch.Size([2, 5, 28])
    """

    rnn: Any
    vocab_size: int

    def __init__(self, rnn: Any, vocab_size: int, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.init_params()

    def init_params(self) -> None:
        """Make the parameters of the last layer."""
        weights = torch.randn(self.rnn.num_hiddens, self.vocab_size) * self.rnn.sigma
        self.W_hq = nn.Parameter(weights)
        self.b_q = nn.Parameter(torch.zeros(self.vocab_size))

    def training_step(self, batch: Any) -> Tensor:
        """The loss of a batch; its perplexity is drawn."""
        value = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("ppl", torch.exp(value), train=True)
        return value

    def validation_step(self, batch: Any) -> None:
        """Draw the perplexity of a batch."""
        value = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("ppl", torch.exp(value), train=False)

    def one_hot(self, X: Tensor) -> Tensor:
        """X (N, T) -> (T, N, vocab_size)."""
        return F.one_hot(X.T, self.vocab_size).type(torch.float32)

    def output_layer(self, rnn_outputs: Any) -> Tensor:
        """T states (N, num_hiddens) -> (N, T, vocab_size)."""
        scores = [torch.matmul(H, self.W_hq) + self.b_q for H in rnn_outputs]
        return torch.stack(scores, 1)

    def forward(self, X: Tensor, state: Any = None) -> Tensor:
        """The scores of each next token."""
        outputs, _ = self.rnn(self.one_hot(X), state)
        return self.output_layer(outputs)

    def predict(self, prefix: Sequence[str], num_preds: int, vocab: Any, device: Any = None) -> str:
        """The text that follows a prefix, the likeliest token each time."""
        state, found = None, [vocab[prefix[0]]]
        for i in range(len(prefix) + num_preds - 1):
            X = torch.tensor([[found[-1]]], device=device)
            outputs, state = self.rnn(self.one_hot(X), state)
            if i < len(prefix) - 1:  # the state warms up
                found.append(vocab[prefix[i + 1]])
            else:
                found.append(int(self.output_layer(outputs).argmax(dim=2).reshape(1)))
        return "".join(vocab.idx_to_token[i] for i in found)


class RNN(Module):
    """The recurrent layer of ``nn``.

    Shape: inputs (T, N, num_inputs) -> (T, N, num_hiddens), and the last state.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.RNN(4, 8)(torch.ones(5, 2, 4))[0].shape
    torch.Size([5, 2, 8])
    """

    def __init__(self, num_inputs: int, num_hiddens: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.rnn: Any = nn.RNN(num_inputs, num_hiddens)

    def forward(self, inputs: Any, H: Any = None) -> Any:
        """All states, and the last one; ``H`` is the one to begin with, if not zero."""
        return self.rnn(inputs, H)


class GRU(RNN):
    """Gated recurrent units, in several layers.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.GRU(4, 8, num_layers=2)(torch.ones(5, 2, 4))[1].shape
    torch.Size([2, 2, 8])

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
    """

    def __init__(
        self, num_inputs: int, num_hiddens: int, num_layers: int, dropout: float = 0
    ) -> None:
        Module.__init__(self)
        self.save_hyperparameters()
        self.rnn = nn.GRU(num_inputs, num_hiddens, num_layers, dropout=dropout)


class RNNLM(RNNLMScratch):
    """A language model of a recurrent layer of ``nn`` and a linear one.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.RNNLM(d2l.RNN(28, 32), vocab_size=28)(torch.ones((2, 5), dtype=torch.int64)).shape
    torch.Size([2, 5, 28])
    """

    def init_params(self) -> None:
        """Make the last layer."""
        self.linear = nn.LazyLinear(self.vocab_size)

    def output_layer(self, rnn_outputs: Any) -> Tensor:
        """(T, N, num_hiddens) -> (N, T, vocab_size)."""
        scores: Tensor = self.linear(rnn_outputs)
        return scores.swapaxes(0, 1)
