"""The model of a recorded graph: nodes, sizes, lines, modules, and its forms as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad import inspect, nn
from minigrad.nn import functional as F
from minigrad.nn.summary import summary
from minigrad.vision.models import LeNet, resnet18


def recorded(net: Any, *size: int) -> tuple[Any, Any]:
    with inspect.record(net) as recording:
        loss = F.cross_entropy(net(minigrad.randn(*size)), minigrad.zeros(size[0]).long())
    return loss, recording


def test_nodes_of_an_expression() -> None:
    w = minigrad.tensor([1.0, 2.0], requires_grad=True)
    x = minigrad.tensor([3.0, 4.0])
    y = (w * x).exp()
    nodes = list(inspect.graph(y.sum(), {"w": w}))
    assert [n.name for n in nodes] == ["w", "mul", "exp", "sum"]
    assert [n.kind for n in nodes] == ["parameter", "op", "op", "op"]
    assert [n.inputs for n in nodes] == [[], [("input", 0)], [("input", 1)], [("input", 2)]]
    assert [(s.name, s.shape, s.bytes, s.wanted_by) for s in nodes[1].saved] == [
        ("other", (2,), 8, ("input",))
    ]
    assert nodes[1].formulas["input"] == "g * other"
    line = nodes[1].line
    assert line is not None and line.text == "w * x" and line.file == __file__
    assert line.function == "test_nodes_of_an_expression"
    assert {n.dtype for n in nodes} == {"float32"}


def test_a_call_over_several_lines_is_read_whole() -> None:
    x = minigrad.ones(2, requires_grad=True)
    y = minigrad.cat(
        [
            x,
            x,
        ]
    )
    line = inspect.graph(y).nodes[-1].line
    assert line is not None and line.text == "minigrad.cat( [ x, x, ] )"


def test_values_and_modules_of_a_recording() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    x = minigrad.randn(5, 3)
    with inspect.record(net) as recording:
        out = net(x)
        loss = out.sum() * 2
    nodes = {n.number: n for n in inspect.graph(loss, recording)}
    ops = [n for n in nodes.values() if n.kind == "op"]
    assert [(n.module, n.name) for n in ops] == [
        ("0", "linear"),
        ("1", "relu"),
        ("2.0", "linear"),
        ("", "sum"),
        ("", "mul"),
    ]
    assert ops[2].value is not None and ops[2].value.values.tolist() == out.tolist()
    assert ops[4].value is not None and ops[4].value.values.tolist() == loss.item()


def test_without_a_recording_a_module_is_known_by_its_parameters() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    ops = [n for n in inspect.graph(net(minigrad.ones(1, 3)).sum(), net) if n.kind == "op"]
    assert [n.module for n in ops] == ["0", "", ""]


def test_a_graph_keeps_what_the_summary_counts() -> None:
    net = LeNet()
    x = minigrad.zeros(2, 1, 28, 28)
    counted = summary(net, inputs=x)
    with inspect.record(net) as recording:
        out = net(x)
    kept = inspect.memory_ledger(out, recording)
    assert kept.bytes - x._array.nbytes == counted.saved > 0  # the input exists anyway


def test_modules_collapse_and_expand() -> None:
    net = resnet18(num_classes=10)
    loss, recording = recorded(net, 2, 3, 32, 32)
    whole = inspect.graph(loss, recording)
    outer = whole.collapsed(1)
    names = [n.name for n in outer]
    assert "layer1 (Sequential)" in names and "fc (Linear)" in names
    assert len(outer) < 15 < len(whole)
    assert outer.nodes[-1].name == whole.nodes[-1].name
    opened = whole.collapsed(1, expand=("layer1",))
    assert len(outer) < len(opened) < len(whole)
    assert "layer1 (Sequential)" not in [n.name for n in opened]
    for graph in (outer, opened, whole.collapsed(2), whole.collapsed(3)):
        for node in graph:
            assert all(number < node.number for _, number in node.inputs)
        assert sum(n.bytes for n in graph) == sum(n.bytes for n in whole)


def test_a_value_that_leaves_a_module_and_comes_back_makes_no_ring() -> None:
    class Halves(nn.Module):
        def forward(self, x: Any, between: Any) -> Any:
            return between(x * 2).exp()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.halves, self.lin = Halves(), nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            first = self.halves(x, lambda t: t)
            return self.halves(self.lin(first), lambda t: t) + first

    net = Net()
    with inspect.record(net) as recording:
        y = net(minigrad.ones(1, 2, requires_grad=True))
    for node in inspect.graph(y, recording).collapsed(1):
        assert all(number < node.number for _, number in node.inputs)


def test_several_outputs_are_one_node() -> None:
    x = minigrad.arange(4.0).requires_grad_()
    a, b = x.split(2)
    values, _ = x.max(0)
    nodes = list(inspect.graph((a * b).sum() + values))
    assert len({id(n.node) for n in nodes}) == len(nodes)
    assert [n.name for n in nodes if n.kind == "leaf"] == ["leaf"]


def test_a_function_of_a_user() -> None:
    class Double(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = minigrad.ones(3, requires_grad=True)
    graph = inspect.graph(Double.apply(x).sum())
    assert "Double" in graph.nodes[1].name
    assert "Double" in str(graph) and "Double" in graph.svg()


def test_text_dot_and_mermaid_name_every_node_and_edge() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid())
    graph = inspect.graph(net(minigrad.ones(1, 2)).sum(), net)
    edges = sum(len(n.inputs) for n in graph)
    assert len(str(graph).splitlines()) == len(graph)
    dot, mermaid = graph.dot(), graph.mermaid()
    assert dot.count(" -> ") == mermaid.count(" --> ") == edges
    assert dot.count("[label=") == len(graph) and mermaid.count(":::") == len(graph)
    assert "0.weight" in dot and "0.weight" in mermaid and "0.weight" in graph._repr_html_()


def test_a_png(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    net = LeNet()
    loss, recording = recorded(net, 2, 1, 28, 28)
    graph = inspect.graph(loss, recording)
    graph.png(tmp_path / "graph.png")
    with image.open(tmp_path / "graph.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 200
        colors = {color for _, color in picture.getcolors(100_000)}
    assert {(0xE3, 0xEF, 0xFB), (0xFF, 0xFF, 0xFF), (0x9A, 0xA5, 0xB1)} <= colors


def test_saved_sizes_of_hooked_values() -> None:
    x = minigrad.ones(4, requires_grad=True)
    with minigrad.autograd.graph.saved_tensors_hooks(lambda t: t.double(), lambda t: t.float()):
        y = x.exp()
    (saved,) = inspect.graph(y).nodes[-1].saved
    assert (saved.name, saved.bytes) == ("out", 32)


def test_a_freed_graph_keeps_nothing() -> None:
    x = minigrad.ones(4, requires_grad=True)
    y = x.exp().sum()
    graph = inspect.graph(y)
    assert graph.bytes == 16
    y.backward()
    assert inspect.graph(y).bytes == 0


@pytest.mark.parametrize("value", [minigrad.ones(2), 3, None])
def test_what_has_no_graph_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="without grad_fn"):
        inspect.graph(value)
