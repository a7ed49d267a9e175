"""Packed sequences, cells, attention layers, encoders and what is around them."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)


class LSTMTagger(nn.Module):
    def __init__(s, V, E, H, T):
        super().__init__()
        s.e = nn.Embedding(V, E, padding_idx=0)
        s.l = nn.LSTM(E, H, num_layers=2, bidirectional=True, batch_first=True)
        s.o = nn.Linear(2 * H, T)

    def forward(s, x, lens):
        p = nn.utils.rnn.pack_padded_sequence(s.e(x), lens, batch_first=True, enforce_sorted=False)
        o, (h, c) = s.l(p)
        o, l = nn.utils.rnn.pad_packed_sequence(o, batch_first=True, padding_value=-1.0)
        print(o.shape, l, h.shape)
        return F.log_softmax(s.o(o), -1), h


x = torch.tensor([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8], [2, 2, 0, 0, 0]])
lens = torch.tensor([3, 5, 2])
y = torch.tensor([[0, 1, 2, -100, -100], [1, 1, 1, 0, 2], [2, 0, -100, -100, -100]])
m = LSTMTagger(10, 6, 5, 3)
opt = torch.optim.RMSprop(m.parameters(), lr=0.01, alpha=0.9, centered=True)
for i in range(3):
    o, h = m(x, lens)
    l = F.nll_loss(o.transpose(1, 2), y, ignore_index=-100)
    opt.zero_grad()
    l.backward()
    nn.utils.clip_grad_value_(m.parameters(), 0.5)
    opt.step()
    print(l.item())
print(m.e.weight.grad[0], m.l.weight_ih_l0.shape, [n for n, _ in m.l.named_parameters()][:4])
gru = nn.GRU(4, 3, 2)
o, h = gru(torch.randn(5, 2, 4))
print(o.shape, h)
rnn = nn.RNN(4, 3, nonlinearity="relu")
print(rnn(torch.randn(2, 4))[0])
cell = nn.LSTMCell(4, 3)
hx = (torch.zeros(2, 3), torch.zeros(2, 3))
outs = []
for t in range(3):
    hx = cell(torch.randn(2, 4), hx)
    outs.append(hx[0])
print(torch.stack(outs).sum((1, 2)))
ps = nn.utils.rnn.pack_sequence([torch.arange(3.0), torch.arange(2.0)], enforce_sorted=False)
print(ps)
print(nn.utils.rnn.unpack_sequence(ps))
print(nn.utils.rnn.pad_sequence([torch.ones(2), torch.ones(3)], padding_value=9))
h = nn.Parameter(torch.zeros(1, 1, 3))
emb = nn.EmbeddingBag(10, 3, mode="sum")
print(emb(torch.tensor([1, 2, 4, 5]), torch.tensor([0, 2])).sum(1))
e = nn.Embedding.from_pretrained(torch.arange(6.0).view(3, 2), freeze=True)
print(e(torch.tensor([2])), e.weight.requires_grad)
mha = nn.MultiheadAttention(8, 2, batch_first=True)
q = torch.randn(2, 3, 8)
a, w = mha(q, q, q, key_padding_mask=torch.tensor([[False, False, True], [False, False, False]]))
print(a.shape, w[0])
print(F.scaled_dot_product_attention(q, q, q, is_causal=True)[0, 0])
tr = nn.Transformer(8, 2, 1, 1, 16, batch_first=True, dropout=0.0)
s, t = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
print(tr(s, t, tgt_mask=nn.Transformer.generate_square_subsequent_mask(3)).std())
enc = nn.TransformerEncoder(
    nn.TransformerEncoderLayer(8, 2, 16, 0.0, activation="gelu", norm_first=True, batch_first=True),
    2,
    enable_nested_tensor=False,
)
print(enc(s, src_key_padding_mask=torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]]).bool()).mean())
m.train()
print(F.dropout(torch.ones(8), 0.5, m.training))
d = nn.Dropout2d(0.5)
print(d(torch.ones(1, 4, 1, 1)).flatten())
beam = torch.tensor([[0.1, 0.6, 0.3]]).log()
s, i = beam.view(-1).topk(2)
print(s, i, torch.div(i, 2, rounding_mode="floor"))
