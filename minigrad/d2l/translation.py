"""Encoders and decoders, and the recurrent ones that translate.

Source: https://d2l.ai/chapter_recurrent-modern/seq2seq.html
"""

from __future__ import annotations

import collections
import math
from typing import Any

import minigrad as torch
from minigrad import Tensor, nn
from minigrad.d2l.classification import Classifier
from minigrad.d2l.recurrent import GRU

__all__ = [
    "Decoder",
    "Encoder",
    "EncoderDecoder",
    "Seq2Seq",
    "Seq2SeqDecoder",
    "Seq2SeqEncoder",
    "bleu",
    "init_seq2seq",
]


class Encoder(nn.Module):
    """What turns an input into a state. A subclass defines ``forward``.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> isinstance(d2l.Seq2SeqEncoder(10, 8, 16, 2), d2l.Encoder)
    True
    """

    def forward(self, X: Any, *args: Any) -> Any:
        """What a decoder needs to know of the input."""
        raise NotImplementedError


class Decoder(nn.Module):
    """What turns a state into outputs. A subclass defines ``init_state`` and ``forward``.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> isinstance(d2l.Seq2SeqDecoder(10, 8, 16, 2), d2l.Decoder)
    True
    """

    def init_state(self, enc_all_outputs: Any, *args: Any) -> Any:
        """The state to begin with, from what the encoder gave."""
        raise NotImplementedError

    def forward(self, X: Any, state: Any) -> Any:
        """Scores for each next token, and the new state."""
        raise NotImplementedError


class EncoderDecoder(Classifier):
    """An encoder, and a decoder that begins with what it gives.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> parts = d2l.Seq2SeqEncoder(10, 8, 16, 2), d2l.Seq2SeqDecoder(12, 8, 16, 2)
    >>> X = torch.zeros((4, 9), dtype=torch.int64)
    >>> d2l.EncoderDecoder(*parts)(X, X).shape
    torch.Size([4, 9, 12])
    """

    encoder: Any
    decoder: Any

    def __init__(self, encoder: Any, decoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, enc_X: Any, dec_X: Any, *args: Any) -> Any:
        """The decoder's scores."""
        state = self.decoder.init_state(self.encoder(enc_X, *args), *args)
        return self.decoder(dec_X, state)[0]

    def predict_step(
        self, batch: Any, device: Any, num_steps: int, save_attention_weights: bool = False
    ) -> tuple[Tensor, list[Any]]:
        """The likeliest tokens one after the other, and where each step paid attention."""
        src, tgt, src_valid_len, _ = [a.to(device) for a in batch]
        state = self.decoder.init_state(self.encoder(src, src_valid_len), src_valid_len)
        outputs, attention_weights = [tgt[:, 0].unsqueeze(1)], []
        for _ in range(num_steps):
            Y, state = self.decoder(outputs[-1], state)
            outputs.append(Y.argmax(dim=2))
            if save_attention_weights:
                attention_weights.append(self.decoder.attention_weights)
        return torch.cat(outputs[1:], 1), attention_weights


def init_seq2seq(module: Any) -> None:
    """Xavier's initial weights, for linear layers and gated recurrent units.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> _ = torch.nn.GRU(2, 3).apply(d2l.init_seq2seq)
    """
    if type(module) is nn.Linear:
        nn.init.xavier_uniform_(module.weight)
    if type(module) is nn.GRU:
        for name, param in module.named_parameters():
            if "weight" in name:
                nn.init.xavier_uniform_(param)


class Seq2SeqEncoder(Encoder):
    """Embedded tokens through gated recurrent units.

    Shape: X (N, T) -> outputs (T, N, num_hiddens), state (num_layers, N, num_hiddens).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> encoder = d2l.Seq2SeqEncoder(vocab_size=10, embed_size=8, num_hiddens=16, num_layers=2)
    >>> outputs, state = encoder(torch.zeros(4, 9))
    >>> outputs.shape, state.shape
    (torch.Size([9, 4, 16]), torch.Size([2, 4, 16]))
    """

    def __init__(
        self,
        vocab_size: int,
        embed_size: int,
        num_hiddens: int,
        num_layers: int,
        dropout: float = 0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.rnn = GRU(embed_size, num_hiddens, num_layers, dropout)
        self.apply(init_seq2seq)

    def forward(self, X: Any, *args: Any) -> Any:
        """All outputs, and the last state."""
        outputs, state = self.rnn(self.embedding(X.t().type(torch.int64)))
        return outputs, state


class Seq2SeqDecoder(Decoder):
    """Embedded tokens, each with the encoder's last output, through gated recurrent units.

    Shape: X (N, T) -> (N, T, vocab_size), and the state.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> X = torch.zeros(4, 9)
    >>> decoder = d2l.Seq2SeqDecoder(12, 8, 16, 2)
    >>> decoder(X, decoder.init_state(d2l.Seq2SeqEncoder(10, 8, 16, 2)(X)))[0].shape
    torch.Size([4, 9, 12])
    """

    def __init__(
        self,
        vocab_size: int,
        embed_size: int,
        num_hiddens: int,
        num_layers: int,
        dropout: float = 0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.rnn = GRU(embed_size + num_hiddens, num_hiddens, num_layers, dropout)
        self.dense = nn.LazyLinear(vocab_size)
        self.apply(init_seq2seq)

    def init_state(self, enc_all_outputs: Any, *args: Any) -> Any:
        """The encoder's outputs and state."""
        return enc_all_outputs

    def forward(self, X: Any, state: Any) -> Any:
        """Scores for each next token, and the new state."""
        embs = self.embedding(X.t().type(torch.int32))
        enc_output, hidden_state = state
        context = enc_output[-1].repeat(embs.shape[0], 1, 1)
        outputs, hidden_state = self.rnn(torch.cat((embs, context), -1), hidden_state)
        return self.dense(outputs).swapaxes(0, 1), [enc_output, hidden_state]


class Seq2Seq(EncoderDecoder):
    """An encoder and a decoder that learn by Adam, from a loss without what is padding.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> parts = d2l.Seq2SeqEncoder(10, 8, 16, 2), d2l.Seq2SeqDecoder(2, 8, 16, 2)
    >>> model = d2l.Seq2Seq(*parts, tgt_pad=1, lr=0.01)
    >>> scores, y = torch.tensor([[[0.0, 0.0], [9.0, 0.0]]]), torch.tensor([[0, 1]])
    >>> model.loss(scores, y)
    tensor(0.6931)
    """

    tgt_pad: int

    def __init__(self, encoder: Any, decoder: Any, tgt_pad: int, lr: float) -> None:
        super().__init__(encoder, decoder)
        self.save_hyperparameters()

    def validation_step(self, batch: Any) -> None:
        """Draw the loss of a batch."""
        self.plot("loss", self.loss(self(*batch[:-1]), batch[-1]), train=False)

    def configure_optimizers(self) -> Any:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def loss(self, Y_hat: Tensor, Y: Tensor, averaged: bool = True) -> Tensor:
        """The mean cross-entropy of the tokens that are no padding."""
        each = super().loss(Y_hat, Y, averaged=False)
        mask = (Y.reshape(-1) != self.tgt_pad).type(torch.float32)
        return (each * mask).sum() / mask.sum()


def bleu(pred_seq: str, label_seq: str, k: int) -> float:
    """How good a translation is: how many runs of up to ``k`` words are those of another one.

    bleu = exp(min(0, 1 - len_label / len_pred)) * prod over n of p_n^(1/2^n)

    >>> from minigrad import d2l
    >>> d2l.bleu("il a mal", "il a mal .", k=2)
    0.7165313105737893

    Source: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002.
    """
    pred, label = pred_seq.split(" "), label_seq.split(" ")
    score = math.exp(min(0, 1 - len(label) / len(pred)))
    for n in range(1, min(k, len(pred)) + 1):
        there = collections.Counter(_runs(label, n))
        matches = (there & collections.Counter(_runs(pred, n))).total()
        score *= math.pow(matches / (len(pred) - n + 1), math.pow(0.5, n))
    return score


def _runs(words: list[str], n: int) -> list[str]:
    """All runs of ``n`` words."""
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
