"""A Transformer encoder that classifies padded sequences: positions, padding masks, warm-up."""

import math
from typing import List, Tuple

import torch
from torch import Tensor, nn
from torch.nn import TransformerEncoder, TransformerEncoderLayer
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


class PositionalEncoding(nn.Module):
    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.pe[:, : x.size(1)]
        return self.dropout(x)


class Classifier(nn.Module):
    def __init__(self, ntoken: int, d_model: int = 16, nhead: int = 4, nlayers: int = 2):
        super().__init__()
        self.pos_encoder = PositionalEncoding(d_model)
        layers = TransformerEncoderLayer(
            d_model, nhead, 32, 0.1, activation="gelu", batch_first=True
        )
        self.transformer_encoder = TransformerEncoder(layers, nlayers)
        self.encoder = nn.Embedding(ntoken, d_model, padding_idx=0)
        self.d_model = d_model
        self.decoder = nn.Linear(d_model, 2)

    def forward(self, src: Tensor) -> Tensor:
        mask = src == 0
        h = self.pos_encoder(self.encoder(src) * math.sqrt(self.d_model))
        h = self.transformer_encoder(h, src_key_padding_mask=mask)
        h = h.masked_fill(mask.unsqueeze(-1), 0).sum(1) / (~mask).sum(1, keepdim=True)
        return self.decoder(h)


def collate_batch(batch: List[Tuple[Tensor, int]]) -> Tuple[Tensor, Tensor]:
    texts, labels = zip(*batch)
    return pad_sequence(texts, batch_first=True), torch.tensor(labels, dtype=torch.int64)


torch.manual_seed(0)
data = []
for _ in range(96):
    text = torch.randint(1, 20, (int(torch.randint(4, 14, ())),))
    data.append((text, int((text == 7).any() or text[0] > 10)))
loader = DataLoader(data, batch_size=16, shuffle=True, collate_fn=collate_batch)
model = Classifier(20)
print(sum(p.numel() for p in model.parameters() if p.requires_grad))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
warmup = 6


def lr_lambda(step):
    if step < warmup:
        return float(step + 1) / warmup
    return max(0.0, 0.5 * (1 + math.cos(math.pi * (step - warmup) / 24)))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda)
for epoch in range(3):
    model.train()
    for step, (text, label) in enumerate(loader):
        logits = model(text)
        loss = nn.functional.cross_entropy(logits, label, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 3 == 0:
            print(f"{epoch}:{step} loss {loss.item():.4f} lr {scheduler.get_last_lr()[0]:.6f}")
    model.eval()
    with torch.inference_mode():
        logits = torch.cat(
            [model(text) for text, _ in DataLoader(data, 16, collate_fn=collate_batch)]
        )
        labels = torch.tensor([label for _, label in data])
        print("accuracy", (logits.argmax(-1) == labels).float().mean().item())
print(model)
