"""Recommenders of the book: matrix factorisation, AutoRec, BPR and hinge losses, DeepFM."""

import torch
from torch import nn
from torch.nn import functional as F


class MF(nn.Module):
    def __init__(self, num_factors, num_users, num_items):
        super().__init__()
        self.P = nn.Embedding(num_users, num_factors)
        self.Q = nn.Embedding(num_items, num_factors)
        self.user_bias = nn.Embedding(num_users, 1)
        self.item_bias = nn.Embedding(num_items, 1)

    def forward(self, user_id, item_id):
        outputs = (self.P(user_id) * self.Q(item_id)).sum(axis=1, keepdims=True)
        return (outputs + self.user_bias(user_id) + self.item_bias(item_id)).flatten()


users, items = torch.randint(0, 5, (30,)), torch.randint(0, 6, (30,))
stars = torch.randint(1, 6, (30,)).float()
data = torch.utils.data.TensorDataset(users, items, stars)
train, test = torch.utils.data.random_split(data, [0.8, 0.2])
mf = MF(4, 5, 6)
print(mf, len(train), len(test))
trainer = torch.optim.Adam(mf.parameters(), lr=0.05, weight_decay=1e-5)
for epoch in range(3):
    for u, i, r in torch.utils.data.DataLoader(train, 8, shuffle=True):
        loss = F.mse_loss(mf(u, i), r)
        trainer.zero_grad()
        loss.backward()
        trainer.step()
    with torch.no_grad():
        u, i, r = zip(*test)
        rmse = F.mse_loss(mf(torch.stack(u), torch.stack(i)), torch.stack(r)).sqrt()
    print(f"epoch {epoch}, loss {loss:.4f}, rmse {rmse.item():.4f}")


class AutoRec(nn.Module):
    def __init__(self, num_hidden, num_users, dropout=0.05):
        super().__init__()
        self.encoder = nn.Linear(num_users, num_hidden)
        self.decoder = nn.Linear(num_hidden, num_users)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        pred = self.decoder(self.dropout(torch.sigmoid(self.encoder(x))))
        return pred * torch.sign(x) if self.training else pred


seen = torch.zeros(6, 5)
seen[items, users] = stars
autorec = AutoRec(3, 5)
out = autorec(seen)
((seen - out) ** 2).sum().backward()
print(out[:2], autorec.encoder.bias.grad, autorec.eval()(seen).sum(0))


def bpr(positive, negative):
    return -torch.mean(torch.log(torch.sigmoid(positive - negative)), 0, keepdims=True)


def hinge(positive, negative, margin=1):
    distances = positive - negative
    return torch.sum(torch.maximum(-distances + margin, torch.zeros_like(distances)))


p, n = torch.randn(2, 6, 1, requires_grad=True)
print(bpr(p, n), hinge(p, n), torch.autograd.grad(hinge(p, n), [p, n])[0].T)


class DeepFM(nn.Module):
    def __init__(self, field_dims, num_factors, mlp_dims, drop_rate=0.1):
        super().__init__()
        num_inputs = int(sum(field_dims))
        self.embedding = nn.Embedding(num_inputs, num_factors)
        self.fc = nn.Embedding(num_inputs, 1)
        self.linear_layer = nn.Linear(1, 1)
        input_dim = self.embed_output_dim = len(field_dims) * num_factors
        self.mlp = nn.Sequential()
        for k, dim in enumerate(mlp_dims):
            self.mlp.add_module(f"linear{k}", nn.Linear(input_dim, dim))
            self.mlp.add_module(f"relu{k}", nn.ReLU())
            self.mlp.add_module(f"dropout{k}", nn.Dropout(p=drop_rate))
            input_dim = dim
        self.mlp.add_module("out", nn.Linear(input_dim, 1))

    def forward(self, x):
        embed = self.embedding(x)
        square_of_sum = torch.sum(embed, axis=1) ** 2
        sum_of_square = torch.sum(embed**2, axis=1)
        inputs = torch.reshape(embed, (-1, self.embed_output_dim))
        return torch.sigmoid(
            self.linear_layer(self.fc(x).sum(1))
            + 0.5 * (square_of_sum - sum_of_square).sum(1, keepdims=True)
            + self.mlp(inputs)
        )


fm = DeepFM([3, 4, 5], 4, [6, 4])
clicks = torch.stack([torch.randint(lo, hi, (8,)) for lo, hi in ((0, 3), (3, 7), (7, 12))], 1)
y = torch.bernoulli(torch.full((8, 1), 0.3))
optimizer = torch.optim.Adam(fm.parameters(), lr=0.01)
for step in range(3):
    loss = nn.BCELoss()(fm(clicks), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss)
print(fm, fm.eval()(clicks[:2]))
top = torch.topk(mf.Q.weight @ mf.P.weight[0], 3)
print(top, torch.einsum("uf,if->ui", mf.P.weight, mf.Q.weight)[0])
