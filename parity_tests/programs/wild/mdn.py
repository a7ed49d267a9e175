"""A mixture density network: logsumexp over components, sampling by multinomial and gather."""

import math

import torch
import torch.nn as nn
import torch.optim as optim
from torch.autograd import Variable

ONEOVERSQRT2PI = 1.0 / math.sqrt(2 * math.pi)


class MDN(nn.Module):
    def __init__(self, in_features, out_features, num_gaussians):
        super(MDN, self).__init__()
        self.out_features = out_features
        self.num_gaussians = num_gaussians
        self.pi = nn.Sequential(nn.Linear(in_features, num_gaussians), nn.Softmax(dim=1))
        self.sigma = nn.Linear(in_features, out_features * num_gaussians)
        self.mu = nn.Linear(in_features, out_features * num_gaussians)

    def forward(self, minibatch):
        pi = self.pi(minibatch)
        sigma = torch.exp(self.sigma(minibatch))
        sigma = sigma.view(-1, self.num_gaussians, self.out_features)
        mu = self.mu(minibatch)
        mu = mu.view(-1, self.num_gaussians, self.out_features)
        return pi, sigma, mu


def gaussian_probability(sigma, mu, target):
    target = target.unsqueeze(1).expand_as(sigma)
    ret = ONEOVERSQRT2PI * torch.exp(-0.5 * ((target - mu) / sigma) ** 2) / sigma
    return torch.prod(ret, 2)


def mdn_loss(pi, sigma, mu, target):
    prob = pi * gaussian_probability(sigma, mu, target)
    nll = -torch.log(torch.sum(prob, dim=1))
    return torch.mean(nll)


def mdn_loss_stable(pi, sigma, mu, target):
    z = (target.unsqueeze(1) - mu) / sigma
    log_prob = (-0.5 * z**2 - sigma.log() - 0.5 * math.log(2 * math.pi)).sum(-1)
    return -torch.logsumexp(pi.log() + log_prob, dim=1).mean()


def sample(pi, sigma, mu):
    pis = torch.multinomial(pi, 1).view(pi.size(0), 1, 1)
    variance_samples = sigma.gather(1, pis).detach().squeeze()
    mean_samples = mu.detach().gather(1, pis).squeeze()
    eps = torch.normal(mean=torch.zeros_like(mean_samples), std=1.0)
    return Variable(eps * variance_samples + mean_samples)


x = torch.FloatTensor(200, 1).uniform_(-1, 1).sort(0)[0]
y = torch.rand(200, 1)
y = y + 0.3 * torch.sin(2 * math.pi * y) + 0.05 * torch.randn(y.size())
model = nn.Sequential(nn.Linear(1, 12), nn.Tanh(), MDN(12, 1, 4))
optimizer = optim.Adam(model.parameters(), lr=0.02)
for epoch in range(40):
    model.zero_grad()
    pi, sigma, mu = model(x)
    loss = mdn_loss(pi, sigma, mu, y) if epoch % 2 else mdn_loss_stable(pi, sigma, mu, y)
    loss.backward()
    optimizer.step()
    if epoch % 10 == 9:
        print(epoch, round(loss.tolist(), 4))
samples = sample(pi, sigma, mu)
print(samples.shape, samples.mean(), samples.requires_grad)
