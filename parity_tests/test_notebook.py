"""Tensors and modules in a notebook, and the tools that notebooks hand tensors to."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas
import pytest
import torch as oracle

import minigrad as torch
from minigrad.d2l import pyplot


class Reader(HTMLParser):
    """What stands in the cells, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        assert tag not in ("script", "style")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.open and self.open[-1] == "td":
            self.cells.append(data)


def test_a_table_shows_the_printed_numbers() -> None:
    x = torch.tensor([[1.0, -2.5], [float("nan"), 0.0]], requires_grad=True)
    page = Reader((x * 1)._repr_html_())
    assert page.cells == ["1.0000", "-2.5000", "nan", "0.0000"]
    assert page.words[0] == "Tensor · shape (2, 2) · float32 · cpu · grad_fn MulBackward0"


def test_a_long_table_shows_its_ends() -> None:
    cells = Reader(torch.arange(1000)._repr_html_()).cells
    assert cells == [*map(str, range(6)), "…", *map(str, range(994, 1000))]
    assert len(Reader(torch.zeros(100, 40)._repr_html_()).cells) == 13 * 13


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3, 4)])
def test_what_is_no_table_is_shown_as_printed(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    assert repr(x) in Reader(x._repr_html_()).words


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16", "float64"])
def test_every_dtype_is_shown(dtype: str) -> None:
    assert len(Reader(torch.ones(3, dtype=getattr(torch, dtype))._repr_html_()).cells) == 3


def test_a_module_is_a_tree_with_its_parameters() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.ReLU()))
    net[0].bias.requires_grad_(False)
    page = Reader(net._repr_html_())
    text = " ".join(" ".join(page.words).split())
    assert "Sequential() 9 parameters" in text
    assert "weight (3, 2) float32 bias (3,) float32, frozen" in text
    assert "(0): Linear(in_features=2, out_features=3, bias=True)" in text
    assert "ReLU() no parameters" in text


def test_names_from_outside_are_escaped() -> None:
    net = torch.nn.Module()
    net.add_module("<b>", torch.nn.ReLU())
    assert "<b>" not in net._repr_html_() and "&lt;b&gt;" in net._repr_html_()


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_pandas_takes_tensors_as_it_takes_torchs() -> None:
    frames = []
    for library in (torch, oracle):
        x = library.arange(6.0).reshape(3, 2)
        frame = pandas.DataFrame(x.numpy(), columns=["a", "b"])
        frame["c"] = x[:, 0]
        frame["d"] = pandas.Series(library.tensor([1, 2, 3]))
        frame["e"] = library.tensor([True, False, True])
        frames.append(frame)
    pandas.testing.assert_frame_equal(*frames)


def test_tensors_are_made_of_frames_as_in_torch() -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]})
    for values in (frame[["a"]], frame[["a", "b"]], frame[["c"]], frame["a"]):
        ours, theirs = torch.tensor(values.values), oracle.tensor(values.values)
        assert str(ours) == str(theirs)
    mixed = frame.astype(object).values
    for library in (torch, oracle):
        with pytest.raises(TypeError, match="object"):
            library.tensor(mixed)
    ours, theirs = torch.tensor(frame["b"]), oracle.tensor(frame["b"])
    assert str(ours) == str(theirs)


def test_matplotlib_draws_tensors() -> None:
    plt = pyplot()
    figure, axes = plt.subplots()
    x = torch.arange(4.0)
    (line,) = axes.plot(x, x**2)
    np.testing.assert_array_equal(line.get_ydata(), [0, 1, 4, 9])
    (line,) = axes.plot([torch.tensor(1.0), torch.tensor(2.0)], [x[0], x[1]])
    image = axes.imshow(torch.rand(4, 5))
    assert image.get_array().shape == (4, 5)
    counts, _, _ = axes.hist(torch.tensor([1.0, 1.0, 2.0]))
    assert counts.sum() == 3
    axes.scatter(x, x)
    axes.bar(torch.arange(2), torch.tensor([1, 2]))
    plt.close(figure)


def test_numpy_shares_memory_both_ways() -> None:
    x = torch.zeros(3)
    x.numpy()[1] = 5
    assert x.tolist() == [0, 5, 0]
    array = np.zeros(2)
    torch.from_numpy(array)[0] = 7
    assert array[0] == 7


def test_dlpack_shares_memory_with_torch_both_ways() -> None:
    theirs = oracle.zeros(3)
    torch.from_dlpack(theirs)[0] = 1
    assert theirs[0] == 1
    ours = torch.zeros(3)
    oracle.from_dlpack(ours)[0] = 2
    assert ours[0] == 2
