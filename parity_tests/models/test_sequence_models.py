"""Small programs with sequences, written once and trained with both packages from the same seed.

Nothing is copied: weights, data, dropout masks and the order of batches come from ``manual_seed``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.streams import scalar_bernoulli
from parity_tests.tolerances import TOL

SEED, STEPS = 2023, 10
TEXT = "the quick brown fox jumps over the lazy dog, and the dog does not mind it much. " * 4


def text_as_numbers(torch: Any) -> tuple[Any, int]:
    """The text, one number for each character."""
    letters = sorted(set(TEXT))
    return torch.tensor([letters.index(c) for c in TEXT]), len(letters)


def detached(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state.detach()


def character_model(torch: Any, kind: str) -> list[float]:
    """A language model of characters; backward goes through one piece of text at a time."""
    nn = torch.nn

    class Model(nn.Module):
        def __init__(self, letters: int) -> None:
            super().__init__()
            self.embed = nn.Embedding(letters, 12)
            self.rnn = getattr(nn, kind)(12, 24, 2, dropout=0.2, batch_first=True)
            self.out = nn.Linear(24, letters)

        def forward(self, x: Any, state: Any = None) -> Any:
            y, state = self.rnn(self.embed(x), state)
            return self.out(y), state

    data, letters = text_as_numbers(torch)
    rows = data[: 4 * 80].reshape(4, 80)
    net = Model(letters)
    updater = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses, state = [], None
    for step in range(STEPS):
        start = 7 * step
        x, y = rows[:, start : start + 7], rows[:, start + 1 : start + 8]
        state = None if state is None else detached(state)
        scores, state = net(x, state)
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), y.flatten())
        updater.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        updater.step()
        losses.append(loss.item())
    return losses


def translation(torch: Any) -> list[float]:
    """An encoder, and a decoder that attends to its states: sequences turned round."""
    nn, F = torch.nn, torch.nn.functional

    class Decoder(nn.Module):
        def __init__(self, words: int, size: int) -> None:
            super().__init__()
            self.embed = nn.Embedding(words, size)
            self.cell = nn.GRUCell(2 * size, size)
            self.score = nn.Linear(2 * size, 1)
            self.out = nn.Linear(2 * size, words)

        def forward(self, word: Any, state: Any, memory: Any, hidden: Any) -> Any:
            asked = torch.cat([state.unsqueeze(1).expand_as(memory), memory], -1)
            scores = self.score(torch.tanh(asked)).squeeze(-1).masked_fill(hidden, -math.inf)
            context = torch.bmm(F.softmax(scores, -1).unsqueeze(1), memory).squeeze(1)
            state = self.cell(torch.cat([self.embed(word), context], -1), state)
            return self.out(torch.cat([state, context], -1)), state

    words, size = 9, 16
    lengths = torch.tensor([5, 3, 4, 2])
    hidden = torch.arange(5).unsqueeze(0) >= lengths.unsqueeze(1)
    source = torch.randint(1, words, (4, 5)).masked_fill(hidden, 0)
    target = source.flip(1)
    embed = nn.Embedding(words, size, padding_idx=0)
    encoder = nn.GRU(size, size // 2, bidirectional=True, batch_first=True)
    decoder = Decoder(words, size)
    weights = [w for part in (embed, encoder, decoder) for w in part.parameters()]
    updater = torch.optim.SGD(weights, lr=0.3, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        rnn = nn.utils.rnn
        packed = rnn.pack_padded_sequence(embed(source), lengths, True, enforce_sorted=False)
        memory, last = encoder(packed)
        memory, _ = rnn.pad_packed_sequence(memory, batch_first=True)
        state, word = torch.cat([last[0], last[1]], -1), torch.zeros(4, dtype=torch.int64)
        loss = 0.0
        for place in range(5):
            scores, state = decoder(word, state, memory, hidden)
            word = target[:, place]
            loss = loss + F.cross_entropy(scores, word, ignore_index=0) / 5
        updater.zero_grad()
        loss.backward()
        updater.step()
        losses.append(loss.item())
    return losses


def sentiment(torch: Any) -> list[float]:
    """A label for each of many sequences of several lengths, from the last states of an LSTM."""
    nn = torch.nn
    lengths = torch.randint(1, 9, (32,))
    sequences = [torch.randint(0, 20, (int(n),)) for n in lengths]
    labels = torch.tensor([float((s < 10).sum() > (s >= 10).sum()) for s in sequences])
    embed = nn.Embedding(20, 8)
    lstm = nn.LSTM(8, 16, 2, bidirectional=True, dropout=0.3)
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(32, 1))
    parts = nn.ModuleList([embed, lstm, head])
    updater = torch.optim.AdamW(parts.parameters(), lr=2e-2)
    batches = torch.utils.data.DataLoader(range(32), batch_size=16, shuffle=True)
    losses: list[float] = []
    while len(losses) < STEPS:
        for places in batches:
            chosen = [sequences[int(i)] for i in places]
            packed = nn.utils.rnn.pack_sequence(chosen, enforce_sorted=False)
            packed = nn.utils.rnn.PackedSequence(embed(packed.data), *packed[1:])
            _, (last, _) = lstm(packed)
            score = head(torch.cat([last[-2], last[-1]], -1)).squeeze(-1)
            loss = nn.functional.binary_cross_entropy_with_logits(score, labels[places])
            updater.zero_grad()
            loss.backward()
            updater.step()
            losses.append(loss.item())
    return losses


def small_gpt(torch: Any) -> list[float]:
    """A Transformer that predicts the next character, from the encoder's layers."""
    nn = torch.nn
    data, letters = text_as_numbers(torch)
    length, width = 16, 24

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(letters, width)
            self.places = nn.Embedding(length, width)
            layer = nn.TransformerEncoderLayer(
                width, 4, 4 * width, 0.1, "gelu", batch_first=True, norm_first=True
            )
            last = nn.LayerNorm(width)
            self.blocks = nn.TransformerEncoder(layer, 2, last, enable_nested_tensor=False)
            self.out = nn.Linear(width, letters, bias=False)
            self.out.weight = self.words.weight  # the same matrix at both ends

        def forward(self, x: Any) -> Any:
            mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))
            h = self.words(x) + self.places(torch.arange(x.size(1)))
            return self.out(self.blocks(h, mask=mask, is_causal=True))

    net = Model()
    updater = torch.optim.AdamW(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(STEPS):
        starts = torch.randint(0, len(data) - length - 1, (8,))
        x = torch.stack([data[i : i + length] for i in starts])
        y = torch.stack([data[i + 1 : i + length + 1] for i in starts])
        loss = nn.functional.cross_entropy(net(x).flatten(0, 1), y.flatten())
        updater.zero_grad()
        loss.backward()
        updater.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        written = [int(data[0])]
        for _ in range(5):  # the most likely continuation
            scores = net(torch.tensor([written]))
            written.append(int(scores[0, -1].argmax()))
    return [*losses, *map(float, written)]


def reversal(torch: Any) -> list[float]:
    """The whole Transformer, with padding and causal masks: sequences turned round."""
    nn = torch.nn
    words, width = 8, 16
    embed, out = nn.Embedding(words, width), nn.Linear(width, words)
    net = nn.Transformer(width, 2, 1, 1, 32, dropout=0.1, batch_first=True)
    parts = nn.ModuleList([embed, net, out])
    updater = torch.optim.Adam(parts.parameters(), lr=3e-3)
    source = torch.randint(1, words, (6, 7))
    hidden = torch.arange(7).unsqueeze(0) >= torch.tensor([7, 6, 5, 4, 7, 3]).unsqueeze(1)
    source = source.masked_fill(hidden, 0)
    target = source.flip(1)
    before = torch.cat([torch.zeros(6, 1, dtype=torch.int64), target[:, :-1]], 1)
    mask = nn.Transformer.generate_square_subsequent_mask(7)
    closed = torch.zeros(6, 7).masked_fill(hidden, -math.inf)
    losses = []
    for _ in range(STEPS):
        y = net(
            embed(source),
            embed(before),
            tgt_mask=mask,
            src_key_padding_mask=closed,
            memory_key_padding_mask=closed,
            tgt_is_causal=True,
        )
        loss = nn.functional.cross_entropy(out(y).transpose(1, 2), target)
        updater.zero_grad()
        loss.backward()
        updater.step()
        losses.append(loss.item())
    return losses


PROGRAMS: dict[str, Callable[[Any], list[float]]] = {
    "characters, RNN": lambda torch: character_model(torch, "RNN"),
    "characters, GRU": lambda torch: character_model(torch, "GRU"),
    "characters, LSTM": lambda torch: character_model(torch, "LSTM"),
    "translation": translation,
    "sentiment": sentiment,
    "small GPT": small_gpt,
    "reversal": reversal,
}


def losses_of(torch: Any, program: Callable[[Any], list[float]]) -> list[float]:
    torch.manual_seed(SEED)
    found = program(torch)
    return [*found, torch.rand(1).item()]


@scalar_bernoulli
@pytest.mark.parametrize("name", PROGRAMS)
def test_losses_from_the_same_seed(name: str) -> None:
    import torch

    mine, theirs = losses_of(minigrad, PROGRAMS[name]), losses_of(torch, PROGRAMS[name])
    np.testing.assert_allclose(mine, theirs, **TOL["float32"])
    assert len(theirs) > STEPS
    assert theirs[STEPS - 1] < theirs[0], "the comparison should see learning"
