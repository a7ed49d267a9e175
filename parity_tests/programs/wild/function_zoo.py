"""Activations, losses, pooling, padding and resizing, each once."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(2, 3, 8, 8)
print(
    F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)[0, 0, 0, :4],
    F.interpolate(x, size=(5, 5), mode="bicubic", align_corners=True)[0, 0, 0],
    F.interpolate(x, (4, 4), mode="area").mean(),
    F.interpolate(x, scale_factor=1.5, mode="nearest").shape,
    F.interpolate(x, (3, 3), mode="bilinear", antialias=True)[0, 0],
)
th = torch.tensor([[[0.7, -0.7, 0.1], [0.7, 0.7, 0.0]]]).repeat(2, 1, 1)
g = F.affine_grid(th, x.size(), align_corners=False)
print(F.grid_sample(x, g, align_corners=False, padding_mode="border")[0, 0, 0])
print(
    F.unfold(x, 3, padding=1, stride=2).shape,
    F.fold(F.unfold(x, 2, stride=2), (8, 8), 2, stride=2).equal(x),
    F.pixel_shuffle(torch.randn(1, 8, 2, 2), 2).shape,
    F.max_pool2d(x, 2, return_indices=True)[1][0, 0],
    F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2).count_nonzero(),
    F.lp_pool2d(x, 2, 2)[0, 0, 0],
    F.adaptive_max_pool2d(x, (3, 2))[0, 0],
    F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)[0, 0, 0],
)
print(
    F.pad(x, (1, 2, 0, 1), mode="reflect").shape,
    F.pad(x[:, :, :2, :2], (1, 1, 1, 1), "circular")[0, 0],
    F.pad(torch.ones(2), (1, 1), value=5.0),
    F.conv2d(x, torch.randn(6, 1, 3, 3), groups=3, dilation=2, padding=2).std(),
    F.conv_transpose2d(x, torch.randn(3, 2, 3, 3), stride=2, padding=1, output_padding=1).shape,
    F.conv1d(x[:, :, 0], torch.randn(4, 3, 3), padding="same").sum(),
)
print(
    F.local_response_norm(x, 3)[0, 0, 0],
    F.group_norm(x, 3).std(),
    F.instance_norm(x).mean().abs() < 1e-6,
    F.layer_norm(x, x.shape[1:])[0, 0, 0],
    F.batch_norm(x, torch.zeros(3), torch.ones(3))[0, 0, 0],
    F.normalize(x, dim=1).norm(dim=1)[0, 0],
)
for n in "relu relu6 elu selu celu gelu silu mish hardswish hardsigmoid hardtanh leaky_relu softplus softsign tanhshrink softshrink hardshrink logsigmoid threshold glu softmin".split():
    f = getattr(F, n)
    a = torch.linspace(-3, 3, 6, requires_grad=True)
    y = f(a, 0.1, 20.0) if n == "threshold" else f(a, dim=0) if n == "softmin" else f(a)
    y.sum().backward()
    print(n, y.detach(), a.grad)
print(
    F.gumbel_softmax(torch.randn(2, 4), tau=0.5, hard=True),
    F.one_hot(torch.tensor([0, 2]), 4),
    F.rrelu(torch.tensor([-1.0, 1.0]), training=False),
    F.prelu(torch.tensor([-1.0, 1.0]), torch.tensor([0.2])),
)
i = torch.randn(4, 5)
t = torch.tensor([1, 0, 4, 2])
p = torch.rand(4, 5)
print(
    F.cross_entropy(i, t, weight=torch.arange(1.0, 6.0)),
    F.cross_entropy(i, p.softmax(1)),
    F.cross_entropy(i, t, reduction="none", label_smoothing=0.2),
    F.nll_loss(i.log_softmax(1), t),
    F.kl_div(i.log_softmax(1), p.softmax(1), reduction="batchmean"),
    F.binary_cross_entropy_with_logits(i, p, pos_weight=torch.full((5,), 2.0)),
    F.mse_loss(i, p),
    F.l1_loss(i, p, reduction="sum"),
    F.smooth_l1_loss(i, p, beta=0.5),
    F.huber_loss(i, p, delta=0.3),
    F.poisson_nll_loss(i, p),
    F.gaussian_nll_loss(i, p, torch.ones(4, 5)),
    F.hinge_embedding_loss(i, p.sign()),
    F.margin_ranking_loss(i[:, 0], i[:, 1], torch.tensor([1.0, -1, 1, 1])),
    F.multi_margin_loss(i, t),
    F.multilabel_margin_loss(i, torch.tensor([[1, 2, -1, 0, 0]] * 4)),
    F.multilabel_soft_margin_loss(i, (p > 0.5).float()),
    F.soft_margin_loss(i, p.round() * 2 - 1),
)


def focal(l, t, g=2, a=0.25):
    ce = F.binary_cross_entropy_with_logits(l, t, reduction="none")
    pt = torch.exp(-ce)
    return (a * (1 - pt) ** g * ce).mean()


def dice(l, t, s=1.0):
    l = l.sigmoid().flatten(1)
    t = t.flatten(1)
    return 1 - ((2 * (l * t).sum(1) + s) / (l.sum(1) + t.sum(1) + s)).mean()


print(focal(i, p.round()), dice(i, p.round()))
m = nn.Sequential(
    nn.Conv2d(3, 4, 3, padding=1, padding_mode="replicate"),
    nn.BatchNorm2d(4, momentum=None),
    nn.Hardswish(),
    nn.Dropout2d(0.2),
    nn.AdaptiveAvgPool2d((1, 1)),
    nn.Flatten(),
    nn.Linear(4, 2),
)
for _ in range(2):
    m(x)
print(m[1].running_mean, m[1].num_batches_tracked)
m.eval()
print(m(x))
bn = nn.BatchNorm1d(3, affine=False, track_running_stats=False)
print(bn, bn(torch.randn(4, 3)).std(0, unbiased=False))
m.to(memory_format=torch.channels_last)
print(
    x.to(memory_format=torch.channels_last).stride(),
    x.is_contiguous(memory_format=torch.channels_last),
)
fused = nn.utils.fusion.fuse_conv_bn_eval(m[0], m[1]) if hasattr(nn.utils, "fusion") else None
print(fused is None or torch.allclose(fused(x), m[1](m[0](x)), atol=1e-5))
print(torch.hann_window(5))
