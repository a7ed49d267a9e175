"""Memory by module, graphs that live on, and the watch over training."""

from __future__ import annotations

import csv
import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import inspect, nn
from minigrad.nn import functional as F
from minigrad.utils.checkpoint import checkpoint


def block() -> Any:
    return nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 8))


def test_the_ledger_adds_up() -> None:
    net = nn.Sequential(block(), block(), nn.Linear(8, 2))
    with inspect.record(net) as recording:
        loss = F.cross_entropy(net(mg.randn(16, 8)), mg.zeros(16).long())
    ledger = inspect.memory_ledger(loss, recording)
    names = [h.module for h in ledger.holdings]
    assert names == ["0", "1", "2", ""]
    parameters = sum(p.numel() * 4 for p in net.parameters())
    assert ledger.bytes == sum(h.bytes for h in ledger.holdings)
    kept = inspect.graph(loss, recording).bytes
    assert kept - parameters <= ledger.bytes <= kept
    first = ledger.holdings[1]
    assert first.bytes == 16 * 8 * 4 + 16 * 32 * 4  # the input and tanh's output
    assert first.by_checkpoint == 16 * 32 * 4
    text = str(ledger)
    assert "1 (Sequential)" in text and "tanh: out 2.0 KiB" in text


def test_a_checkpoint_saves_what_the_ledger_says() -> None:
    one, other = block(), block()
    net, x = nn.Sequential(one, other), mg.randn(16, 8)
    with inspect.record(net) as recording:
        loss = net(x).sum()
    whole = inspect.memory_ledger(loss, recording)
    with inspect.record(net) as recording:
        loss = checkpoint(other, one(x), use_reentrant=False).sum()
    rest = inspect.memory_ledger(loss, recording)
    held = 16 * 8 * 4  # the block's input, which the checkpoint has in hand, not the graph
    assert whole.bytes - rest.bytes - held == whole.holdings[1].by_checkpoint > 0


def test_a_graph_that_lives_on_is_named() -> None:
    w, losses = mg.ones(2, requires_grad=True), []
    with inspect.assert_frees_graph():
        loss = (w * 2).sum()
        loss.backward()
        losses.append(loss.item())
        del loss
    named = pytest.raises(AssertionError, match=r"MulBackward0 of .*test_ledger_and_watch.py:\d+")
    with named, inspect.assert_frees_graph():
        losses.append((w * w).sum())
    losses.clear()
    gc.collect()


def trained(watch: Any, net: Any, steps: int = 4) -> None:
    optimizer = mg.optim.SGD(net.parameters(), lr=0.1)
    x, y = mg.randn(16, 8), mg.arange(16) % 8
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        watch.step()


def test_a_watch_measures_gradients_updates_and_values() -> None:
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
    before = net[0].weight.detach().clone()
    watch = inspect.Watch(net)
    trained(watch, net, 1)
    grad, change = net[0].weight.grad, net[0].weight.detach() - before
    assert watch.series("gradient", "0.weight") == [pytest.approx(float(grad.norm()), rel=1e-5)]
    ratio = float(change.norm() / before.norm())
    assert watch.series("update", "0.weight") == [pytest.approx(ratio, rel=1e-4)]
    assert watch.names("zeros") == ["0", "1", "2"]
    assert 0.2 < watch.series("zeros", "1")[0] < 0.8 and watch.series("zeros", "0") == [0.0]
    watch.close()
    net(mg.randn(1, 8))
    assert not watch._now
    assert "0.weight" in str(watch)


def test_files_of_a_watch(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
    with inspect.Watch(net) as watch:
        trained(watch, net, 3)
    watch.save(tmp_path / "watch.csv")
    rows = list(csv.DictReader((tmp_path / "watch.csv").read_text().splitlines()))
    assert len(rows) == sum(len(row) for row in watch.rows)
    found = [float(r["value"]) for r in rows if (r["statistic"], r["name"]) == ("mean", "1")]
    np.testing.assert_allclose(found, watch.series("mean", "1"))
    pytest.importorskip("matplotlib")
    figure = watch.plot(tmp_path / "watch.png")
    assert (tmp_path / "watch.png").read_bytes()[:4] == b"\x89PNG" and len(figure.axes) == 4


def test_event_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    net = nn.Linear(8, 8)
    with inspect.Watch(net) as watch:
        trained(watch, net, 2)
    watch.to_tensorboard(tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    assert b"gradient/weight" in content and b"update/bias" in content
    from minigrad.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "more")) as writer:
        writer.add_scalar("loss", mg.tensor(3.0), 1)
        writer.add_histogram("weights", net.weight, 1)
    assert b"weights" in next((tmp_path / "more").iterdir()).read_bytes()
