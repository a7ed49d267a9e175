"""CTC training of a small GRU with packed sequences, greedy decoding, zero_infinity."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


class Recogniser(nn.Module):
    def __init__(self, n_in, n_hidden, n_classes):
        super().__init__()
        self.gru = nn.GRU(n_in, n_hidden, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(2 * n_hidden)
        self.out = nn.Linear(2 * n_hidden, n_classes)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = self.gru(packed)
        out, lens = pad_packed_sequence(out, batch_first=True)
        return self.out(self.norm(out)).log_softmax(-1), lens


def make(n):
    xs, ys = [], []
    for _ in range(n):
        y = torch.randint(1, 5, (int(torch.randint(2, 5, (1,))),))
        frames = y.repeat_interleave(3)
        x = torch.nn.functional.one_hot(frames, 5).float() + 0.2 * torch.randn(len(frames), 5)
        xs.append(x)
        ys.append(y)
    return xs, ys


def greedy(log_probs, lens):
    for row, n in zip(log_probs.argmax(-1), lens):
        row = torch.unique_consecutive(row[:n])
        yield row[row != 0].tolist()


xs, ys = make(32)
x = pad_sequence(xs, batch_first=True)
lengths = torch.tensor([len(s) for s in xs])
targets, target_lengths = torch.cat(ys), torch.tensor([len(s) for s in ys])
model = Recogniser(5, 16, 5)
criterion = nn.CTCLoss(blank=0, zero_infinity=True)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-2, total_steps=25)
for epoch in range(25):
    log_probs, lens = model(x, lengths)
    loss = criterion(log_probs.transpose(0, 1), targets, lens, target_lengths)
    optimizer.zero_grad()
    loss.backward()
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if epoch % 6 == 0:
        print(
            f"{epoch} loss {loss.item():.5f} grad {grad_norm.item():.4f} lr {scheduler.get_last_lr()}"
        )
hits = sum(guess == y.tolist() for guess, y in zip(greedy(log_probs, lens), ys))
print(hits, "of", len(ys))
