"""Sub-pixel super-resolution, PSNR, checkpoints of whole models."""

from __future__ import print_function

from math import log10

import torch
import torch.nn as nn
import torch.nn.init as init
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super(Net, self).__init__()

        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 16, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(16, 16, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(16, 8, (3, 3), (1, 1), (1, 1))
        self.conv4 = nn.Conv2d(8, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)

        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x))
        x = self.pixel_shuffle(self.conv4(x))
        return x

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv3.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv4.weight)


torch.manual_seed(123)
y = torch.linspace(0, 6, 16)
waves = torch.sin(y[:, None] * torch.rand(64, 1, 1, 1) * 2 + y * torch.rand(64, 1, 1, 1) * 2)
low = nn.functional.interpolate(waves, scale_factor=0.5, mode="bicubic", align_corners=False)
training_data_loader = DataLoader(TensorDataset(low, waves), batch_size=16, shuffle=True)
testing_data_loader = DataLoader(dataset=TensorDataset(low[:20], waves[:20]), batch_size=10)
model = Net(upscale_factor=2)
criterion = nn.MSELoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)

for epoch in range(1, 4):
    epoch_loss = 0
    for iteration, batch in enumerate(training_data_loader, 1):
        input, target = batch[0], batch[1]
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        epoch_loss += loss.item()
        loss.backward()
        optimizer.step()
    print("===> Epoch {} Avg. Loss: {:.4f}".format(epoch, epoch_loss / len(training_data_loader)))
    avg_psnr = 0
    with torch.no_grad():
        for batch in testing_data_loader:
            mse = criterion(model(batch[0]), batch[1])
            avg_psnr += 10 * log10(1 / mse.item())
    print("===> Avg. PSNR: {:.4f} dB".format(avg_psnr / len(testing_data_loader)))
    model_out_path = "model_epoch_{}.pth".format(epoch)
    torch.save(model, model_out_path)
again = torch.load("model_epoch_3.pth", weights_only=False)
print(torch.equal(again(low), model(low)), type(again).__name__)
try:
    torch.load("model_epoch_3.pth")
except Exception as error:
    print(type(error).__name__, "Weights only load failed" in str(error))
