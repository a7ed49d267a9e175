"""A siamese network with BCE on pairs, xavier weights by type, and an old-style sigmoid."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset


class APP_MATCHER(Dataset):
    def __init__(self, n=200):
        super().__init__()
        self.targets = torch.randint(4, (n,))
        self.data = (60 * torch.rand(n, 1, 20, 20)).to(torch.uint8)
        for k, t in enumerate(self.targets):
            self.data[k, 0, 5 * t : 5 * t + 5] += 150
        self.group_examples()

    def group_examples(self):
        np_arr = self.targets.clone().numpy()
        self.grouped_examples = {i: (np_arr == i).nonzero()[0] for i in range(4)}

    def __len__(self):
        return self.data.shape[0]

    def __getitem__(self, index):
        selected_class = random.randint(0, 3)
        random_index_1 = random.choice(self.grouped_examples[selected_class])
        image_1 = self.data[random_index_1].clone().float() / 255
        if index % 2 == 0:
            other_class, target = selected_class, torch.tensor(1, dtype=torch.float)
        else:
            other_class = (selected_class + random.randint(1, 3)) % 4
            target = torch.tensor(0, dtype=torch.float)
        random_index_2 = random.choice(self.grouped_examples[other_class])
        return image_1, self.data[random_index_2].clone().float() / 255, target


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.body = torch.nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU6(inplace=True),
            nn.Conv2d(8, 16, 3), nn.AdaptiveAvgPool2d((3, 3)),
        )  # fmt: skip
        self.fc_in_features = 16 * 9
        self.fc = nn.Sequential(
            nn.Linear(self.fc_in_features * 2, 32), nn.ReLU(inplace=True), nn.Linear(32, 1)
        )
        self.sigmoid = nn.Sigmoid()
        self.body.apply(self.init_weights)
        self.fc.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.body(x)
        return output.view(output.size()[0], -1)

    def forward(self, input1, input2):
        output = torch.cat((self.forward_once(input1), self.forward_once(input2)), 1)
        return self.sigmoid(self.fc(output))


torch.manual_seed(1)
random.seed(1)
train_dataset = APP_MATCHER()
train_loader = DataLoader(train_dataset, batch_size=25, shuffle=True)
model = SiameseNetwork()
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
criterion = nn.BCELoss()
for epoch in range(2):
    model.train()
    for batch_idx, (images_1, images_2, targets) in enumerate(train_loader):
        optimizer.zero_grad()
        outputs = model(images_1, images_2).squeeze()
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        if batch_idx % 3 == 0:
            print("Train Epoch: {} [{}]\tLoss: {:.6f}".format(epoch, batch_idx, loss.item()))
    scheduler.step()
    print(scheduler.get_last_lr(), optimizer.param_groups[0]["lr"])
model.eval()
with torch.no_grad():
    correct = 0
    for images_1, images_2, targets in train_loader:
        outputs = model(images_1, images_2).squeeze()
        pred = torch.where(outputs > 0.5, 1, 0)
        correct += pred.eq(targets.view_as(pred)).sum().item()
print(correct)
print(F.sigmoid(torch.tensor([0.5])), F.tanh(torch.tensor([0.5])))
