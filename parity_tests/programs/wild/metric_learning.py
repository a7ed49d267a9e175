"""Triplets with hard mining, ArcFace, proxies, cosine k-NN, a balanced batch sampler, EMA, t-SNE-less plots."""

import copy
import random
from collections import Counter

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parameter import Parameter
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, Sampler, TensorDataset

torch.manual_seed(7)
random.seed(7)
np.random.seed(7)


class PKSampler(Sampler):
    """P classes, K samples of each."""

    def __init__(self, labels, p, k):
        self.labels, self.p, self.k = np.asarray(labels), p, k
        self.by_class = {c: np.flatnonzero(self.labels == c) for c in np.unique(self.labels)}

    def __iter__(self):
        classes = list(self.by_class)
        random.shuffle(classes)
        for i in range(0, len(classes) - self.p + 1, self.p):
            batch = []
            for c in classes[i : i + self.p]:
                batch.extend(np.random.choice(self.by_class[c], self.k, replace=False).tolist())
            yield batch

    def __len__(self):
        return len(self.by_class) // self.p


def pairwise(x):
    dot = x @ x.t()
    sq = dot.diagonal()
    d = (sq.unsqueeze(1) - 2.0 * dot + sq.unsqueeze(0)).clamp(min=0.0)
    mask = d.eq(0.0).float()
    return (d + mask * 1e-16).sqrt() * (1.0 - mask)


class BatchHardTriplet(nn.Module):
    def __init__(self, margin=None):
        super().__init__()
        self.margin = margin

    def forward(self, emb, labels):
        d = pairwise(emb)
        same = labels[:, None] == labels[None, :]
        eye = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        hardest_pos = (d * (same & ~eye)).max(1)[0]
        hardest_neg = (d + d.max(1, keepdim=True)[0] * same).min(dim=1).values
        diff = hardest_pos - hardest_neg
        return F.softplus(diff).mean() if self.margin is None else F.relu(diff + self.margin).mean()


class ArcMargin(nn.Module):
    def __init__(self, dim, classes, s=16.0, m=0.3):
        super().__init__()
        self.weight = Parameter(torch.FloatTensor(classes, dim))
        nn.init.xavier_uniform_(self.weight)
        self.s, self.m = s, m

    def forward(self, x, label):
        cosine = F.linear(F.normalize(x), F.normalize(self.weight))
        sine = torch.sqrt((1.0 - torch.pow(cosine, 2)).clamp(0, 1))
        phi = cosine * np.cos(self.m) - sine * np.sin(self.m)
        phi = torch.where(
            cosine > np.cos(np.pi - self.m), phi, cosine - np.sin(np.pi - self.m) * self.m
        )
        one_hot = torch.zeros(cosine.size(), device=x.device)
        one_hot.scatter_(1, label.view(-1, 1).long(), 1)
        return self.s * (one_hot * phi + (1.0 - one_hot) * cosine)


class GeM(nn.Module):
    def __init__(self, p=3, eps=1e-6):
        super().__init__()
        self.p = Parameter(torch.ones(1) * p)
        self.eps = eps

    def forward(self, x):
        return F.avg_pool2d(x.clamp(min=self.eps).pow(self.p), (x.size(-2), x.size(-1))).pow(
            1.0 / self.p
        )

    def __repr__(self):
        return f"{self.__class__.__name__}(p={self.p.data.tolist()[0]:.4f}, eps={self.eps})"


class Embedder(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 6, 3, bias=False),
            nn.InstanceNorm2d(6, affine=True),
            nn.PReLU(6),
            nn.Conv2d(6, 8, 3, stride=2),
            nn.ELU(),
        )
        self.pool = GeM()
        self.fc = nn.utils.weight_norm(nn.Linear(8, dim, bias=False), name="weight")
        self.bn = nn.BatchNorm1d(dim)
        self.bn.bias.requires_grad_(False)

    def forward(self, x):
        return self.bn(self.fc(self.pool(self.body(x)).flatten(1)))


class EMA:
    def __init__(self, model, decay):
        self.module = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.module.parameters():
            p.requires_grad = False

    @torch.no_grad()
    def update(self, model):
        for e, m in zip(self.module.state_dict().values(), model.state_dict().values()):
            if e.dtype.is_floating_point:
                e.mul_(self.decay).add_(m, alpha=1 - self.decay)
            else:
                e.copy_(m)


def data(n, seed):
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 6
    x = torch.rand(n, 1, 9, 9, generator=g) * 0.5
    for i in range(n):
        x[i, 0, y[i] + 1, :] += 1
    return TensorDataset(x, y)


train = ConcatDataset([data(24, 1), data(24, 2)])
labels = [int(y) for _, y in train]
loader = DataLoader(train, batch_sampler=PKSampler(labels, 3, 4))
print(len(loader), Counter(labels).most_common(2), len(list(BatchSampler(range(10), 4, True))))
torch_warns = __import__("warnings")
with torch_warns.catch_warnings():
    torch_warns.simplefilter("ignore")
    net = Embedder()
print(net, [n for n, _ in net.named_parameters()])
head, triplet, ema = ArcMargin(8, 6), BatchHardTriplet(0.3), None
center = nn.Embedding(6, 8)
opt = torch.optim.Adam(
    [
        {"params": [p for p in net.parameters() if p.requires_grad]},
        {"params": head.parameters(), "lr": 5e-3},
    ],
    lr=1e-2,
    betas=(0.8, 0.99),
    amsgrad=True,
)
copt = torch.optim.SGD(center.parameters(), lr=0.5)
lam = torch.optim.lr_scheduler.LambdaLR(opt, [lambda e: 0.9**e, lambda e: 1.0 if e < 4 else 0.5])
for epoch in range(3):
    for x, y in loader:
        emb = net(x)
        loss = triplet(emb, y) + F.cross_entropy(head(emb, y), y, label_smoothing=0.1)
        pull = (emb - center(y)).pow(2).sum(1).mean()
        opt.zero_grad()
        copt.zero_grad()
        (loss + 0.01 * pull).backward()
        for p in center.parameters():
            p.grad.data *= 1.0 / 0.01
        opt.step()
        copt.step()
        if ema is None:
            with torch_warns.catch_warnings():
                torch_warns.simplefilter("ignore")
                ema = (
                    EMA(net, 0.9)
                    if not any(hasattr(m, "weight_g") for m in net.modules())
                    else False
                )
        if ema:
            ema.update(net)
    lam.step()
    print(
        epoch,
        f"{loss.item():.4f} {pull.item():.4f}",
        [f"{v:.5f}" for v in lam.get_last_lr()],
        net.pool,
    )
net.eval()
with torch.no_grad():
    gallery, query = data(24, 1)[:], data(12, 9)[:]
    g, q = F.normalize(net(gallery[0])), F.normalize(net(query[0]), dim=1)
    sim = q @ g.T
    nearest = gallery[1][sim.topk(5).indices]
    vote = torch.mode(nearest, dim=1).values
    recall = [(nearest[:, :k] == query[1][:, None]).any(1).float().mean().item() for k in (1, 5)]
print(vote.shape, [f"{r:.3f}" for r in recall], sim.shape, torch.cdist(q, g, p=2).argmin(1).shape)
print(
    F.triplet_margin_loss(q[:4], g[:4], g[4:8], margin=0.2),
    F.cosine_embedding_loss(q[:4], g[:4], torch.tensor([1, -1, 1, -1]), margin=0.1),
)
print(
    nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), swap=True
    )(q[:4], g[:4], g[4:8])
)
