"""The picture of a graph: complete, well-formed, readable."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import minigrad as mg
from minigrad.inspect import graph_svg
from minigrad.inspect.layered_layout import Box, layered_layout
from minigrad.nn import functional as F
from minigrad.vision.models import LeNet


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_lenet_shows_every_parameter_once_with_its_shape() -> None:
    net = LeNet()
    loss = F.cross_entropy(net(mg.zeros(2, 1, 28, 28)), mg.zeros(2, dtype=mg.int64))
    words = texts(graph_svg(loss, dict(net.named_parameters())))
    for name, parameter in net.named_parameters():
        assert words.count(name) == 1
        assert f"({', '.join(map(str, parameter.shape))})" in words
    assert "result" in words and "scalar" in words


def test_names_are_escaped() -> None:
    x = mg.ones(2, requires_grad=True)
    assert "a<b&c" in texts(graph_svg((x * 2).sum(), {"a<b&c": x}))


def test_a_tensor_without_a_graph_is_an_error() -> None:
    with pytest.raises(ValueError, match="without grad_fn"):
        graph_svg(mg.ones(2))


def test_a_graph_beyond_all_looking_is_an_error() -> None:
    x = mg.ones(1, requires_grad=True)
    y = x
    for _ in range(2100):
        y = y * 1.5
    with pytest.raises(ValueError, match="more than 2000 nodes"):
        graph_svg(y)


def diamond() -> list[Box]:
    """result <- add <- (mul <- x, relu <- mul), and x goes straight to add too."""
    return [
        Box("result", kind="result", sources=[1]),
        Box("add", sources=[2, 3, 4]),
        Box("relu", sources=[3]),
        Box("mul", sources=[4]),
        Box("x", "(3)", kind="leaf"),
    ]


def test_sources_stand_above_their_users_and_boxes_do_not_overlap() -> None:
    layout = layered_layout(diamond())
    for box in layout.boxes:
        assert all(layout.boxes[s].y < box.y for s in box.sources)
    for i, one in enumerate(layout.boxes):
        for other in layout.boxes[:i]:
            apart_x = abs(one.x - other.x) >= (one.width + other.width) / 2
            assert apart_x or abs(one.y - other.y) >= (one.height + other.height) / 2


def test_every_edge_goes_down_from_box_to_box() -> None:
    layout = layered_layout(diamond())
    assert len(layout.edges) == 6
    for points in layout.edges:
        heights = [y for _, y in points]
        assert heights == sorted(heights)


def test_a_weight_used_far_apart_is_drawn_near_each_user() -> None:
    steps = 30
    chain = [Box("result", sources=[1])]
    chain += [Box(f"step {i}", sources=[i + 2, steps + 1]) for i in range(steps - 1)]
    chain += [Box("first step", sources=[steps + 1]), Box("w", "(2)", kind="leaf")]
    layout = layered_layout(chain)
    assert 4 <= sum(box.label == "w" for box in layout.boxes) <= 8
    assert max(len(points) for points in layout.edges) <= 7
