"""Steps captured into CUDA graphs: replayed with new data, or refused where that would be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.cuda import graphs, stand_in
from parity_tests.cuda.engines import compiler

F = torch.nn.functional
pytestmark = compiler


def model(kind: str) -> Any:
    torch.manual_seed(0)
    nn = torch.nn
    if kind == "mlp":
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip


def batch(kind: str, k: int, device: str) -> tuple[Any, Any]:
    shape = (5, 6) if kind == "mlp" else (5, 1, 4, 4)
    x = np.sin(np.arange(np.prod(shape)) * (1 + 0.3 * k)).astype("f4").reshape(shape)
    return torch.tensor(x).to(device), torch.tensor([(i * k) % 3 for i in range(5)]).to(device)


OPTIMIZERS = {
    "SGD": lambda p, on: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "AdamW": lambda p, on: torch.optim.AdamW(p, lr=0.01, capturable=on == "cuda"),
}
COUNTING = ("NAdam", "RAdam", "Adamax", "ASGD", "Rprop", "RMSprop", "Adadelta")  # capturable too


def eager(kind: str, name: str, steps: int, device: str = "cpu") -> tuple[list[Any], list[float]]:
    net = model(kind).to(device)
    optimizer, losses = OPTIMIZERS[name](net.parameters(), device), []
    for k in range(steps):
        x, y = batch(kind, k, device)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [t.cpu().numpy() for t in net.state_dict().values()], losses


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["mlp", "convolutions"])
def test_a_captured_training_step_is_the_step(kind: str, name: str, launched: list[str]) -> None:
    """Three steps to warm up, then replays with new data, against the CPU."""
    wanted, losses = eager(kind, name, 6)
    net = model(kind).to("cuda")
    optimizer = OPTIMIZERS[name](net.parameters(), "cuda")
    x, y = batch(kind, 0, "cuda")

    def step() -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def put(k: int) -> None:
        for static, fresh in zip((x, y), batch(kind, k, "cuda"), strict=True):
            static.copy_(fresh)

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for k in range(3):
            put(k)
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()
    assert np.isnan(loss.item())  # nothing has run yet
    found = []
    for k in range(3, 6):
        put(k)
        before = stand_in.counts.to_host
        graph.replay()
        assert stand_in.counts.to_host == before
        found.append(loss.item())
    np.testing.assert_allclose(found, losses[3:], rtol=1e-5)
    for mine, theirs in zip(net.state_dict().values(), wanted, strict=True):
        if theirs.dtype.kind == "f":
            np.testing.assert_allclose(mine.cpu().numpy(), theirs, rtol=2e-4, atol=2e-6)


def steps_of(make: Any, device: str, rates: tuple[float, ...], captured: int = 0) -> list[Any]:
    """The parameters after a step for each rate, the last ones replays of one that is captured."""
    torch.manual_seed(0)
    net = torch.nn.Linear(6, 3).to(device)
    optimizer = make(net.parameters(), device)
    (rate,) = {group["lr"] for group in optimizer.param_groups}
    x, y = batch("mlp", 1, device)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    graph = torch.cuda.CUDAGraph()
    for k, lr in enumerate(rates):
        if isinstance(rate, torch.Tensor):
            rate.fill_(lr)  # as schedulers do
        if k < len(rates) - captured:
            step()
            continue
        if k == len(rates) - captured:
            with torch.cuda.graph(graph), torch.cuda.forbid_sync():
                step()
        graph.replay()
    return [p.detach().cpu().numpy() for p in net.parameters()]


@pytest.mark.parametrize("name", COUNTING)
def test_steps_counted_on_the_card_are_captured(name: str, launched: list[str]) -> None:
    """Eight steps, so that RAdam's begin to adapt in the replays."""

    def make(p: Any, on: str) -> Any:
        return getattr(torch.optim, name)(p, lr=0.01, capturable=on == "cuda")

    rates = (0.01,) * 8
    found, wanted = steps_of(make, "cuda", rates, 5), steps_of(make, "cpu", rates)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "NAdam"])
def test_a_schedule_is_written_into_a_rate_on_the_card(name: str, launched: list[str]) -> None:
    def make(p: Any, on: str) -> Any:
        more = {} if name == "SGD" or on == "cpu" else {"capturable": True}
        rate = torch.tensor(0.1).to(on)
        return getattr(torch.optim, name)(p, lr=rate, foreach=False, **more)

    rates = (0.1, 0.1, 0.05, 0.025)
    found, wanted = steps_of(make, "cuda", rates, 2), steps_of(make, "cpu", rates)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def capture(body: Any) -> None:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        body()


def x() -> Any:
    return torch.arange(4.0).to("cuda")


REFUSED = {
    "waiting": (lambda t: t.sum().item(), torch.cuda.graphs.CaptureError, "cannot be captured"),
    "a decision": (lambda t: bool(t[0] > 1), torch.cuda.graphs.CaptureError, "cannot be captured"),
    "printing": (lambda t: repr(t), torch.cuda.graphs.CaptureError, "copying to the host"),
    "a size": (lambda t: t[t > 1], torch.cuda.graphs.CaptureError, "cannot be captured"),
    "new data": (lambda t: t + torch.ones(4).to("cuda"), torch.cuda.graphs.CaptureError,
                 "copy new data into it"),
    "numbers of the host": (lambda t: torch.randperm(4, device="cuda"),
                            torch.cuda.graphs.CaptureError, "drawing by the host"),
    "places in a list": (lambda t: t[[0, 2]], torch.cuda.graphs.CaptureError,
                         "copying from the host"),
    "another graph": (lambda t: capture(lambda: None), RuntimeError, "another graph already"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_captured_is_said(what: str, launched: list[str]) -> None:
    run, error, says = REFUSED[what]
    t = x()
    with pytest.raises(error, match=says):
        capture(lambda: run(t))
    assert not torch.cuda.is_current_stream_capturing()
    assert (t + 1).cpu().tolist() == [1, 2, 3, 4]  # and the program goes on
    capture(lambda: t + 1)


def test_optimizers_that_count_on_the_host_are_refused(launched: list[str]) -> None:
    w = torch.ones(2, device="cuda", requires_grad=True)
    w.grad = torch.ones_like(w)
    adam = torch.optim.Adam([w], lr=0.1)
    adam.step()
    with pytest.raises(RuntimeError, match=r"instance of Adam.*capturable is False"):
        capture(adam.step)
    sgd = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    with pytest.raises(RuntimeError, match="the first step of SGD"):
        capture(sgd.step)
    prop = torch.optim.RMSprop([w], lr=0.1)
    prop.step()
    with pytest.raises(RuntimeError, match=r"instance of RMSprop.*capturable is False"):
        capture(prop.step)
    grad = torch.optim.Adagrad([w], lr=0.1, lr_decay=0.1)
    grad.step()
    with pytest.raises(torch.cuda.graphs.CaptureError, match="lr_decay of Adagrad"):
        capture(grad.step)
    with pytest.raises(torch.cuda.graphs.CaptureError, match="the first step of Adamax"):
        capture(torch.optim.Adamax([w], capturable=True).step)


def replayed(run: Any) -> tuple[Any, Any]:
    """What a captured function gives in a replay, and what it gives by itself."""
    run()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run()
    graph.replay()
    return found.cpu().numpy(), run().cpu().numpy()


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_networks_are_captured(kind: str, launched: list[str]) -> None:
    """Their products as well, and the joining of more states than CuPy joins by copies."""
    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(3, 4, num_layers=2, bidirectional=True).to("cuda")
    x = torch.randn(12, 2, 3).to("cuda")

    def step() -> Any:
        net.zero_grad()
        (net(x)[0] ** 2).sum().backward()
        return torch.cat([p.grad.reshape(-1) for p in net.parameters()])

    np.testing.assert_array_equal(*replayed(step))


ALLOWED = {
    "many joined": lambda t: torch.cat([t, 2 * t] * 6),
    "many joined on another axis": lambda t: torch.cat([t[:, None]] * 12, -1),
    "many stacked": lambda t: torch.stack([t] * 12, -1),
    "counting": lambda t: t * torch.arange(4, device="cuda"),
    "squares": lambda t: t.norm() + t.std(),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_can_be_captured_is(what: str, launched: list[str]) -> None:
    t = x()
    np.testing.assert_array_equal(*replayed(lambda: ALLOWED[what](t)))


def test_a_graph_has_memory_of_its_own(launched: list[str], monkeypatch: Any) -> None:
    """All that is allocated while capturing comes from the graph's pool, and nothing after."""
    asked: list[int] = []
    own = stand_in.cupy.cuda.MemoryPool

    class Counting(own):  # type: ignore[misc,valid-type]
        def malloc(self, size: int) -> Any:
            asked.append(size)
            return super().malloc(size)

    monkeypatch.setattr(stand_in.cupy.cuda, "MemoryPool", Counting)
    t, graph = x(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = (t @ t.reshape(4, 1)) * 2
    during = len(asked)
    assert during >= 2
    t * 2
    graph.replay()
    assert len(asked) == during
    with torch.cuda.graph(torch.cuda.CUDAGraph(), pool=graph.pool()):
        t * 3
    assert len(asked) > during
    assert y.cpu().tolist() == [28.0]


def test_calls_out_of_order(launched: list[str]) -> None:
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="nothing has been captured"):
        graph.replay()
    with torch.cuda.graph(graph):
        torch.zeros(1, device="cuda")
    with pytest.raises(RuntimeError, match="call reset"):
        graph.capture_begin()
    graph.reset()
    with pytest.raises(RuntimeError, match="nothing has been captured"):
        graph.pool()


def test_wrong_indices_of_a_replay_are_told(launched: list[str]) -> None:
    index, table = torch.tensor([0, 1], device="cuda"), torch.ones(3, 2, device="cuda")
    F.embedding(index, table)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        rows = F.embedding(index, table)
    graph.replay()
    assert rows.cpu().tolist() == [[1, 1], [1, 1]]
    index.fill_(7)
    graph.replay()
    with pytest.raises(IndexError, match="axis of size 3"):
        rows.cpu()


def test_graphed_callables_train_like_the_modules(launched: list[str]) -> None:
    _, losses = eager("mlp", "SGD", 4)
    net = model("mlp").to("cuda")
    sample = torch.rand(5, 6).to("cuda")
    first, last = net[0], net[2]
    hidden = torch.rand(5, 8).to("cuda").requires_grad_()
    torch.cuda.make_graphed_callables((first, last), ((sample,), (hidden,)))
    optimizer, found = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), []
    for k in range(4):
        given, y = batch("mlp", k, "cuda")
        optimizer.zero_grad()
        loss = F.cross_entropy(net(given), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    net.eval()
    assert net(sample[:2]).shape == (2, 3)  # in the other mode as it was, for any size


def test_too_little_memory_while_capturing_is_told_in_full(launched: list[str]) -> None:
    x, g = torch.ones(3, device="cuda"), torch.cuda.CUDAGraph()
    told = pytest.raises(torch.cuda.OutOfMemoryError, match=r"Tried to allocate 4\.00 TiB")
    with told, torch.cuda.graph(g):
        torch.empty(1 << 40, device="cuda")
    with torch.cuda.graph(g):  # and the program goes on
        y = x * 2
    g.replay()
    assert y.cpu().tolist() == [2, 2, 2]


def test_cards_and_their_stand_in_share_no_stream() -> None:
    """A graph is captured on a stream that is kept, of whichever module the cards then were."""
    for _ in range(2):
        with stand_in.installed():
            x, g = torch.ones(3, device="cuda"), torch.cuda.CUDAGraph()
            with torch.cuda.graph(g):
                y = x * 2
            g.replay()
            assert y.cpu().tolist() == [2, 2, 2]
    assert {module for module, _ in graphs._side} == {stand_in.cupy}
