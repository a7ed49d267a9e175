"""What programs do with streams: work beside other work, its memory, and streams inside a graph."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.cuda import stand_in
from parity_tests.cuda.engines import compiler

F, nn = torch.nn.functional, torch.nn
pytestmark = compiler


def ones(n: int = 4) -> Any:
    return torch.ones(n, device="cuda")


def test_a_stream_is_a_block(launched: list[str]) -> None:
    side, outer = torch.cuda.Stream(priority=-1), torch.cuda.current_stream()
    assert side.priority == -1
    with side as inside:
        assert inside is side
        assert torch.cuda.current_stream() == side
        with torch.cuda.stream(outer), side:
            assert torch.cuda.current_stream() == side
        assert torch.cuda.current_stream() == side
    assert torch.cuda.current_stream() == outer == torch.cuda.default_stream()
    assert isinstance(torch.cuda.stream(side), torch.cuda.StreamContext)


def test_work_beside_other_work_is_ordered_by_events(launched: list[str]) -> None:
    side, start, end = torch.cuda.Stream(), *(torch.cuda.Event(enable_timing=True) for _ in "12")
    x = ones()
    with torch.cuda.stream(side), pytest.raises(stand_in.StreamOrderError):
        x * 2
    start.record()
    side.wait_event(start)
    with torch.cuda.stream(side):
        y = x * 2
        end.record()
    with pytest.raises(stand_in.StreamOrderError):
        y + 1
    end.wait()
    assert (y + 1).tolist() == [3.0] * 4
    assert start.elapsed_time(end) >= 0


def test_data_of_the_host_is_ordered_too(launched: list[str]) -> None:
    side, x = torch.cuda.Stream(), torch.tensor([1.0, 2.0]).to("cuda")
    with torch.cuda.stream(side), pytest.raises(stand_in.StreamOrderError):
        x * 2
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        assert (x * 2).tolist() == [2.0, 4.0]


@pytest.mark.usefixtures("no_garbage")
@pytest.mark.parametrize("view", [False, True])
def test_memory_that_another_stream_uses_outlives_its_tensor(
    view: bool, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the event behind that stream's work has come, and then it is free."""
    side, outer = torch.cuda.Stream(), torch.cuda.current_stream()
    x = ones(100_000)
    seen = x[10:] if view else x
    side.wait_stream(outer)
    with torch.cuda.stream(side):
        seen.sum()
    seen.record_stream(side)
    come = [False]
    monkeypatch.setattr(stand_in.cupy.cuda.Event, "done", property(lambda self: come[0]))
    held = torch.cuda.memory_allocated()
    del x, seen
    gc.collect()
    ones()
    assert torch.cuda.memory_allocated() >= held
    come[0] = True
    ones()
    assert torch.cuda.memory_allocated() <= held - 400_000


@pytest.mark.usefixtures("no_garbage")
def test_where_memory_is_short_it_is_waited_for(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, side = stand_in.cupy.get_default_memory_pool(), torch.cuda.Stream()
    monkeypatch.setattr(stand_in.cupy.cuda.Event, "done", property(lambda self: False))
    pool.set_limit(pool.used_bytes() + (3 << 20))
    try:
        for _ in range(2):  # two do not fit
            torch.empty(1 << 19, device="cuda").record_stream(side)
    finally:
        pool.set_limit(0)


def test_a_stream_of_another_library_is_known_by_its_handle(launched: list[str]) -> None:
    theirs, x = torch.cuda.Stream(), ones()
    ours = torch.cuda.ExternalStream(theirs.cuda_stream, device="cuda:0")
    assert ours == theirs and isinstance(ours, torch.cuda.Stream)
    ours.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(ours):
        y = x + 1
    with torch.cuda.stream(theirs):  # the same queue: nothing to wait for
        assert (y * 2).tolist() == [4.0] * 4
    unknown = torch.cuda.ExternalStream(0x1234)
    assert unknown.cuda_stream == 0x1234 and unknown != theirs


def test_record_stream_refuses_what_is_none(launched: list[str]) -> None:
    with pytest.raises(NotImplementedError, match=r"aten::record_stream.*'CPU' backend"):
        torch.ones(1).record_stream(torch.cuda.current_stream())
    with pytest.raises(RuntimeError, match="unknown parameter type"):
        ones().record_stream(3)


def test_streams_join_a_capture_by_events(launched: list[str]) -> None:
    x, side, graph = ones(), torch.cuda.Stream(), torch.cuda.CUDAGraph()
    split, joined = torch.cuda.Event(), torch.cuda.Event()
    with torch.cuda.graph(graph):
        here = torch.cuda.current_stream()
        double = x * 2
        split.record()
        side.wait_event(split)
        with torch.cuda.stream(side):
            triple = x * 3
            joined.record()
        here.wait_event(joined)
        total = double + triple
    for k in (2.0, 5.0):
        x.fill_(k)
        graph.replay()
        assert total.tolist() == [5 * k] * 4
    with torch.cuda.stream(side):  # which is an ordinary stream again
        side.wait_stream(here)
        side.wait_stream(torch.cuda.default_stream())
        assert (x + 1).tolist() == [6.0] * 4


def test_a_stream_that_is_not_joined_again_is_told(launched: list[str]) -> None:
    x, side = ones(), torch.cuda.Stream()
    told = pytest.raises(RuntimeError, match="unjoined work")
    with told, torch.cuda.graph(torch.cuda.CUDAGraph()):
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            x * 3
    assert not torch.cuda.is_current_stream_capturing()
    with torch.cuda.stream(side):
        side.wait_stream(torch.cuda.default_stream())
        assert (x * 3).tolist() == [3.0] * 4


def test_capture_by_hand(launched: list[str]) -> None:
    x, side, graph = ones(), torch.cuda.Stream(), torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="captured on a non-default stream"):
        graph.capture_begin()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        with pytest.raises(RuntimeError, match="Unknown capture error mode"):
            graph.capture_begin(capture_error_mode="strict")
        graph.capture_begin(capture_error_mode="thread_local")
        assert torch.cuda.is_current_stream_capturing()
        y = x * 3
        graph.capture_end()
    torch.cuda.current_stream().wait_stream(side)
    graph.replay()
    assert y.tolist() == [3.0] * 4


def test_graphs_that_are_replayed_in_turn_share_memory(launched: list[str]) -> None:
    """The second reads what the first has made, from the pool of the first."""
    x, first, second = ones(), torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    side = torch.cuda.Stream()
    with torch.cuda.graph(first, stream=side):
        y = x * 2
    with torch.cuda.graph(second, pool=first.pool(), stream=side):
        z = y + 1
    for k in (1.0, 4.0):
        x.fill_(k)
        first.replay()
        second.replay()
        assert z.tolist() == [2 * k + 1] * 4


def dropped() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Linear(8, 3), nn.Dropout(0.1)).cuda()


def trained(scaled: bool, captured: bool) -> list[float]:
    """Losses of a network with dropout, eager or by replays of a step behind three eager ones."""
    net, losses = dropped(), []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cuda", init_scale=8.0, enabled=scaled)
    torch.cuda.manual_seed(5)
    x, y = (torch.zeros(5, n, device="cuda") for n in (6, 3))

    def forward_and_back() -> Any:
        optimizer.zero_grad(set_to_none=True)
        with torch.amp.autocast("cuda", enabled=scaled, cache_enabled=False):
            loss = F.mse_loss(net(x), y)
        scaler.scale(loss).backward()
        return loss

    def put(k: int) -> None:
        x.copy_(torch.tensor(np.sin(np.arange(30) + k).reshape(5, 6).astype("f4")).to("cuda"))

    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    for k in range(7):
        if captured and k == 3:
            with torch.cuda.graph(graph):
                loss = forward_and_back()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side if captured and k < 3 else None):
            put(k)
            if captured and k >= 3:
                graph.replay()
            else:
                loss = forward_and_back()
            scaler.step(optimizer)
            scaler.update()
        torch.cuda.current_stream().wait_stream(side)
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("scaled", [False, True])
def test_forward_and_backward_captured_and_the_step_not(scaled: bool, launched: list[str]) -> None:
    """torch's form for scaled losses; masks of dropout are those that eager steps draw."""
    np.testing.assert_array_equal(trained(scaled, True), trained(scaled, False))


def test_parts_of_a_network_are_graphs_and_what_decides_is_not(launched: list[str]) -> None:
    def run(graphed: bool) -> list[float]:
        torch.manual_seed(0)
        parts = [nn.Linear(6, 8).cuda(), nn.Linear(8, 3).cuda(), nn.Linear(8, 3).cuda()]
        weights = [p for part in parts for p in part.parameters()]
        optimizer = torch.optim.SGD(weights, lr=0.1)
        if graphed:
            x, h = torch.randn(5, 6).cuda(), torch.randn(5, 8).cuda().requires_grad_()
            first = torch.cuda.make_graphed_callables(parts[0], (x,))
            others = torch.cuda.make_graphed_callables(tuple(parts[1:]), ((h,), (h,)))
            parts = [first, *others]
        losses = []
        for k in range(6):
            x = torch.tensor(np.cos(np.arange(30) * (k + 1)).reshape(5, 6).astype("f4")).cuda()
            optimizer.zero_grad(set_to_none=True)
            h = parts[0](x)
            out = parts[1](h) if h.sum().item() > 0 else parts[2](h)
            loss = (out**2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    np.testing.assert_allclose(run(True), run(False), rtol=1e-6)
