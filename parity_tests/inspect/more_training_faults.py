"""More faults and more healthy programs, as they are met: invented after ``explain`` was written.

Those that ``explain`` did not know were mended there by a rule, not by a case.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import inspect, nn
from minigrad.nn import functional as F
from parity_tests.inspect.training_faults import data, fault, mlp, train


class Two(nn.Module):
    """Two layers, with something between them."""

    def __init__(self, between: Callable[[Any], Any], middle: int = 8) -> None:
        super().__init__()
        self.first, self.second, self.between = nn.Linear(4, middle), nn.Linear(8, 3), between

    def forward(self, x: Any) -> Any:
        return self.second(self.between(self.first(x)))


def classified(net: Any, **options: Any) -> inspect.Explanation:
    x, y = data()
    return train(net, lambda: F.cross_entropy(net(x), y), **options)


# --- where a gradient gets lost -------------------------------------------------------------------


@fault("detached", "from_numpy")
def numpy_in_the_middle() -> inspect.Explanation:
    def root(h: Any) -> Any:
        h = h.abs() + 1
        return mg.from_numpy(np.sqrt(h.detach().numpy()))

    return classified(Two(root))


@fault("detached", "mg.tensor(loss.item(), requires_grad=True)")
def loss_as_a_new_leaf() -> inspect.Explanation:
    net, (x, y) = mlp(), data()

    def remade() -> Any:
        loss = F.cross_entropy(net(x), y)
        return mg.tensor(loss.item(), requires_grad=True)

    return train(net, remade)


@fault("cut off", ".long()")
def integers_in_the_middle() -> inspect.Explanation:
    table = mg.randn(50, 8)
    return classified(Two(lambda h: table[(h * 3).long().clamp(0, 49)].mean(1)))


@fault("zero slope", "h.round()")
def rounded_in_the_middle() -> inspect.Explanation:
    return classified(Two(lambda h: h.round()))


@fault("zero slope", "clamp(0, 1)")
def all_predictions_clamped() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    with mg.no_grad():
        net[4].bias.fill_(-20)
    return train(net, lambda: (net(x).clamp(0, 1) - 0.5).square().mean())


@fault("zero slope", "0.0 *")
def second_loss_weighed_with_zero() -> inspect.Explanation:
    net, head, (x, y) = mlp(), nn.Linear(4, 1), data()
    both = nn.ModuleList([net, head])
    return train(both, lambda: F.cross_entropy(net(x), y) + 0.0 * head(x).square().mean())


@fault("not a parameter")
def weight_as_a_plain_tensor() -> inspect.Explanation:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.weight = nn.Linear(4, 8), mg.randn(8, 3, requires_grad=True)

        def forward(self, x: Any) -> Any:
            return self.first(x).relu() @ self.weight

    return classified(Net())


# --- shapes and types -----------------------------------------------------------------------------


@fault("loss shape", "F.mse_loss(net(x), y)")
def mse_of_a_column_and_a_row() -> inspect.Explanation:
    net, (x, _), y = mlp(out=1), data(), mg.randn(32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns, as torch does
        return train(net, lambda: F.mse_loss(net(x), y))


@fault("loss shape", "binary_cross_entropy_with_logits")
def logits_of_another_shape() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    y = (x[:, 0] > 0).float()
    return train(net, lambda: F.binary_cross_entropy_with_logits(net(x), y))


@fault("label shape", "y.view(-1, 1)")
def labels_as_a_column() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.cross_entropy(net(x), y.view(-1, 1)))


@fault("dtypes differ", "net(x.double())")
def doubles_into_floats() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    return train(net, lambda: F.cross_entropy(net(x.double()), y))


@fault("shapes of a product", "net(x)")
def flatten_forgotten() -> inspect.Explanation:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(144, 3))
    x, y = mg.randn(8, 1, 8, 8), mg.arange(8) % 3
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("channels", "net(x)")
def channels_last() -> inspect.Explanation:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    x, y = mg.randn(8, 8, 8, 3), mg.arange(8) % 3
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("not probabilities", "F.binary_cross_entropy(net(x), y)")
def scores_for_probabilities() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    y = (x[:, :1] > 0).float()
    return train(net, lambda: F.binary_cross_entropy(net(x), y))


@fault("label out of range", "net(words)")
def word_that_is_not_in_the_table() -> inspect.Explanation:
    net = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 3))
    words, y = mg.full((32, 3), 10), mg.arange(32) % 3
    return train(net, lambda: F.cross_entropy(net(words), y))


# --- the loop -------------------------------------------------------------------------------------


@fault("no update")
def zero_grad_before_the_step() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    optimizer = mg.optim.SGD(net.parameters(), lr=0.05)
    with inspect.record(net) as recording:
        for _ in range(3):
            F.cross_entropy(net(x), y).backward()
            optimizer.zero_grad()
            optimizer.step()
    return inspect.explain(net, recording)


@fault("not in the optimizer")
def head_replaced_afterwards() -> inspect.Explanation:
    net = mlp()
    old = list(net.parameters())
    net[4] = nn.Linear(16, 3)
    return classified(net, parameters=old)


@fault("no update")
def optimizer_of_a_copy() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    optimizer = mg.optim.SGD(copy.deepcopy(net).parameters(), lr=0.05)
    with inspect.record(net) as recording:
        for _ in range(3):
            net.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return inspect.explain(net, recording)


@fault("targets not scaled", "F.mse_loss(net(x), prices)")
def prices_in_dollars() -> inspect.Explanation:
    net, (x, _) = mlp(out=1), data()
    prices = (x.sum(1, keepdim=True) + 5) * 40_000
    return train(net, lambda: F.mse_loss(net(x), prices), steps=2)


@fault("learning rate too small")
def clipped_to_nothing() -> inspect.Explanation:
    net, (x, y) = mlp(act=nn.Tanh), data()
    optimizer = mg.optim.SGD(net.parameters(), lr=0.05)
    with inspect.record(net) as recording:
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1e-6)
            optimizer.step()
    return inspect.explain(net, recording)


# --- values ---------------------------------------------------------------------------------------


@fault("not finite", "scores.softmax(-1)")
def everything_masked() -> inspect.Explanation:
    mask = mg.zeros(32, 8, dtype=mg.bool)
    mask[3] = True

    def attend(h: Any) -> Any:
        scores = h.masked_fill(mask, float("-inf"))
        return scores.softmax(-1) * h

    return classified(Two(attend))


@fault("not finite", "x.std(0)")
def column_without_spread() -> inspect.Explanation:
    net, (x, y) = mlp(), data()
    x[:, 2] = 5.0
    return train(net, lambda: F.cross_entropy(net((x - x.mean(0)) / x.std(0)), y))


@fault("not finite", "F.cross_entropy(net(x), y)")
def every_label_ignored() -> inspect.Explanation:
    net, (x, _), y = mlp(), data(), mg.full((32,), -100)
    return train(net, lambda: F.cross_entropy(net(x), y))


@fault("exploding values", "cell(h)")
def recurrent_weights_too_large() -> inspect.Explanation:
    cell = nn.Linear(8, 8)
    nn.init.normal_(cell.weight, std=2.0)

    def run(h: Any) -> Any:
        for _ in range(12):
            h = cell(h).relu()
        return h

    return classified(Two(run), steps=3)
