"""Anchors, boxes, NMS, a small detector with focal loss and a feature pyramid, mAP."""

import itertools
import math
from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

torch.manual_seed(0)


class Target(NamedTuple):
    boxes: Tensor
    labels: Tensor


def box_area(b):
    return (b[:, 2] - b[:, 0]).clamp(0) * (b[:, 3] - b[:, 1]).clamp(0)


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    lt = torch.maximum(a[:, None, :2], b[None, :, :2])
    rb = torch.min(a[:, None, 2:], b[None, :, 2:])
    wh = (rb - lt).clamp_min(0)
    inter = wh.prod(-1)
    return inter / (box_area(a)[:, None] + box_area(b)[None] - inter).clamp_min_(1e-9)


def cxcywh_to_xyxy(x):
    c, s = x.split(2, dim=-1)
    return torch.cat((c - s / 2, c + s / 2), -1)


def nms(boxes, scores, thr=0.5):
    order, keep = scores.argsort(descending=True), []
    while order.numel():
        i = order[0]
        keep.append(i)
        if order.numel() == 1:
            break
        rest = order[1:]
        order = rest[box_iou(boxes[i][None], boxes[rest]).squeeze(0) <= thr]
    return torch.stack(keep) if keep else torch.empty(0, dtype=torch.long)


class Anchors(nn.Module):
    def __init__(self, strides=(8, 16), scales=(1.0, 2 ** (1 / 2)), ratios=(0.5, 1, 2)):
        super().__init__()
        self.strides, self.scales, self.ratios = strides, scales, ratios

    @torch.no_grad()
    def forward(self, size):
        out = []
        for s in self.strides:
            cell = torch.tensor(
                [
                    [4 * s * k * math.sqrt(r) / 2, 4 * s * k / math.sqrt(r) / 2]
                    for k, r in itertools.product(self.scales, self.ratios)
                ]
            )
            ys = (torch.arange(size[0] // s) + 0.5) * s
            xs = (torch.arange(size[1] // s) + 0.5) * s
            gy, gx = torch.meshgrid(ys, xs, indexing="ij")
            centers = torch.stack((gx, gy), -1).reshape(-1, 1, 2)
            out.append(
                torch.cat(
                    (centers.expand(-1, len(cell), 2), cell.expand(len(centers), -1, 2)), -1
                ).flatten(0, 1)
            )
        return torch.vstack(out)


class FPN(nn.Module):
    def __init__(self, cs, width):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in cs)
        self.smooth = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in cs])

    def forward(self, feats: List[Tensor]):
        xs = [l(f) for l, f in zip(self.lateral, feats)]
        for i in range(len(xs) - 1, 0, -1):
            xs[i - 1] = xs[i - 1] + F.interpolate(xs[i], scale_factor=2, mode="nearest")
        return [s(x) for s, x in zip(self.smooth, xs)]


class Detector(nn.Module):
    def __init__(self, classes=3, width=8, per_cell=6):
        super().__init__()
        act = nn.SiLU
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), act())
        self.c3 = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), act())
        self.c4 = nn.Sequential(nn.Conv2d(12, 16, 3, 2, 1, groups=2), act())
        self.fpn = FPN((12, 16), width)
        self.cls = nn.Conv2d(width, per_cell * classes, 3, padding=1)
        self.reg = nn.Conv2d(width, per_cell * 4, 3, padding=1)
        nn.init.constant_(self.cls.bias, -math.log((1 - 0.01) / 0.01))
        self.anchors, self.classes = Anchors(), classes

    def forward(self, x) -> Tuple[Tensor, Tensor, Tensor]:
        c3 = self.c3(self.stem(x))
        feats = self.fpn([c3, self.c4(c3)])
        flat = lambda t, k: t.permute(0, 2, 3, 1).contiguous().view(t.size(0), -1, k)
        return (
            torch.cat([flat(self.cls(f), self.classes) for f in feats], 1),
            torch.cat([flat(self.reg(f), 4) for f in feats], 1),
            self.anchors(x.shape[-2:]),
        )


def match(anchors, t: Target, low=0.4, high=0.5):
    if len(t.boxes) == 0:
        return anchors.new_full((len(anchors),), -1, dtype=torch.int64)
    ious = box_iou(cxcywh_to_xyxy(anchors), t.boxes)
    best, idx = ious.max(dim=1)
    idx = idx.masked_fill(best < high, -2)
    idx[best < low] = -1
    forced = ious.argmax(0)
    idx.index_put_((forced,), torch.arange(len(t.boxes)))
    return idx


def encode(boxes, anchors):
    c = (boxes[:, :2] + boxes[:, 2:]) / 2
    s = boxes[:, 2:] - boxes[:, :2]
    return torch.hstack(((c - anchors[:, :2]) / anchors[:, 2:], torch.log(s / anchors[:, 2:])))


def decode(d, anchors):
    return cxcywh_to_xyxy(
        torch.cat(
            (
                d[..., :2] * anchors[:, 2:] + anchors[:, :2],
                d[..., 2:].clamp(max=4).exp() * anchors[:, 2:],
            ),
            -1,
        )
    )


def sigmoid_focal(logits, targets, alpha=0.25, gamma=2):
    p = logits.sigmoid()
    ce = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    pt = p * targets + (1 - p) * (1 - targets)
    at = alpha * targets + (1 - alpha) * (1 - targets)
    return at * (1 - pt).pow(gamma) * ce


def criterion(cls, reg, anchors, targets: List[Target]) -> Dict[str, Tensor]:
    lc, lr, n = [], [], 0
    for c, r, t in zip(cls, reg, targets):
        idx = match(anchors, t)
        pos, used = idx >= 0, idx != -2
        onehot = torch.zeros_like(c)
        if pos.any():
            onehot[pos, t.labels[idx[pos]]] = 1.0
            lr.append(
                F.smooth_l1_loss(
                    r[pos], encode(t.boxes[idx[pos]], anchors[pos]), beta=0.1, reduction="sum"
                )
            )
        lc.append(sigmoid_focal(c[used], onehot[used]).sum())
        n += int(pos.sum())
    return {"cls": torch.stack(lc).sum() / max(n, 1), "reg": sum(lr) / max(4 * n, 1)}


def average_precision(scores: Tensor, hits: Tensor, total: int) -> float:
    order = torch.argsort(scores, descending=True, stable=True)
    tp = hits[order].cumsum(0).float()
    prec = tp / torch.arange(1, len(tp) + 1)
    rec = tp / total
    prec = prec.flip(0).cummax(0).values.flip(0)
    return torch.trapezoid(torch.cat([prec[:1], prec]), torch.cat([torch.zeros(1), rec])).item()


net = Detector()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.05, total_steps=8, pct_start=0.3)
imgs = torch.rand(3, 3, 64, 64)
targets = [
    Target(torch.tensor([[4.0, 6, 30, 40], [20, 20, 60, 58]]), torch.tensor([0, 2])),
    Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)),
    Target(torch.tensor([[10.0, 10, 50, 30]]), torch.tensor([1])),
]
print(net.anchors((64, 64)).shape, net.anchors((64, 64))[:2])
for step in range(8):
    losses = criterion(*net(imgs), targets)
    loss = sum(losses.values())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(net.parameters(), 1.0)
    opt.step()
    sched.step()
    print(
        step,
        {k: f"{v.item():.4f}" for k, v in losses.items()},
        f"{sched.get_last_lr()[0]:.5f}",
        f"{opt.param_groups[0]['momentum']:.4f}",
    )
net.eval()
with torch.no_grad():
    cls, reg, anchors = net(imgs)
    boxes = decode(reg, anchors).clamp_(0, 64)
    probs = cls.sigmoid()
    for b, p in zip(boxes, probs):
        top, which = p.flatten().topk(20)
        labels, where = which % 3, torch.div(which, 3, rounding_mode="floor")
        keep = nms(b[where] + labels[:, None] * 100.0, top)
        print(len(keep), labels[keep].unique(return_counts=True), b[where[keep]].shape)
print(
    f"{average_precision(torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([True, False, True, True]), 4):.4f}"
)
print(box_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2]])))
