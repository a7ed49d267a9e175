"""What steps are made of, captured: replayed with new data, and never waited for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.cuda import stand_in
from parity_tests.cuda import cards
from parity_tests.cuda.engines import compiler

F = torch.nn.functional
pytestmark = compiler
WANTING = "xwpq"  # the inputs whose gradients are compared too


def given(k: int, device: str) -> dict[str, Any]:
    """Scores, classes, a mask, probabilities, places, a matrix, images and a number."""
    drawn = np.random.default_rng(k)
    values = {
        "x": drawn.standard_normal((4, 5)).astype("f4"),
        "y": drawn.integers(0, 5, 4),
        "b": drawn.standard_normal((4, 5)) > 0,
        "p": drawn.random((4, 5)).astype("f4") * 0.9 + 0.05,
        "i": drawn.integers(0, 4, (4, 5)),
        "w": drawn.standard_normal((5, 5)).astype("f4"),
        "q": drawn.standard_normal((2, 3, 4, 4)).astype("f4"),
        "s": np.array(0.1 * (k + 1), "f4"),
    }
    return {name: torch.tensor(value).to(device) for name, value in values.items()}


def results(run: Any, values: dict[str, Any]) -> list[Any]:
    """What a function gives, and the gradients of what it sums up to."""
    leaves = {
        name: value.detach().requires_grad_() if name in WANTING else value
        for name, value in values.items()
    }
    wanted = run.__code__.co_varnames[: run.__code__.co_argcount]
    out = run(*(leaves[name] for name in wanted))
    outs = list(out) if isinstance(out, tuple) else [out]
    sums = [o.float().sum() for o in outs if o.requires_grad]
    found = [o.detach() for o in outs]
    if sums:
        inputs = [leaves[name] for name in wanted if name in WANTING]
        grads = torch.autograd.grad(sum(sums[1:], sums[0]), inputs, allow_unused=True)
        found += [g for g in grads if g is not None]
    return found


CAPTURED = {
    "where, a number": lambda b, x: torch.where(b, x, 0.0),
    "where, a number first": lambda b, x: torch.where(b, 0.0, x),
    "where, two numbers": lambda x: torch.where(x > 0, 1.0, -1.0) * x,
    "where, whole numbers": lambda b, i: torch.where(b, i, -100),
    "where, halves": lambda b, x: torch.where(b, x.half(), 0.0),
    "one_hot": lambda y: F.one_hot(y, 5),
    "one_hot of a matrix": lambda i: F.one_hot(i, num_classes=7).float(),
    "scatter_reduce": lambda i, x: torch.zeros_like(x).scatter_reduce(0, i, x, "mean"),
    "masked_scatter": lambda b, p: torch.zeros_like(p).masked_scatter(b, p.detach()),
    "masked_fill": lambda b, x: x.masked_fill(b, -1e9).softmax(-1).square(),
    "embedding_bag": lambda i, w: F.embedding_bag(i, w),
    "embedding_bag, greatest": lambda i, w: F.embedding_bag(i, w, mode="max"),
    "embedding_bag, offsets": lambda y, w: F.embedding_bag(
        y, w, torch.arange(2, device=y.device) * 3, mode="sum"
    ),
    "embedding by frequency": lambda y, w: F.embedding(y, w, scale_grad_by_freq=True),
    "binary_cross_entropy": lambda p, b: F.binary_cross_entropy(p, b.float()),
    "multi_margin_loss": lambda x, y: F.multi_margin_loss(x, y),
    "multilabel_margin_loss": lambda x, i: F.multilabel_margin_loss(x, i - 1),
    "cross_entropy, smoothed": lambda x, y: F.cross_entropy(
        x, y, ignore_index=2, label_smoothing=0.1
    ),
    "cdist": lambda x, w: torch.cdist(x, w),
    "conv3d": lambda q: F.conv3d(q[None], torch.ones(2, 2, 3, 3, 3, device=q.device)),
    "adaptive_max_pool2d": lambda q: F.adaptive_max_pool2d(q, 3),
    "interpolate": lambda q: F.interpolate(q, size=7, mode="bilinear"),
    "the greatest": lambda x: x.max() + x.min(),
    "median": lambda x: (x.median(), *x.median(1)),
    "the rest of a division": lambda x: (x % 2, x.fmod(0.7), torch.remainder(x, 0.3)),
    "nan_to_num": lambda x: torch.nan_to_num(x.log()),
    "nansum": lambda x: (x.log().nansum(), x.log().nanmean()),
    "histc": lambda x: torch.histc(x.detach(), 4, -1, 1),
    "quantile": lambda x: x.quantile(0.3, dim=1),
    "eye": lambda w: torch.eye(5, device=w.device) @ w,
    "linspace": lambda x: torch.bucketize(x.detach(), torch.linspace(-1, 1, 4, device=x.device)),
    "arange": lambda x: x[:, :4] * torch.arange(0, 1, 0.25, device=x.device),
    "a window": lambda x: x[:, :4] * torch.hann_window(4, device=x.device),
    "tril_indices": lambda w: w[tuple(torch.tril_indices(5, 5, device=w.device))],
    "a number of the host": lambda x: x * torch.tensor(0.5),
    "accuracy": lambda x, y: (x.argmax(1) == y).float().mean(),
    "clamped by a tensor": lambda x, s: x.clamp(min=s),
    "a written constant": lambda x: torch.eye(5, device=x.device).mul_(3).add_(x[0]),
}  # fmt: skip
SENT = {"eye", "linspace", "arange", "a window", "tril_indices", "adaptive_max_pool2d",
        "a written constant"}  # fmt: skip


@pytest.mark.parametrize("name", CAPTURED)
def test_an_op_is_replayed_with_new_data(name: str, launched: list[str]) -> None:
    """Captured without a step before it, and replayed twice: nothing of the first is left."""
    run = CAPTURED[name]
    values, graph = given(0, "cuda"), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = results(run, values)
    for k in (1, 2):
        for static, fresh in zip(values.values(), given(k, "cuda").values(), strict=True):
            static.detach().copy_(fresh)
        graph.replay()
        wanted = results(run, given(k, "cpu"))
        cards.agree(*([cards.as_numpy(t.cpu()) for t in ts] for ts in (found, wanted)), "float32")


@pytest.mark.parametrize("name", CAPTURED)
def test_nothing_waits_for_it(name: str, launched: list[str]) -> None:
    values = given(0, "cuda")

    def told(what: str) -> None:
        raise AssertionError(f"{name} waits: {what}")

    with torch.cuda.forbid_sync(), stand_in.guarded(told):
        results(CAPTURED[name], values)  # what it needs of the host is sent once, and kept
        sent = stand_in.counts.to_card
        results(CAPTURED[name], values)
    assert name in SENT or stand_in.counts.to_card == sent


TOLD = (RuntimeError, IndexError)  # by the loss, and by the gather in it
WRONG = {
    "one_hot": (lambda i, p: F.one_hot(i, 2), IndexError, "axis of size 2"),
    "multi_margin_loss": (
        lambda i, p: F.multi_margin_loss(p, i[:, 0] - 4), TOLD, "out of (range|bounds)"),
    "multilabel_margin_loss": (
        lambda i, p: F.multilabel_margin_loss(p, i + 5), TOLD, "out of (range|bounds)"),
    "binary_cross_entropy": (
        lambda i, p: F.binary_cross_entropy(p + 1, p), RuntimeError, "of input should be between"),
    "its target": (
        lambda i, p: F.binary_cross_entropy(p, p * float("nan")), RuntimeError, "of target"),
    "masked_scatter": (
        lambda i, p: p.masked_scatter(p > 0, p[0]), RuntimeError, "source < number of ones"),
    "embedding_bag": (
        lambda i, p: F.embedding_bag(i[0], p, i[0] + 1), RuntimeError, "begin with 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_was_wrong_is_told_at_the_next_wait(name: str, launched: list[str]) -> None:
    run, error, says = WRONG[name]
    i, p = (given(0, "cuda")[n] for n in "ip")
    run(i, p)
    with pytest.raises(error, match=says):
        p.cpu()
    assert p.cpu().shape == (4, 5)  # told once


@pytest.mark.parametrize("name", ["median", "nansum", "adaptive_max_pool2d", "the greatest"])
def test_nan_is_found_without_a_look(name: str, launched: list[str]) -> None:
    values = [given(0, device) for device in ("cuda", "cpu")]
    for each in values:
        each["x"][1, 2] = each["q"][0, 1, 2, 2] = float("nan")
    found, wanted = ([t.cpu().numpy() for t in results(CAPTURED[name], v)] for v in values)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_a_table_first_made_in_a_capture_serves_eager_steps(launched: list[str]) -> None:
    """It lies in memory that is not the graph's, and has its numbers before any replay."""
    x, graph = torch.rand(1, 1, 9, 11).to("cuda"), torch.cuda.CUDAGraph()

    def run() -> Any:
        return F.interpolate(x, size=(13, 5), mode="bicubic")

    with torch.cuda.graph(graph):
        found = run()
    now = run().cpu().numpy()
    assert np.isfinite(now).all()
    graph.reset()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run()
    graph.replay()
    np.testing.assert_array_equal(found.cpu().numpy(), now)


def test_first_indices_in_a_capture_leave_no_false_report() -> None:
    """The flags of a card are set to zero when they are made, and not by a replay."""
    with cards.card():
        table, index = torch.ones(3, 2).to("cuda"), torch.tensor([0, 2]).to("cuda")
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            rows = F.embedding(index, table)
        assert table.cpu().shape == (3, 2)
        index.fill_(5)
        graph.replay()
        graph.replay()
        with pytest.raises(IndexError, match="axis of size 3"):
            rows.cpu()


def test_other_threads_do_not_allocate_from_the_graph(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    own = stand_in.cupy.cuda.MemoryPool

    class Counting(own):  # type: ignore[misc,valid-type]
        def malloc(self, size: int) -> Any:
            asked.append(threading.get_ident())
            return super().malloc(size)

    monkeypatch.setattr(stand_in.cupy.cuda, "MemoryPool", Counting)
    made: list[Any] = []

    def work() -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            made.append(torch.ones(3, device="cuda"))

    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        torch.ones(3, device="cuda")
        other = threading.Thread(target=work)
        other.start()
        other.join()
    assert len(made) == 1
    assert set(asked) == {threading.get_ident()}
