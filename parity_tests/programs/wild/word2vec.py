"""Skip-gram with negative sampling, EmbeddingBag CBOW, and a matrix factorisation."""

import random
from collections import Counter

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
from torch.utils.data.sampler import RandomSampler, SubsetRandomSampler

text = "the quick brown fox jumps over the lazy dog while the small brown dog sleeps " * 8
words = text.split()
counts = Counter(words)
vocab = sorted(counts)
w2i = {w: i for i, w in enumerate(vocab)}
ids = [w2i[w] for w in words]
freq = torch.tensor([counts[w] for w in vocab], dtype=torch.float).pow(0.75)


class SkipGram(nn.Module):
    def __init__(self, emb_size, emb_dimension):
        super(SkipGram, self).__init__()
        self.u_embeddings = nn.Embedding(emb_size, emb_dimension, sparse=False)
        self.v_embeddings = nn.Embedding(emb_size, emb_dimension, sparse=False)
        initrange = 0.5 / emb_dimension
        self.u_embeddings.weight.data.uniform_(-initrange, initrange)
        self.v_embeddings.weight.data.uniform_(-0, 0)

    def forward(self, pos_u, pos_v, neg_v):
        emb_u = self.u_embeddings(pos_u)
        emb_v = self.v_embeddings(pos_v)
        emb_neg_v = self.v_embeddings(neg_v)
        score = torch.sum(torch.mul(emb_u, emb_v), dim=1)
        score = torch.clamp(score, max=10, min=-10)
        score = -F.logsigmoid(score)
        neg_score = torch.bmm(emb_neg_v, emb_u.unsqueeze(2)).squeeze()
        neg_score = torch.clamp(neg_score, max=10, min=-10)
        neg_score = -torch.sum(F.logsigmoid(-neg_score), dim=1)
        return torch.mean(score + neg_score)


pairs = [
    (ids[i], ids[j])
    for i in range(len(ids))
    for j in range(max(0, i - 2), min(len(ids), i + 3))
    if i != j
]
random.seed(1)
random.shuffle(pairs)
model = SkipGram(len(vocab), 10)
optimizer = optim.SGD(model.parameters(), lr=0.5)
for i in range(0, 360, 40):
    batch = pairs[i : i + 40]
    pos_u = Variable(torch.LongTensor([p[0] for p in batch]))
    pos_v = Variable(torch.LongTensor([p[1] for p in batch]))
    neg_v = torch.multinomial(freq, 40 * 5, replacement=True).view(40, 5)
    optimizer.zero_grad()
    loss = model.forward(pos_u, pos_v, neg_v)
    loss.backward()
    optimizer.step()
    if i % 120 == 0:
        print("Loss: %.5f" % loss.data.item())
emb = F.normalize(model.u_embeddings.weight.data, dim=1)
sim = emb @ emb[w2i["dog"]]
values, places = sim.topk(3)
print([vocab[p] for p in places], np.round(values.numpy(), 3)[0])


class CBOW(nn.Module):
    def __init__(self, vocab_size, embed_dim):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, mode="mean", sparse=False)
        self.fc = nn.Linear(embed_dim, vocab_size)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


cbow = CBOW(len(vocab), 10)
optimizer = optim.Adagrad(cbow.parameters(), lr=0.3)
for step in range(12):
    flat, offsets, target = [], [], []
    for i in range(2 + 4 * step, 6 + 4 * step):
        offsets.append(len(flat))
        flat += ids[i - 2 : i] + ids[i + 1 : i + 3]
        target.append(ids[i])
    out = cbow(torch.tensor(flat), torch.tensor(offsets))
    loss = F.cross_entropy(out, torch.tensor(target))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 4 == 3:
        print(f"cbow {step} {loss:.5f}")


class MatrixFactorization(torch.nn.Module):
    def __init__(self, n_users, n_items, n_factors=5):
        super().__init__()
        self.user_factors = torch.nn.Embedding(n_users, n_factors, sparse=False)
        self.item_factors = torch.nn.Embedding(n_items, n_factors, sparse=False)
        self.user_biases = torch.nn.Embedding(n_users, 1)
        self.item_biases = torch.nn.Embedding(n_items, 1, padding_idx=0)
        torch.nn.init.xavier_uniform_(self.user_factors.weight)
        self.item_factors.weight.data.uniform_(-0.01, 0.01)

    def forward(self, user, item):
        pred = self.user_biases(user) + self.item_biases(item)
        pred += (self.user_factors(user) * self.item_factors(item)).sum(dim=1, keepdim=True)
        return pred.squeeze()


mf = MatrixFactorization(20, 15)
ratings = torch.randint(1, 6, (20, 15)).float()
where = torch.rand(20, 15) < 0.5
rows, cols = where.nonzero(as_tuple=True)
sampler = SubsetRandomSampler(range(0, len(rows), 2))
print(len(sampler), len(RandomSampler(range(9))))
loss_func = torch.nn.MSELoss()
optimizer = torch.optim.SGD(mf.parameters(), lr=1e-1, weight_decay=1e-4)
for epoch in range(3):
    total = 0.0
    for batch in torch.utils.data.BatchSampler(sampler, 16, drop_last=False):
        prediction = mf(rows[batch], cols[batch])
        loss = loss_func(prediction, ratings[rows[batch], cols[batch]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss)
    print(epoch, round(total, 3))
