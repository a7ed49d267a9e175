"""U-Net with skips, padding by F.pad, Dice loss, a ReduceLROnPlateau, and IoU by masks."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    """(convolution => [BN] => ReLU) * 2"""

    def __init__(self, in_channels, out_channels, mid_channels=None):
        super().__init__()
        if not mid_channels:
            mid_channels = out_channels
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels, bilinear=True):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(in_channels, out_channels, in_channels // 2)
        else:
            self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
            self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x1, x2):
        x1 = self.up(x1)
        diffY = x2.size()[2] - x1.size()[2]
        diffX = x2.size()[3] - x1.size()[3]
        x1 = F.pad(x1, [diffX // 2, diffX - diffX // 2, diffY // 2, diffY - diffY // 2])
        return self.conv(torch.cat([x2, x1], dim=1))


class UNet(nn.Module):
    def __init__(self, n_channels, n_classes, bilinear=False):
        super(UNet, self).__init__()
        factor = 2 if bilinear else 1
        self.inc = DoubleConv(n_channels, 6)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(6, 12))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(12, 24 // factor))
        self.up1 = Up(24, 12 // factor, bilinear)
        self.up2 = Up(12, 6, bilinear)
        self.outc = nn.Conv2d(6, n_classes, kernel_size=1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        return self.outc(self.up2(self.up1(x3, x2), x1))


def dice_coeff(input: torch.Tensor, target: torch.Tensor, epsilon: float = 1e-6):
    assert input.size() == target.size()
    inter = 2 * (input * target).sum(dim=(-1, -2))
    sets_sum = input.sum(dim=(-1, -2)) + target.sum(dim=(-1, -2))
    sets_sum = torch.where(sets_sum == 0, inter, sets_sum)
    return ((inter + epsilon) / (sets_sum + epsilon)).mean()


yy, xx = torch.meshgrid(torch.arange(21), torch.arange(19), indexing="ij")
centre = torch.randint(5, 14, (24, 2, 1, 1))
masks = ((yy - centre[:, 0]) ** 2 + (xx - centre[:, 1]) ** 2 < 16).long()
images = masks.unsqueeze(1).float() + 0.3 * torch.randn(24, 1, 21, 19)
for bilinear in (False, True):
    torch.manual_seed(0)
    net = UNet(1, 2, bilinear=bilinear)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3, weight_decay=1e-8, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=0)
    for epoch in range(3):
        net.train()
        for k in range(0, 16, 8):
            image, true = images[k : k + 8], masks[k : k + 8]
            image = image.to(dtype=torch.float32, memory_format=torch.channels_last)
            pred = net(image)
            loss = F.cross_entropy(pred, true)
            onehot = F.one_hot(true, 2).permute(0, 3, 1, 2).float()
            loss += 1 - dice_coeff(F.softmax(pred, dim=1).float(), onehot)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        net.eval()
        with torch.no_grad():
            out = net(images[16:]).argmax(1)
        inter = ((out == 1) & (masks[16:] == 1)).sum().item()
        union = ((out == 1) | (masks[16:] == 1)).sum().item()
        scheduler.step(round(inter / union, 3))
        print(f"epoch {epoch} loss {loss.item():.4f} IoU {inter / union:.2f}",
              optimizer.param_groups[0]["lr"])  # fmt: skip
