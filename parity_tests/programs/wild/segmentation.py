"""A small U-Net for masks: dice, focal loss, weighted sampler, collate, schedulers, early stopping."""

import csv
import io
import math
import os
import pickle
import random
from collections import defaultdict, deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, Subset, WeightedRandomSampler, random_split
from torch.utils.data.dataloader import default_collate

SEED = 1234


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


set_seed(SEED)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class Blobs(Dataset):
    def __init__(self, n=24, size=16, transform=None):
        self.rng = np.random.RandomState(0)
        self.items = []
        for i in range(n):
            yy, xx = np.mgrid[:size, :size]
            cy, cx, r = self.rng.randint(4, size - 4, 2).tolist() + [2 + i % 3]
            mask = ((yy - cy) ** 2 + (xx - cx) ** 2 <= r**2).astype(np.int64)
            img = (self.rng.rand(3, size, size) * 0.3 + mask * 0.7).astype(np.float32)
            self.items.append(
                (
                    img,
                    mask,
                    {"id": i, "center": (float(cy), float(cx)), "tags": ["a"] * (i % 3 + 1)},
                )
            )
        self.transform = transform

    def __len__(self):
        return len(self.items)

    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        img, mask, meta = self.items[idx]
        img, mask = torch.from_numpy(img.copy()), torch.from_numpy(mask.copy())
        if self.transform:
            img, mask = self.transform(img, mask)
        return img, mask, meta


def flip(img, mask):
    if torch.rand(1).item() < 0.5:
        img, mask = torch.flip(img, [2]), torch.flip(mask, [1])
    k = int(torch.randint(0, 4, (1,)))
    return torch.rot90(img, k, (1, 2)), torch.rot90(mask, k, (0, 1))


def collate(batch):
    imgs, masks, metas = zip(*batch)
    tags = [m.pop("tags") for m in (dict(m) for m in metas)]
    return (
        torch.stack(imgs),
        torch.stack(masks).long(),
        default_collate([{k: v for k, v in m.items() if k != "tags"} for m in metas]),
        tags,
    )


class DoubleConv(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1, bias=False),
            nn.BatchNorm2d(o),
            nn.ReLU(inplace=True),
            nn.Conv2d(o, o, 3, padding=1, bias=False),
            nn.GroupNorm(2, o),
            nn.LeakyReLU(0.1, True),
        )


class UNet(nn.Module):
    def __init__(self, classes=2, widths=(4, 8, 16)):
        super().__init__()
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        c = 3
        for w in widths:
            self.downs.append(DoubleConv(c, w))
            c = w
        for w in reversed(widths[:-1]):
            self.ups.append(
                nn.ModuleDict({"up": nn.ConvTranspose2d(c, w, 2, 2), "conv": DoubleConv(2 * w, w)})
            )
            c = w
        self.head = nn.Conv2d(c, classes, 1)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.apply(self._init)

    @staticmethod
    @torch.no_grad()
    def _init(m):
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            if m.bias is not None:
                nn.init.zeros_(m.bias)

    def forward(self, x):
        skips = []
        for i, d in enumerate(self.downs):
            x = d(x)
            if i < len(self.downs) - 1:
                skips.append(x)
                x = self.pool(x)
        for u, s in zip(self.ups, reversed(skips)):
            x = u["up"](x)
            if x.shape[-2:] != s.shape[-2:]:
                x = F.interpolate(x, size=s.shape[-2:], mode="bilinear", align_corners=False)
            x = u["conv"](torch.cat([s, x], dim=1))
        return self.head(x)


class DiceLoss(nn.Module):
    def __init__(self, smooth=1.0):
        super().__init__()
        self.register_buffer("smooth", torch.tensor(smooth))

    def forward(self, logits, target):
        probs = logits.softmax(1)
        onehot = F.one_hot(target, logits.size(1)).permute(0, 3, 1, 2).type_as(probs)
        dims = (0, 2, 3)
        inter = (probs * onehot).sum(dims)
        union = probs.sum(dims) + onehot.sum(dims)
        return 1 - ((2 * inter + self.smooth) / (union + self.smooth)).mean()


def focal(logits, target, gamma=2.0, alpha=None):
    ce = F.cross_entropy(logits, target, weight=alpha, reduction="none", ignore_index=255)
    pt = torch.exp(-ce)
    return ((1 - pt) ** gamma * ce).mean()


def iou(pred, target, n):
    hist = (
        torch.bincount(n * target.reshape(-1) + pred.reshape(-1), minlength=n**2)
        .reshape(n, n)
        .float()
    )
    return torch.diag(hist) / (hist.sum(0) + hist.sum(1) - torch.diag(hist)).clamp(min=1)


class SmoothedValue:
    def __init__(self, window=5):
        self.deque, self.total, self.count = deque(maxlen=window), 0.0, 0

    def update(self, v, n=1):
        self.deque.append(v)
        self.total += v * n
        self.count += n

    @property
    def median(self):
        return torch.tensor(list(self.deque)).median().item()

    @property
    def global_avg(self):
        return self.total / max(self.count, 1)


class EarlyStopping:
    def __init__(self, patience=2, path="best.pt"):
        self.patience, self.best, self.bad, self.path = patience, math.inf, 0, path

    def __call__(self, score, model):
        if score < self.best - 1e-6:
            self.best, self.bad = score, 0
            torch.save({"model": model.state_dict(), "score": score}, self.path)
        else:
            self.bad += 1
        return self.bad >= self.patience


full = Blobs(transform=flip)
train_set, val_set = random_split(full, [18, 6], generator=torch.Generator().manual_seed(3))
weights = torch.tensor([1.0 + (i % 3) for i in train_set.indices])
sampler = WeightedRandomSampler(weights, num_samples=len(train_set), replacement=True)
train_loader = DataLoader(
    train_set, batch_size=5, sampler=sampler, collate_fn=collate, drop_last=True
)
val_loader = DataLoader(Subset(Blobs(), val_set.indices), batch_size=4, collate_fn=collate)

model = UNet().to(device)
decay, no_decay = [], []
for name, p in model.named_parameters():
    (no_decay if p.ndim <= 1 or name.endswith(".bias") else decay).append(p)
optimizer = optim.AdamW(
    [{"params": decay, "weight_decay": 1e-2}, {"params": no_decay, "weight_decay": 0.0}], lr=1e-2
)
warmup = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=3)
cosine = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=4, T_mult=2, eta_min=1e-4)
scheduler = lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[3])
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.5)
dice = DiceLoss()
stopper = EarlyStopping()
log = io.StringIO()
writer = csv.DictWriter(log, fieldnames=["epoch", "loss", "miou", "lr"])
writer.writeheader()
grad_norms, hooks = defaultdict(list), []
for name, m in model.named_modules():
    if isinstance(m, nn.ConvTranspose2d):
        hooks.append(
            m.register_full_backward_hook(
                lambda mod, gi, go, name=name: grad_norms[name].append(
                    round(go[0].norm().item(), 4)
                )
            )
        )

for epoch in range(3):
    model.train()
    meter = SmoothedValue()
    for imgs, masks, meta, tags in train_loader:
        imgs, masks = imgs.to(device, non_blocking=True), masks.to(device)
        out = model(imgs)
        loss = dice(out, masks) + focal(out, masks, alpha=torch.tensor([0.3, 0.7]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        total = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        meter.update(loss.item(), imgs.size(0))
    model.eval()
    with torch.inference_mode():
        scores = torch.stack([iou(model(i).argmax(1), m, 2) for i, m, *_ in val_loader])
    val = 1 - scores.mean().item()
    plateau.step(val)
    lr = optimizer.param_groups[0]["lr"]
    writer.writerow(
        {
            "epoch": epoch,
            "loss": f"{meter.global_avg:.4f}",
            "miou": f"{1 - val:.4f}",
            "lr": f"{lr:.6f}",
        }
    )
    print(
        f"epoch {epoch}: loss {meter.median:.4f} ({meter.global_avg:.4f}) norm {total:.3f} meta {meta['id'].dtype} {meta['center'][0].dtype}",
        tags[0],
    )
    if stopper(val, model):
        break
for h in hooks:
    h.remove()
print(log.getvalue())
print({k: len(v) for k, v in grad_norms.items()}, [v[0] for v in grad_norms.values()])
state = torch.load("best.pt", map_location="cpu", weights_only=True)
print(sorted(state), list(state["model"])[:3], state["score"] == stopper.best)
print(
    model.load_state_dict(state["model"]),
    plateau.state_dict()["num_bad_epochs"],
    scheduler.get_last_lr(),
)
blob = pickle.dumps(
    {"opt": optimizer.state_dict(), "sched": scheduler.state_dict(), "rng": torch.get_rng_state()}
)
back = pickle.loads(blob)
optimizer.load_state_dict(back["opt"])
print(
    len(back["opt"]["state"]),
    back["rng"].shape,
    back["rng"].dtype,
    back["opt"]["param_groups"][1]["params"][:3],
)
print(
    sum(p.numel() for p in model.parameters() if p.requires_grad), dice, os.path.exists("best.pt")
)
