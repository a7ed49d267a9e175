"""Healthy programs, in which ``explain`` must find no fault: plain ones, and odd ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from parity_tests.inspect.training_faults import data, mlp

Healthy = tuple[Any, Callable[[], Any]]


def convolutional() -> Healthy:
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Dropout(0.3), nn.Flatten(), nn.Linear(8 * 9, 3))  # fmt: skip
    x, y = mg.randn(16, 1, 8, 8), mg.arange(16) % 3
    return net, lambda: F.cross_entropy(net(x), y)


def regression() -> Healthy:
    net, x = nn.Linear(4, 1), mg.randn(32, 4)
    y = x @ mg.tensor([1.0, -2.0, 3.0, 0.5]) + 4
    return net, lambda: F.mse_loss(net(x).squeeze(1), y)


def recurrent() -> Healthy:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(x)[0][:, -1])

    net, x, y = Net(), mg.randn(16, 5, 4), mg.arange(16) % 3
    return net, lambda: F.cross_entropy(net(x), y)


def binary() -> Healthy:
    net, (x, _) = mlp(act=nn.Tanh, out=1), data()
    y = (x[:, :1] > 0).float()
    return net, lambda: F.binary_cross_entropy_with_logits(net(x), y)


def classifier() -> Healthy:
    net, (x, y) = mlp(), data()
    return net, lambda: F.nll_loss(F.log_softmax(net(x), dim=1), y)


def attention() -> Healthy:
    net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    x = mg.randn(4, 5, 8)
    return net, lambda: (net(x) - x.flip(1)).square().mean()


def tuned() -> Healthy:
    """A frozen body in eval mode, and a new head."""
    body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU()).eval().requires_grad_(False)
    net, (x, y) = nn.Sequential(body, nn.Linear(8, 3)), data()
    return net, lambda: F.cross_entropy(net(x), y)


def autoencoder() -> Healthy:
    net = nn.Sequential(nn.Linear(8, 3), nn.Sigmoid(), nn.Linear(3, 8), nn.Sigmoid())
    x = mg.rand(32, 8)
    return net, lambda: F.binary_cross_entropy(net(x), x)


def all_pairs() -> Healthy:
    """A column against a row on purpose: every pair is compared."""
    net, (x, _) = mlp(act=nn.Tanh, out=1), data()
    target = (x[:, :1] - x[:, :1].T) ** 2

    def loss() -> Any:
        scores = net(x)
        return ((scores - scores.T) ** 2 - target).square().mean()

    return net, loss


# --- what looks odd to a rule and is meant --------------------------------------------------------


class Steps(nn.Module):
    """Layers by name, put together by a function."""

    def __init__(self, run: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.run = nn.ModuleDict(layers), run

    def forward(self, x: Any) -> Any:
        return self.run(x, **self.layers)


def causal_attention() -> Healthy:
    """Scores of -inf where a position must not look, and places as a column against a row."""

    def run(t: Any, words: Any, near: Any, query: Any, out: Any) -> Any:
        h, place = words(t), mg.arange(6)
        scores = query(h) @ h.mT / 3 + near(place[:, None] - place + 5).squeeze(-1)
        later = mg.triu(mg.full((6, 6), float("-inf")), 1)
        return out((scores + later).softmax(-1) @ h)

    net = Steps(run, words=nn.Embedding(20, 8), near=nn.Embedding(11, 1), query=nn.Linear(8, 8),
                out=nn.Linear(8, 20))  # fmt: skip
    t = mg.randint(0, 20, (8, 7))
    return net, lambda: F.cross_entropy(net(t[:, :-1]).flatten(0, 1), t[:, 1:].flatten())


def masked_in_place() -> Healthy:
    def run(x: Any, query: Any, out: Any) -> Any:
        scores = query(x) @ x.mT
        scores.masked_fill_(mg.ones(5, 5).triu(1).bool(), float("-inf"))
        return out((scores.softmax(-1) @ x).mean(1))

    net, x, y = (
        Steps(run, query=nn.Linear(4, 4), out=nn.Linear(4, 3)),
        mg.randn(6, 5, 4),
        data(6)[1],
    )
    return net, lambda: F.cross_entropy(net(x), y)


def variational() -> Healthy:
    def run(x: Any, code: Any, mean: Any, spread: Any, out: Any) -> Any:
        h = code(x).relu()
        mu, logvar = mean(h), spread(h)
        z = mu + mg.randn_like(mu) * (0.5 * logvar).exp()
        return out(z).sigmoid(), (logvar.exp() + mu**2 - 1 - logvar).mean()

    net, x = Steps(run, code=nn.Linear(8, 16), mean=nn.Linear(16, 2), spread=nn.Linear(16, 2),
                   out=nn.Linear(2, 8)), mg.rand(32, 8)  # fmt: skip

    def loss() -> Any:
        again, distance = net(x)
        return F.binary_cross_entropy(again, x) + 0.1 * distance

    return net, loss


def slope_as_a_loss() -> Healthy:
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss() -> Any:
        p = mg.randn(32, 2, requires_grad=True)
        (slope,) = mg.autograd.grad(net(p).sum(), p, create_graph=True)
        return ((slope.norm(dim=1) - 1) ** 2).mean() + net(p).mean() ** 2

    return net, loss


def validated_in_between() -> Healthy:
    net = nn.Sequential(
        nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)
    )
    x, y = data()

    def loss() -> Any:
        net.eval()
        with mg.no_grad():
            assert (net(x).argmax(1) == y).float().mean() >= 0
        net.train()
        return F.cross_entropy(net(x), y)

    return net, loss


def policy() -> Healthy:
    net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))

    def loss() -> Any:
        states = mg.randn(32, 4)
        logs = net(states).log_softmax(1)
        actions = logs.detach().exp().multinomial(1)
        reward = (states[:, :1] > 0).float() * 2 - 1
        return -(logs.gather(1, actions) * (reward - reward.mean())).mean()

    return net, loss


def critic_of_a_game() -> Healthy:
    """Its gradients of the generator's turn are never used: they are set to zero before its own."""
    net = nn.ModuleList([nn.Linear(2, 4), nn.Linear(4, 1)])
    maker, critic = net
    own = mg.optim.SGD(critic.parameters(), lr=0.05)

    def loss() -> Any:
        fake = maker(mg.randn(16, 2))
        own.zero_grad()
        (F.softplus(-critic(mg.randn(16, 4))) + F.softplus(critic(fake.detach()))).mean().backward()
        own.step()
        return F.softplus(-critic(fake)).mean()

    return maker, loss


def low_rank() -> Healthy:
    """A branch that begins at zero: the gradient behind it is zero at first."""

    def run(x: Any, base: Any, down: Any, up: Any) -> Any:
        return base(x) + up(down(x))

    net = Steps(run, base=nn.Linear(4, 3).requires_grad_(False), down=nn.Linear(4, 2, bias=False),
                up=nn.Linear(2, 3, bias=False))  # fmt: skip
    nn.init.zeros_(net.layers["up"].weight)
    x, y = data()
    return net, lambda: F.cross_entropy(net(x), y)


def straight_through() -> Healthy:
    def run(x: Any, first: Any, second: Any) -> Any:
        h = first(x)
        return second(h + (h.round() - h).detach())

    net, (x, y) = Steps(run, first=nn.Linear(4, 8), second=nn.Linear(8, 3)), data()
    return net, lambda: F.cross_entropy(net(x), y)


def contrastive() -> Healthy:
    net = mlp(out=8)

    def loss() -> Any:
        x = mg.randn(16, 4)
        one, other = (F.normalize(net(x + 0.1 * mg.randn(16, 4)), dim=1) for _ in range(2))
        return F.cross_entropy(one @ other.T / 0.1, mg.arange(16))

    return net, loss


def signs_that_cancel() -> Healthy:
    """As many residuals above as below: the gradient of the last bias is zero."""
    net, (x, _) = mlp(out=1), data()
    t = net(x).detach().squeeze(1) + mg.tensor([3.0, -3.0]).repeat(16)
    return net, lambda: F.l1_loss(net(x).squeeze(1), t)


def density_of_a_mixture() -> Healthy:
    def run(x: Any, body: Any, heads: Any) -> Any:
        mean, spread, weight = heads(body(x).tanh()).chunk(3, 1)
        return mean, F.softplus(spread) + 0.1, weight.log_softmax(1)

    net, (x, _) = Steps(run, body=nn.Linear(4, 16), heads=nn.Linear(16, 9)), data()
    t = mg.randn(32, 1)

    def loss() -> Any:
        mean, spread, weight = net(x)
        return -(weight - 0.5 * ((t - mean) / spread) ** 2 - spread.log()).logsumexp(1).mean()

    return net, loss


HEALTHY = [
    convolutional,
    regression,
    recurrent,
    binary,
    classifier,
    attention,
    tuned,
    autoencoder,
    all_pairs,
    causal_attention,
    masked_in_place,
    variational,
    slope_as_a_loss,
    validated_in_between,
    policy,
    critic_of_a_game,
    low_rank,
    straight_through,
    contrastive,
    density_of_a_mixture,
    signs_that_cancel,
]
