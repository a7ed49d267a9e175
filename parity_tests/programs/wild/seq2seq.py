"""Translation with packed GRUs and Bahdanau attention: teacher forcing, beam search, masked loss."""

import math
import random
import time
import unicodedata
from io import open

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

device = "cuda" if torch.cuda.is_available() else "cpu"
random.seed(0)
np.random.seed(0)
torch.manual_seed(0)
PAD, SOS, EOS = 0, 1, 2
PAIRS = [
    ("i am cold", "j ai froid"),
    ("he runs", "il court"),
    ("she is tall", "elle est grande"),
    ("we are late today", "nous sommes en retard"),
    ("go", "va"),
    ("they sleep", "ils dorment"),
]


class Lang:
    def __init__(self, sentences):
        self.itos = ["<pad>", "<sos>", "<eos>"]
        for w in " ".join(sentences).split():
            if w not in self.itos:
                self.itos.append(w)
        self.stoi = {w: i for i, w in enumerate(self.itos)}

    def encode(self, s):
        return torch.tensor([self.stoi[w] for w in s.split()] + [EOS], dtype=torch.long)

    def decode(self, ids):
        return " ".join(self.itos[int(i)] for i in ids if i not in (PAD, SOS, EOS))


src_lang, trg_lang = Lang([a for a, _ in PAIRS]), Lang([b for _, b in PAIRS])


class Pairs(Dataset):
    def __len__(self):
        return len(PAIRS)

    def __getitem__(self, i):
        return src_lang.encode(PAIRS[i][0]), trg_lang.encode(PAIRS[i][1])


def collate(batch):
    batch.sort(key=lambda p: len(p[0]), reverse=True)
    src, trg = zip(*batch)
    return (
        pad_sequence(src, padding_value=PAD),
        torch.tensor([len(s) for s in src]),
        pad_sequence(trg, padding_value=PAD),
    )


class Encoder(nn.Module):
    def __init__(self, vocab, emb, hid):
        super(Encoder, self).__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=PAD)
        self.rnn = nn.GRU(emb, hid, bidirectional=True)
        self.fc = nn.Linear(hid * 2, hid)

    def forward(self, src, lengths):
        packed = pack_padded_sequence(self.embedding(src), lengths.cpu())
        outputs, hidden = self.rnn(packed)
        outputs, lens = pad_packed_sequence(outputs)
        hidden = torch.tanh(self.fc(torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1)))
        return outputs, hidden


class Attention(nn.Module):
    def __init__(self, hid):
        super().__init__()
        self.attn = nn.Linear(hid * 3, hid)
        self.v = nn.Parameter(torch.rand(hid))

    def forward(self, hidden, enc, mask):
        T, B = enc.shape[:2]
        hidden = hidden.unsqueeze(1).repeat(1, T, 1)
        enc = enc.permute(1, 0, 2)
        energy = torch.tanh(self.attn(torch.cat((hidden, enc), dim=2))).permute(0, 2, 1)
        v = self.v.repeat(B, 1).unsqueeze(1)
        scores = torch.bmm(v, energy).squeeze(1)
        return F.softmax(scores.masked_fill(mask == 0, -1e10), dim=1)


class Decoder(nn.Module):
    def __init__(self, vocab, emb, hid):
        super().__init__()
        self.vocab = vocab
        self.embedding = nn.Embedding(vocab, emb)
        self.attention = Attention(hid)
        self.rnn = nn.GRUCell(hid * 2 + emb, hid)
        self.out = nn.Linear(hid * 3 + emb, vocab)

    def forward(self, tok, hidden, enc, mask):
        e = self.embedding(tok)
        a = self.attention(hidden, enc, mask)
        w = torch.einsum("bt,tbh->bh", a, enc)
        hidden = self.rnn(torch.cat((e, w), 1), hidden)
        return self.out(torch.cat((hidden, w, e), dim=1)), hidden, a


class Seq2Seq(nn.Module):
    def __init__(self, enc, dec):
        super().__init__()
        self.enc, self.dec = enc, dec

    def forward(self, src, lengths, trg, ratio=0.5):
        T, B = trg.shape
        outputs = torch.zeros(T, B, self.dec.vocab, device=trg.device)
        enc, hidden = self.enc(src, lengths)
        tok, mask = torch.full((B,), SOS, dtype=torch.long), (src != PAD).permute(1, 0)
        for t in range(T):
            out, hidden, _ = self.dec(tok, hidden, enc, mask)
            outputs[t] = out
            tok = trg[t] if random.random() < ratio else out.argmax(1)
        return outputs

    @torch.no_grad()
    def beam(self, src, k=3, steps=6):
        enc, hidden = self.enc(src[:, None], torch.tensor([len(src)]))
        mask = torch.ones(1, len(src), dtype=torch.uint8)
        beams = [(0.0, [SOS], hidden)]
        for _ in range(steps):
            nxt = []
            for score, toks, h in beams:
                if toks[-1] == EOS:
                    nxt.append((score, toks, h))
                    continue
                out, h2, _ = self.dec(torch.tensor([toks[-1]]), h, enc, mask)
                logp, idx = F.log_softmax(out, -1).topk(k)
                nxt += [
                    (score + lp.item(), toks + [i.item()], h2) for lp, i in zip(logp[0], idx[0])
                ]
            beams = sorted(nxt, key=lambda b: -b[0] / len(b[1]) ** 0.7)[:k]
        return beams[0]


def init_weights(m):
    for name, param in m.named_parameters():
        if "weight" in name:
            nn.init.normal_(param.data, mean=0, std=0.1)
        else:
            nn.init.constant_(param.data, 0)


model = Seq2Seq(Encoder(len(src_lang.itos), 8, 12), Decoder(len(trg_lang.itos), 8, 12)).to(device)
model.apply(init_weights)
print(model)
print(
    f"The model has {sum(p.numel() for p in model.parameters() if p.requires_grad):,} trainable parameters"
)
optimizer = optim.Adam(model.parameters(), lr=0.02)
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
loader = DataLoader(Pairs(), batch_size=3, shuffle=True, collate_fn=collate)
for epoch in range(8):
    start, total = time.time(), 0
    for src, lengths, trg in loader:
        optimizer.zero_grad()
        out = model(src, lengths, trg)
        loss = criterion(out.view(-1, out.shape[-1]), trg.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        total += loss.item()
    print(
        f"Epoch: {epoch + 1:02} | Train Loss: {total / len(loader):.3f} | Train PPL: {math.exp(total / len(loader)):7.3f}"
    )
model.eval()
for a, b in PAIRS[:4]:
    score, toks, _ = model.beam(src_lang.encode(a))
    print(f"{a} > {trg_lang.decode(toks)} ({score:.3f})")
