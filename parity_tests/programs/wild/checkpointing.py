"""Early stopping with checkpoints of model, optimizer, scheduler, random states; resuming."""

import os
import random
import shutil
from enum import Enum
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class AverageMeter(object):
    """Computes and stores the average and current value"""

    def __init__(self, name, fmt=":f"):
        self.name = name
        self.fmt = fmt
        self.val = self.avg = self.sum = self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count

    def __str__(self):
        fmtstr = "{name} {val" + self.fmt + "} ({avg" + self.fmt + "})"
        return fmtstr.format(**self.__dict__)


class Summary(Enum):
    NONE = 0


class EarlyStopping:
    def __init__(self, patience=2, delta=0.0, path="checkpoint.pt", trace_func=print):
        self.patience, self.delta, self.path, self.trace_func = patience, delta, path, trace_func
        self.counter = 0
        self.best_score = None
        self.early_stop = False
        self.val_loss_min = np.inf

    def __call__(self, val_loss, model):
        score = -val_loss
        if self.best_score is None or score >= self.best_score + self.delta:
            self.best_score = score
            self.trace_func(
                f"Validation loss decreased ({self.val_loss_min:.6f} --> {val_loss:.6f})"
            )
            torch.save(model.state_dict(), self.path)
            self.val_loss_min = val_loss
            self.counter = 0
        else:
            self.counter += 1
            self.trace_func(f"EarlyStopping counter: {self.counter} out of {self.patience}")
            self.early_stop = self.counter >= self.patience


def accuracy(output, target, topk=(1,)):
    with torch.no_grad():
        maxk = max(topk)
        batch_size = target.size(0)
        _, pred = output.topk(maxk, 1, True, True)
        pred = pred.t()
        correct = pred.eq(target.view(1, -1).expand_as(pred))
        res = []
        for k in topk:
            correct_k = correct[:k].reshape(-1).float().sum(0, keepdim=True)
            res.append(correct_k.mul_(100.0 / batch_size))
        return res


def save_checkpoint(state, is_best, filename="checkpoint.pth.tar"):
    torch.save(state, filename)
    if is_best:
        shutil.copyfile(filename, "model_best.pth.tar")


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    os.environ["PYTHONHASHSEED"] = str(seed)


def build():
    set_seed(17)
    model = nn.Sequential(nn.Linear(10, 24, bias=False), nn.BatchNorm1d(24), nn.PReLU(), nn.Dropout(0.3),
                          nn.Linear(24, 6))  # fmt: skip
    optimizer = optim.AdamW(model.parameters(), lr=0.02, amsgrad=True)
    warm = optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3)
    rest = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4, 2)
    scheduler = optim.lr_scheduler.SequentialLR(optimizer, [warm, rest], milestones=[3])
    return model, optimizer, scheduler


set_seed(5)
X = torch.randn(300, 10)
Y = (X @ torch.randn(10, 6)).argmax(1)
train_set, val_set = random_split(TensorDataset(X, Y), [240, 60], torch.Generator().manual_seed(1))
g = torch.Generator()
g.manual_seed(0)
train_loader = DataLoader(train_set, batch_size=40, shuffle=True, generator=g, pin_memory=False)
val_loader = DataLoader(val_set, batch_size=60)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
model, optimizer, scheduler = build()
stopper = EarlyStopping()


def train_epoch(epoch):
    losses, top1 = AverageMeter("Loss", ":.4e"), AverageMeter("Acc@1", ":6.2f")
    model.train()
    for images, target in train_loader:
        images, target = images.to("cpu", non_blocking=True), target.to("cpu", non_blocking=True)
        output = model(images)
        loss = criterion(output, target)
        acc1, acc3 = accuracy(output, target, topk=(1, 3))
        losses.update(loss.item(), images.size(0))
        top1.update(acc1[0].item(), images.size(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"Epoch: [{epoch}]", losses, top1, f"lr {optimizer.param_groups[0]['lr']:.6f}")


def validate():
    model.eval()
    with torch.no_grad():
        return sum(criterion(model(x), y).item() for x, y in val_loader) / len(val_loader)


for epoch in range(8):
    train_epoch(epoch)
    val = validate()
    stopper(val, model)
    save_checkpoint(
        {
            "epoch": epoch + 1,
            "state_dict": model.state_dict(),
            "best": stopper.val_loss_min,
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng": torch.get_rng_state(),
            "loader_rng": g.get_state(),
            "args": {"arch": "mlp", "sizes": [10, 24, 6], "none": None, "size": torch.Size([1, 2])},
        },
        epoch == 3,
    )
    if stopper.early_stop:
        print("Early stopping")
        break
final = validate()
model, optimizer, scheduler = build()
checkpoint = torch.load("model_best.pth.tar", map_location=torch.device("cpu"))
model.load_state_dict(checkpoint["state_dict"])
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler.load_state_dict(checkpoint["scheduler"])
torch.set_rng_state(checkpoint["rng"])
g.set_state(checkpoint["loader_rng"])
print("=> loaded checkpoint (epoch {})".format(checkpoint["epoch"]), checkpoint["args"])
for resumed in range(checkpoint["epoch"], epoch + 1):
    train_epoch(resumed)
print(validate() == final, sorted(checkpoint), Path("checkpoint.pt").exists())
print(optimizer.state_dict()["state"][0].keys(), optimizer.state_dict()["param_groups"][0].keys())
print(torch.load(Path("checkpoint.pt"), map_location=lambda storage, loc: storage).keys())
print(scheduler.state_dict().keys())
print(Summary.NONE)
del checkpoint
