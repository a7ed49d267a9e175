"""Hooks: features, Grad-CAM, guided backprop, activation statistics, gradient hooks, surgery."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion: int = 1

    def __init__(self, inplanes, planes, stride=1, norm_layer=None):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = norm_layer(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or inplanes != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride, bias=False), norm_layer(planes)
            )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True)
        )
        self.layer1 = self._make_layer(8, 8, 1, 1)
        self.layer2 = self._make_layer(8, 16, 2, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(16, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_layer(self, inplanes, planes, blocks, stride):
        strides = [stride] + [1] * (blocks - 1)
        layers = []
        for s in strides:
            layers.append(BasicBlock(inplanes, planes, s))
            inplanes = planes * BasicBlock.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


torch.manual_seed(0)
model = ResNet()
x = torch.randn(2, 3, 12, 12, requires_grad=True)
activation = {}


def get_activation(name):
    def hook(model, input, output):
        activation[name] = output.detach()

    return hook


handles = [m.register_forward_hook(get_activation(n)) for n, m in model.named_modules()
           if isinstance(m, nn.Conv2d)]  # fmt: skip
model(x)
for name, value in activation.items():
    print(f"{name:25s} {tuple(value.shape)} {value.mean():.5f} {value.std():.5f}")
for h in handles:
    h.remove()


class GradCAM:
    def __init__(self, model, layer):
        self.model, self.gradient, self.activations = model, None, None
        layer.register_forward_hook(self.forward_hook)
        layer.register_full_backward_hook(self.backward_hook)

    def forward_hook(self, module, input, output):
        self.activations = output

    def backward_hook(self, module, grad_input, grad_output):
        self.gradient = grad_output[0]

    def __call__(self, x):
        self.model.eval()
        self.model.zero_grad()
        output = self.model(x)
        one_hot = torch.zeros(output.size()).scatter_(1, output.argmax(1, keepdim=True), 1)
        output.backward(gradient=one_hot, retain_graph=True)
        weights = self.gradient.mean(dim=(2, 3), keepdim=True)
        cam = F.relu((weights * self.activations).sum(1, keepdim=True))
        cam = F.interpolate(cam, x.shape[2:], mode="bilinear", align_corners=False)
        cam -= cam.amin((2, 3), keepdim=True)
        return (cam / (cam.amax((2, 3), keepdim=True) + 1e-8)).detach()


cam = GradCAM(model, model.layer2[-1].conv2)(x)
print(cam.shape, cam.mean(), x.grad.abs().max())


def clamp_negative(module, grad_in, grad_out):
    return (torch.clamp(grad_in[0], min=0.0),)


for name, module in model.named_modules():
    if isinstance(module, nn.ReLU):
        module.inplace = False
        module.register_full_backward_hook(clamp_negative)
x.grad = None
model(x).sum().backward()
print(x.grad.norm())

seen = []
p = model.fc.weight
handle = p.register_hook(lambda g: seen.append(g.norm().item()) or g * 0.1)
model.zero_grad()
model(x).pow(2).sum().backward()
print(seen, p.grad.norm())
handle.remove()

pre = model.fc.register_forward_pre_hook(lambda m, inp: (inp[0] * 2,))
print(model(x)[0])
pre.remove()

for param in model.parameters():
    param.requires_grad = False
num_ftrs = model.fc.in_features
model.fc = nn.Linear(num_ftrs, 2)
print(
    sum(p.numel() for p in model.parameters()),
    sum(p.numel() for p in model.parameters() if p.requires_grad),
)
optimizer = torch.optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x.detach()), torch.tensor([0, 1]))
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.6f}")


def replace(module, old, new):
    for name, child in module.named_children():
        if isinstance(child, old):
            setattr(module, name, new(child))
        else:
            replace(child, old, new)


replace(model, nn.BatchNorm2d, lambda bn: nn.GroupNorm(2, bn.num_features))
replace(model, nn.ReLU, lambda _: nn.SiLU(inplace=True))
model.get_submodule("layer1.0").conv1 = nn.Identity()
setattr(model.layer2, "0", nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(8, 16, 1)))
print(model)
print([n for n, _ in model.named_parameters()][:6], model.get_parameter("fc.bias").shape)
features = nn.Sequential(*list(model.children())[:-1])
print(features(x).flatten(1).mean(1))
body = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.ReLU()})
body["c"] = nn.Linear(2, 1)
print(list(body.keys()), "a" in body, len(body), body.pop("b"))
stack = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])
stack.append(nn.Linear(3, 1)).insert(0, nn.Identity())
stack.extend([nn.Sigmoid()])
print(len(stack), stack[1:3], stack[-1])
