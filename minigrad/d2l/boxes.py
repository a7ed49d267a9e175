"""Anchor boxes: which there are, which object each is to find, and what a network says of them.

A box is four numbers: its left, top, right and bottom edge, or its centre, width and height. Where
they are parts of the picture's size, all lie between 0 and 1.

Source: https://d2l.ai/chapter_computer-vision/anchor.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Tensor

__all__ = [
    "assign_anchor_to_bbox",
    "box_center_to_corner",
    "box_corner_to_center",
    "box_iou",
    "multibox_detection",
    "multibox_prior",
    "multibox_target",
    "nms",
    "offset_boxes",
    "offset_inverse",
]


def box_corner_to_center(boxes: Tensor) -> Tensor:
    """Boxes (N, 4) as centre, width and height.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.box_corner_to_center(torch.tensor([[0., 0., 4., 2.]]))
    tensor([[2., 1., 4., 2.]])
    """
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), dim=-1)


def box_center_to_corner(boxes: Tensor) -> Tensor:
    """Boxes (N, 4) as left, top, right and bottom edge.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.box_center_to_corner(torch.tensor([[2., 1., 4., 2.]]))
    tensor([[0., 0., 4., 2.]])
    """
    x, y, w, h = boxes.unbind(1)
    return torch.stack((x - 0.5 * w, y - 0.5 * h, x + 0.5 * w, y + 0.5 * h), dim=-1)


def multibox_prior(data: Tensor, sizes: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Boxes of n sizes and m ratios about each pixel's centre: (1, H * W * (n + m - 1), 4).

    Formula: width s √r · height / width and height s / √r, for each s with the first r, and for the
    first s with every other r.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.multibox_prior(torch.zeros(1, 3, 2, 2), sizes=[0.5], ratios=[1, 2]).shape
    torch.Size([1, 8, 4])
    """
    height, width = data.shape[-2:]
    s, r = torch.tensor(sizes, device=data.device), torch.tensor(ratios, device=data.device)
    wide = torch.cat((s * torch.sqrt(r[0]), sizes[0] * torch.sqrt(r[1:]))) * height / width
    high = torch.cat((s / torch.sqrt(r[0]), sizes[0] / torch.sqrt(r[1:])))
    around = torch.stack((-wide, -high, wide, high)).T / 2
    down = (torch.arange(height, device=data.device) + 0.5) * (1.0 / height)
    across = (torch.arange(width, device=data.device) + 0.5) * (1.0 / width)
    y, x = (t.reshape(-1) for t in torch.meshgrid(down, across, indexing="ij"))
    centres = torch.stack((x, y, x, y), dim=1)
    return (centres[:, None] + around).reshape(1, -1, 4)


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Common area over joint area of boxes (N, 4) and boxes (M, 4): (N, M).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.box_iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 0., 3., 2.]]))
    tensor([[0.3333]])
    """
    areas1, areas2 = (((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])) for b in (boxes1, boxes2))
    upper = torch.max(boxes1[:, None, :2], boxes2[:, :2])
    lower = torch.min(boxes1[:, None, 2:], boxes2[:, 2:])
    sides = (lower - upper).clamp(min=0)
    common = sides[:, :, 0] * sides[:, :, 1]
    found: Tensor = common / (areas1[:, None] + areas2 - common)
    return found


def assign_anchor_to_bbox(
    ground_truth: Tensor, anchors: Tensor, device: Any, iou_threshold: float = 0.5
) -> Tensor:
    """The number of the true box that each anchor is to find, -1 for none: (anchors,), int64.

    Each anchor takes the box that it covers best, if it does so well enough; and each box gets the
    best anchor that is left, best pairs first.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> boxes = torch.tensor([[0., 0., 1., 1.], [0., 0., .1, .1]])
    >>> d2l.assign_anchor_to_bbox(boxes[:1], boxes, "cpu")
    tensor([ 0, -1])
    """
    overlap = box_iou(anchors, ground_truth)
    found = torch.full((anchors.shape[0],), -1, dtype=torch.long, device=device)
    most, which = torch.max(overlap, dim=1)
    enough = most >= iou_threshold
    found[enough] = which[enough]
    count = ground_truth.shape[0]
    for _ in range(count):
        best = torch.argmax(overlap)
        anchor, box = torch.div(best, count, rounding_mode="floor"), best % count
        found[anchor] = box
        overlap[:, box] = -1
        overlap[anchor, :] = -1
    return found


def offset_boxes(anchors: Tensor, assigned_bb: Tensor, eps: float = 1e-6) -> Tensor:
    """How far boxes lie from their anchors, scaled to be about as large as noise: (N, 4).

    Formula: 10 (centre - anchor's) / anchor's size, and 5 log(eps + size / anchor's size).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.offset_boxes(torch.tensor([[0., 0., 1., 1.]]), torch.tensor([[.5, 0., 1.5, 1.]]))[0, :2]
    tensor([5., 0.])
    """
    anchor, box = box_corner_to_center(anchors), box_corner_to_center(assigned_bb)
    place = 10 * (box[:, :2] - anchor[:, :2]) / anchor[:, 2:]
    size = 5 * torch.log(eps + box[:, 2:] / anchor[:, 2:])
    return torch.cat([place, size], dim=1)


def offset_inverse(anchors: Tensor, offset_preds: Tensor) -> Tensor:
    """The boxes that predicted offsets from anchors mean: (N, 4).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.offset_inverse(torch.tensor([[0., 0., 1., 1.]]), torch.tensor([[5., 0., 0., 0.]]))
    tensor([[0.5000, 0.0000, 1.5000, 1.0000]])
    """
    anchor = box_corner_to_center(anchors)
    place = offset_preds[:, :2] * anchor[:, 2:] / 10 + anchor[:, :2]
    size = torch.exp(offset_preds[:, 2:] / 5) * anchor[:, 2:]
    return box_center_to_corner(torch.cat((place, size), dim=1))


def multibox_target(anchors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a network is to say of anchors (1, A, 4), for labels (N, objects, 5) of class and box.

    Returns offsets (N, 4A), a mask (N, 4A) that is 0 where an anchor has no object, and classes
    (N, A), where 0 is the background and classes count from 1.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> anchors = torch.tensor([[[0., 0., 1., 1.], [0., 0., .1, .1]]])
    >>> d2l.multibox_target(anchors, torch.tensor([[[2., 0., 0., 1., 1.]]]))[2]
    tensor([[3, 0]])
    """
    anchors = anchors.squeeze(0)
    count, device = anchors.shape[0], anchors.device
    offsets, masks, classes = [], [], []
    for label in labels:
        found = assign_anchor_to_bbox(label[:, 1:], anchors, device)
        has = found >= 0
        mask = has.float().unsqueeze(-1).repeat(1, 4)
        named = torch.zeros(count, dtype=torch.long, device=device)
        boxes = torch.zeros((count, 4), dtype=torch.float32, device=device)
        named[has] = label[found[has], 0].long() + 1
        boxes[has] = label[found[has], 1:]
        offsets.append((offset_boxes(anchors, boxes) * mask).reshape(-1))
        masks.append(mask.reshape(-1))
        classes.append(named)
    return torch.stack(offsets), torch.stack(masks), torch.stack(classes)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The numbers of the boxes to keep, best first: none covers a better one by more than that.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> boxes = torch.tensor([[0., 0., 1., 1.], [0., 0., 1., .9], [2., 2., 3., 3.]])
    >>> d2l.nms(boxes, torch.tensor([.8, .9, .7]), 0.5)
    tensor([1, 2])
    """
    left, keep = torch.argsort(scores, dim=-1, descending=True), []
    while left.numel() > 0:
        best, left = left[0], left[1:]
        keep.append(int(best))
        overlap = box_iou(boxes[best].reshape(-1, 4), boxes[left].reshape(-1, 4)).reshape(-1)
        left = left[overlap <= iou_threshold]
    return torch.tensor(keep, device=boxes.device)


def multibox_detection(
    cls_probs: Tensor,
    offset_preds: Tensor,
    anchors: Tensor,
    nms_threshold: float = 0.5,
    pos_threshold: float = 0.009999999,
) -> Tensor:
    """Class (-1 for none), chance and box of each anchor, those that are kept first: (N, A, 6).

    ``cls_probs`` is (N, classes + 1, A) with the background as class 0, ``offset_preds`` (N, 4A),
    ``anchors`` (1, A, 4).

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> anchors = torch.tensor([[[0., 0., 1., 1.], [0., 0., 1., .9]]])
    >>> chances = torch.tensor([[[.1, .2], [.9, .8]]])
    >>> d2l.multibox_detection(chances, torch.zeros(1, 8), anchors)[0, :, :2]
    tensor([[ 0.0000,  0.9000],
            [-1.0000,  0.8000]])
    """
    anchors, out = anchors.squeeze(0), []
    for cls_prob, offset_pred in zip(cls_probs, offset_preds, strict=True):
        chance, number = torch.max(cls_prob[1:], 0)
        boxes = offset_inverse(anchors, offset_pred.reshape(-1, 4))
        keep = nms(boxes, chance, nms_threshold)
        every = torch.arange(cls_prob.shape[1], dtype=torch.long, device=cls_probs.device)
        seen, counts = torch.cat((keep, every)).unique(return_counts=True)
        others = seen[counts == 1]
        order = torch.cat((keep, others))
        number[others] = -1
        number, chance, boxes = number[order], chance[order], boxes[order]
        unlikely = chance < pos_threshold
        number[unlikely] = -1
        chance[unlikely] = 1 - chance[unlikely]
        out.append(torch.cat((number.unsqueeze(1), chance.unsqueeze(1), boxes), dim=1))
    return torch.stack(out)
