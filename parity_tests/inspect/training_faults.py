"""A zoo of training faults: what ``explain`` is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minigrad as mg
from minigrad import inspect, nn
from minigrad.nn import functional as F

Fault = Callable[[], inspect.Explanation]
ZOO: dict[str, tuple[Fault, str, str]] = {}


def fault(cause: str, line: str = "") -> Callable[[Fault], Fault]:
    """Enter a fault: the cause that must be named, and a part of the line that it lies at."""

    def enter(make: Fault) -> Fault:
        ZOO[make.__name__] = (make, cause, line)
        return make

    return enter


def data(n: int = 32, features: int = 4, classes: int = 3) -> tuple[Any, Any]:
    return mg.randn(n, features), mg.arange(n) % classes


def mlp(*, act: Any = nn.ReLU, out: int = 3) -> Any:
    return nn.Sequential(nn.Linear(4, 16), act(), nn.Linear(16, 16), act(), nn.Linear(16, out))


def train(model: Any, loss_of: Callable[[], Any], steps: int = 3, lr: float = 0.05,
          parameters: Any = None) -> inspect.Explanation:  # fmt: skip
    optimizer = mg.optim.SGD(parameters or model.parameters(), lr=lr)
    try:
        with inspect.record(model) as recording:
            for _ in range(steps):
                optimizer.zero_grad()
                loss_of().backward()
                optimizer.step()
    except (RuntimeError, ValueError, IndexError):
        pass
    return inspect.explain(model, recording)


# --- where a gradient gets lost -------------------------------------------------------------------


@fault("detached", "self.first(x).detach()")
def detached_features() -> inspect.Explanation:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            h = self.first(x).detach()
            return self.second(h.relu())

    net, (x, y) = Net(), data()
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("cut off", "self.first(x)")
def forward_under_no_grad() -> inspect.Explanation:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            with mg.no_grad():
                h = self.first(x).relu()
            return self.second(h)

    net, (x, y) = Net(), data()
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("cut off", "scores.argmax(1)")
def loss_of_the_guesses() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    first, last = net[:4], net[4]

    def loss() -> Any:
        scores = first(x)
        guesses = scores.argmax(1).float()
        return last(scores.detach()).mean() + (guesses - y).square().mean()

    return train(net, loss)


@fault("unused")
def a_layer_that_is_never_called() -> inspect.Explanation:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.extra = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.first(x)

    net, (x, y) = Net(), data()
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("no graph", "")
def loss_made_anew() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: mg.tensor(F.cross_entropy(net(x), y).item()))


@fault("all frozen")
def everything_frozen() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    optimizer = net.parameters()
    for p in net.parameters():
        p.requires_grad_(False)
    return train(net, lambda: F.cross_entropy(net(x), y), parameters=list(optimizer) or None)


@fault("modules in a list")
def layers_in_a_plain_list() -> inspect.Explanation:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(4, 4) for _ in range(3)]
            self.last = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x).tanh()
            return self.last(x)

    net, (x, y) = Net(), data()
    return train(net, lambda: F.cross_entropy(net(x), y))


# --- the loss -------------------------------------------------------------------------------------


@fault("loss shape", "net(x) - y")
def a_column_against_a_row() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    y = mg.randn(32)
    return train(net, lambda: ((net(x) - y) ** 2).mean())


@fault("softmax twice", "F.cross_entropy(net(x), y)")
def softmax_before_cross_entropy() -> inspect.Explanation:
    net, (x, y) = nn.Sequential(mlp(), nn.Softmax(dim=1)), data()
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("sigmoid twice", "F.binary_cross_entropy_with_logits(net(x), y)")
def sigmoid_before_logits() -> inspect.Explanation:
    net, (x, _) = nn.Sequential(mlp(out=1), nn.Sigmoid()), data()
    y = (x[:, :1] > 0).float()
    return train(net, lambda: F.binary_cross_entropy_with_logits(net(x), y))


@fault("not log probabilities", "F.nll_loss(net(x), y)")
def nll_of_scores() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.nll_loss(net(x), y))


@fault("softmax over the batch", "F.log_softmax(net(x), dim=0)")
def softmax_of_the_batch() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.nll_loss(F.log_softmax(net(x), dim=0), y))


@fault("loss is not a scalar")
def loss_of_each_example() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.cross_entropy(net(x), y, reduction="none"))


@fault("labels are floats")
def labels_as_floats() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.nll_loss(F.log_softmax(net(x), 1), y.float()))


@fault("label out of range")
def labels_from_one() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.cross_entropy(net(x), y + 1))


# --- the loop -------------------------------------------------------------------------------------


@fault("zero_grad forgotten")
def gradients_never_removed() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    optimizer = mg.optim.SGD(net.parameters(), lr=0.05)
    with inspect.record(net) as recording:
        for _ in range(3):
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return inspect.explain(net, recording)


@fault("no update")
def step_forgotten() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    with inspect.record(net) as recording:
        for _ in range(3):
            net.zero_grad()
            F.cross_entropy(net(x), y).backward()
    return inspect.explain(net, recording)


@fault("not in the optimizer")
def half_of_the_parameters() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.cross_entropy(net(x), y), parameters=list(net[2:].parameters()))


@fault("eval mode")
def batch_norm_in_eval_mode() -> inspect.Explanation:
    net, (x, y) = (
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)),
        data(),
    )
    net.eval()
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("graph used twice")
def hidden_state_carried_over() -> inspect.Explanation:
    cell, x = nn.RNNCell(4, 4), mg.randn(8, 4)
    state = [mg.zeros(8, 4)]

    def loss() -> Any:
        state[0] = cell(x, state[0])
        return state[0].square().mean()

    return train(cell, loss)


@fault("in-place after save", "y += 1")
def written_after_it_was_saved() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()

    def loss() -> Any:
        y = net(x).sigmoid()
        z = y * y
        y += 1
        return (z + y).mean()

    return train(net, loss)


@fault("in-place on a leaf")
def a_parameter_written_in_place() -> inspect.Explanation:
    net, (x, y) = nn.Linear(4, 3), data()

    def loss() -> Any:
        net.weight.mul_(0.9)
        return F.cross_entropy(net(x), y)

    return train(net, loss)


@fault("learning rate too large")
def a_rate_of_fifty() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.cross_entropy(net(x), y), lr=50.0, steps=2)


@fault("learning rate too small")
def a_rate_of_nearly_nothing() -> inspect.Explanation:
    net, (x, y) = mlp(act=nn.Tanh), data()
    return train(net.double(), lambda: F.cross_entropy(net(x.double()), y), lr=1e-12)


# --- values ---------------------------------------------------------------------------------------


@fault("dead relu", "net(x)")
def relu_that_died() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    with mg.no_grad():
        net[0].bias.fill_(-100)
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("saturated", "net(x)")
def tanh_at_its_ends() -> inspect.Explanation:
    net, (x, y) = mlp(act=nn.Tanh), data()
    with mg.no_grad():
        net[0].weight.mul_(1e4)
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("exploding values", "net(x)")
def weights_too_large() -> inspect.Explanation:
    net, (x, y) = nn.Sequential(*[nn.Linear(4, 4) for _ in range(6)]), data(classes=4)
    for layer in net:
        nn.init.normal_(layer.weight, std=30.0)
    return train(net, lambda: F.cross_entropy(net(x), y), steps=1)


@fault("vanishing values", "net(x)")
def weights_too_small() -> inspect.Explanation:
    net, (x, y) = nn.Sequential(*[nn.Linear(4, 4, bias=False) for _ in range(6)]), data(classes=4)
    for layer in net:
        nn.init.normal_(layer.weight, std=1e-3)
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("vanishing gradient")
def many_sigmoids() -> inspect.Explanation:
    layers = [part for _ in range(14) for part in (nn.Linear(8, 8), nn.Sigmoid())]
    net = nn.Sequential(nn.Linear(4, 8), *layers, nn.Linear(8, 3))
    x, y = data()
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("equal units")
def all_weights_equal() -> inspect.Explanation:
    net, (x, y) = mlp(act=nn.Tanh), data()
    for p in net.parameters():
        nn.init.constant_(p, 0.1)
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("inputs not scaled", "net(x)")
def pixels_as_they_are() -> inspect.Explanation:
    net, y = nn.Linear(64, 3), mg.arange(32) % 3
    x = mg.randint(0, 256, (32, 64)).float()
    return train(net, lambda: F.cross_entropy(net(x), y), lr=1e-6)


@fault("bad input", "net(x)")
def nan_in_the_data() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    x[3, 2] = float("nan")
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("not finite", "(net(x).relu() * 0).log()")
def logarithm_of_zero() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    return train(net, lambda: (net(x).relu() * 0).log().mean())


@fault("overflow", "(net(x) + 1000).exp()")
def exponential_overflow() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    return train(net, lambda: (net(x) + 1000).exp().mean())


@fault("masked branch", "d.sqrt()")
def a_masked_root_of_zero() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()

    def loss() -> Any:
        d = net(x).abs() * mg.tensor([[0.0], [1.0]]).repeat(16, 1)
        return mg.where(d > 0, d.sqrt(), mg.zeros(())).mean()

    return train(net, loss)


@fault("infinite slope", "** 0.5")
def power_of_zero() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    return train(net, lambda: (net(x) * 0).square().sum() ** 0.5)


@fault("infinite slope", ".sum().sqrt()")
def norm_of_zero() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    return train(net, lambda: (net(x) * 0).square().sum().sqrt())
