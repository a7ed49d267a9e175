"""Augmentation, CIFAR-10 with it, fine-tuning: systems 46 to 48 of the study notes."""

# The notes' own way of writing stands.
# ruff: noqa: RUF059

import os
import warnings

import torch
import torchvision
from torch import nn


def program_46_augmentation():
    from d2l import torch as d2l
    from torchvision import transforms  # A09 A10

    d2l.set_figsize()
    img = d2l.Image.open("../data/hotdog/train/hotdog/5.png")  # W08 V06

    def apply(img, aug, num_rows=1, num_cols=4, scale=1.5):
        Y = [aug(img) for _ in range(num_rows * num_cols)]
        d2l.show_images(Y, num_rows, num_cols, scale=scale)  # W08 V06
        return Y

    shape_aug = transforms.RandomResizedCrop((50, 50), scale=(0.1, 1), ratio=(0.5, 2))  # S07
    color_aug = transforms.ColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)  # S08
    augs = [
        transforms.RandomHorizontalFlip(),  # S06
        transforms.RandomVerticalFlip(),  # S06
        shape_aug,
        transforms.ColorJitter(brightness=0.5, contrast=0, saturation=0, hue=0),  # S08
        transforms.ColorJitter(brightness=0, contrast=0, saturation=0, hue=0.5),
        color_aug,
        transforms.Compose([transforms.RandomHorizontalFlip(), color_aug, shape_aug]),  # S02
        transforms.RandomRotation(20),  # Z08
        transforms.GaussianBlur(3),  # Z08
        transforms.RandomAffine(0, translate=(0.2, 0.2)),  # Z08
    ]
    to_tensor = transforms.ToTensor()  # S01
    for aug in augs:
        made = apply(img, aug)
        print(aug, type(made[0]).__name__, made[0].size)  # V06
        yield torch.stack([to_tensor(picture) for picture in made])
    fixed = [
        transforms.Resize(24),  # S03
        transforms.Resize([25, 26]),  # S03
        transforms.CenterCrop(30),  # S04
    ]
    for aug in fixed:
        print(aug, aug(img).size)
        yield to_tensor(aug(img))
    grey = to_tensor(img.convert("L"))  # S01
    normal = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])  # S05 X30
    print(grey.shape, grey.dtype, float(grey.max()) <= 1, normal)  # X30
    yield normal(to_tensor(img))
    yield transforms.RandomErasing(p=1.0)(to_tensor(img))  # Z08
    print(transforms.Normalize((0.4915, 0.4823, 0.4468), (0.247, 0.2435, 0.2616)))  # X30


def program_47_cifar_with_augmentation():
    from d2l import torch as d2l

    train_augs = torchvision.transforms.Compose(
        [
            torchvision.transforms.RandomHorizontalFlip(),
            torchvision.transforms.ToTensor(),
        ]  # A09 S06
    )
    test_augs = torchvision.transforms.Compose([torchvision.transforms.ToTensor()])

    def load_cifar10(is_train, augs, batch_size):
        dataset = torchvision.datasets.CIFAR10(  # A09 T03
            root="../data", train=is_train, transform=augs, download=False
        )
        return torch.utils.data.DataLoader(
            dataset,
            batch_size=batch_size,
            shuffle=is_train,
            num_workers=d2l.get_dataloader_workers(),  # P05
        )

    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 2)),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip

    def init_weights(m):
        if type(m) in [nn.Linear, nn.Conv2d]:
            nn.init.xavier_uniform_(m.weight)

    net.apply(init_weights)
    train_iter = load_cifar10(True, train_augs, 50)
    test_iter = load_cifar10(False, test_augs, 50)
    loss = nn.CrossEntropyLoss(reduction="none")
    trainer = torch.optim.Adam(net.parameters(), lr=0.001)
    devices = d2l.try_all_gpus()
    d2l.train_ch13(net, train_iter, test_iter, loss, trainer, 1, devices)  # W05 K16
    X, y = next(iter(train_iter))
    total, right = d2l.train_batch_ch13(net, X, y, loss, trainer, devices)  # W05
    print(f"{total.item():.2f}", right)
    yield net[5].bias


def program_48_fine_tuning():
    from d2l import torch as d2l
    from torchvision import models, transforms

    train_imgs = torchvision.datasets.ImageFolder("../data/hotdog/train")  # T04
    print(torchvision.datasets.ImageFolder("../data/hotdog/test"))
    print(len(train_imgs), train_imgs.classes, train_imgs.class_to_idx)  # T05 T06
    hotdogs = [train_imgs[i][0] for i in range(3)]  # T05
    not_hotdogs = [train_imgs[-i - 1][0] for i in range(3)]  # T04 T05
    print([picture.size for picture in hotdogs + not_hotdogs], hotdogs[0].mode)
    normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    train_augs = transforms.Compose([
        transforms.RandomResizedCrop(48), transforms.RandomHorizontalFlip(),  # S07
        transforms.ToTensor(), normalize,
    ])  # fmt: skip
    test_augs = transforms.Compose([
        transforms.Resize([56, 56]), transforms.CenterCrop(48),  # S04
        transforms.ToTensor(), normalize,
    ])  # fmt: skip

    pretrained = torchvision.models.resnet18()  # U01 A09
    print(len(pretrained.state_dict()), sum(p.numel() for p in pretrained.parameters()))  # U01
    print(pretrained.fc, pretrained.fc.in_features)  # U03 J29
    torch.save(pretrained.state_dict(), "resnet18.params")
    finetune_net = models.resnet18()
    print(finetune_net.load_state_dict(torch.load("resnet18.params")))  # U02
    again = models.resnet18(pretrained="resnet18.params")  # U02
    print(torch.equal(again.conv1.weight, pretrained.conv1.weight))
    os.makedirs("hub/checkpoints", exist_ok=True)
    torch.save(pretrained.state_dict(), "hub/checkpoints/resnet18-f37072fd.pth")
    before = torch.hub.get_dir()
    torch.hub.set_dir("hub")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        downloaded = models.resnet18(pretrained=True)  # U02
    torch.hub.set_dir(before)
    print([str(warning.message) for warning in said])
    print(torch.equal(downloaded.fc.weight, pretrained.fc.weight))
    finetune_net.fc = nn.Linear(finetune_net.fc.in_features, 2)  # J29 U03
    nn.init.xavier_uniform_(finetune_net.fc.weight)
    print(finetune_net.fc)  # X27
    for name, param in finetune_net.named_parameters():  # J16
        if name.startswith(("conv1", "layer1")):
            param.requires_grad = False  # Z09
    param_1x = [
        param
        for name, param in finetune_net.named_parameters()
        if name not in ["fc.weight", "fc.bias"]
    ]
    learning_rate = 5e-5
    trainer = torch.optim.SGD(
        [
            {"params": param_1x},
            {"params": finetune_net.fc.parameters(), "lr": learning_rate * 10},  # O04
        ],
        lr=learning_rate, weight_decay=0.001,  # O02
    )  # fmt: skip
    print([(len(g["params"]), g["lr"], g["weight_decay"]) for g in trainer.param_groups])  # O04
    train_iter = torch.utils.data.DataLoader(
        torchvision.datasets.ImageFolder("../data/hotdog/train", transform=train_augs),
        4,
        shuffle=True,  # T04
    )
    test_iter = torch.utils.data.DataLoader(
        torchvision.datasets.ImageFolder("../data/hotdog/test", transform=test_augs), batch_size=8
    )
    loss, frozen = nn.CrossEntropyLoss(reduction="none"), finetune_net.conv1.weight.clone()
    for X, y in train_iter:
        value, right = d2l.train_batch_ch13(
            finetune_net, X, y, loss, trainer, [torch.device("cpu")]
        )
        print(f"{value.item() / len(y):.2f}")
        break
    print(torch.equal(frozen, finetune_net.conv1.weight))  # Z09
    print(0 <= d2l.evaluate_accuracy_gpu(finetune_net, test_iter) <= 1)
