"""The profiler: what it measures, torch's names, its files; and that it leaves no trace."""

from __future__ import annotations

import io
import json
import time
import weakref
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

import minigrad as mg
from minigrad import nn, profiler
from minigrad.autograd.taps import Heard, listen
from minigrad.cuda import stand_in
from minigrad.errors import DeviceError
from minigrad.nn import functional as F
from minigrad.profiler.limits import Limits


def step(net: Any) -> None:
    net.zero_grad()
    F.cross_entropy(net(mg.zeros(4, 1, 6, 6)), mg.tensor([0, 1, 2, 0])).backward()


def network() -> Any:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))


def test_every_op_forward_and_backward() -> None:
    net = network()
    with profiler.profile() as p:
        step(net)
    kinds: dict[str, list[str]] = {}
    for span in p.events():
        assert span.nanoseconds >= 0
        kinds.setdefault(span.kind, []).append(span.name)
    assert {"convolution", "relu", "linear"} <= set(kinds["forward"])
    assert {"ConvolutionBackward0", "ReluBackward0", "AddmmBackward0"} <= set(kinds["backward"])
    step(net)
    assert len(p.events()) == sum(map(len, kinds.values())), "it measured after its end"


def test_work_is_counted() -> None:
    a, b = mg.ones(8, 5, requires_grad=True), mg.ones(5, 3)
    net = nn.Conv2d(2, 4, 3)
    with profiler.profile() as p:
        (a @ b).sum().backward()
        net(mg.ones(1, 2, 5, 5))
    flops = {span.name: span.flops for span in p.events()}
    assert flops["mm"] == 2 * 8 * 5 * 3 and flops["MmBackward0"] == 2 * 8 * 5 * 3
    assert flops["convolution"] == 2 * (4 * 3 * 3) * (2 * 3 * 3)
    assert flops["sum"] == 0
    sizes = {span.name: span.bytes for span in p.events()}
    assert sizes["mm"] == 4 * (40 + 15 + 24)


def test_blocks_modules_and_own_time() -> None:
    net = network()
    with profiler.profile(model=net) as p, profiler.record_function("mine"):
        net(mg.zeros(4, 1, 6, 6))
        time.sleep(0.02)
    found = {a.key: a for a in p.key_averages()}
    assert {"mine", "model (Sequential)", "0 (Conv2d)", "3 (Linear)"} <= set(found)
    mine, model = found["mine"], found["model (Sequential)"]
    assert mine.self_cpu_time_total >= 0.02e6
    assert mine.cpu_time_total >= mine.self_cpu_time_total + model.cpu_time_total * 0.999
    total = sum(a.self_cpu_time_total for a in found.values())
    assert total == pytest.approx(mine.cpu_time_total, rel=1e-6)


def test_the_table() -> None:
    with profiler.profile(record_shapes=True, profile_memory=True) as p:
        for size in (2, 3):
            mg.ones(size, size) @ mg.ones(size, size)
    averages = p.key_averages(group_by_input_shape=True)
    text = averages.table(sort_by="count", row_limit=50, limits=Limits(1.0, 1.0))
    head = text.splitlines()[0]
    for title in ("Name", "Self CPU", "CPU total", "# of Calls", "GB/s", "of peak", "Memory"):
        assert title in head
    assert "[[2, 2], [2, 2]]" in text and "[[3, 3], [3, 3]]" in text
    assert text.splitlines()[-1].startswith("Self CPU time total")
    assert len(averages.table(row_limit=1).splitlines()) == 3
    with pytest.raises(ValueError, match="sort_by"):
        averages.table(sort_by="beauty")


def test_the_table_of_rich() -> None:
    rich = pytest.importorskip("rich.console")
    with profiler.profile(record_shapes=True) as p:
        mg.ones(2, 3) @ mg.ones(3, 4)
    console = rich.Console(width=200, file=io.StringIO())
    console.print(p.key_averages())
    text = console.file.getvalue()
    for word in ("Self CPU %", "# of Calls", "mm", "[[2, 3], [3, 4]]", "Self CPU time total"):
        assert word in text


def test_memory_that_is_alive() -> None:
    with profiler.profile(profile_memory=True) as p:
        kept = mg.ones(1000) * 2
        for _ in range(3):
            mg.ones(1000) * 3
    alive = [span.memory for span in p.events() if span.name == "mul"]
    assert alive[0] == 4000 and alive[-1] == 8000 and kept.numel() == 1000


def test_a_schedule_as_torchs() -> None:
    mine = profiler.schedule(wait=2, warmup=1, active=3, repeat=2, skip_first=1)
    theirs = torch.profiler.schedule(wait=2, warmup=1, active=3, repeat=2, skip_first=1)
    assert [mine(n).name for n in range(20)] == [theirs(n).name for n in range(20)]


def test_steps_that_are_not_active_are_not_measured() -> None:
    ready: list[list[str]] = []
    x = mg.ones(2)

    def note(p: profiler.profile) -> None:
        ready.append([s.name for s in p.events()])

    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    with profiler.profile(schedule=plan, on_trace_ready=note) as p:
        for number in range(10):
            for _ in range(number + 1):
                x.exp()
            p.step()
    counts = [names.count("exp") for names in ready]
    assert counts == [3 + 4, 7 + 8]
    assert [n for n in ready[0] if n != "exp"] == ["ProfilerStep#2", "ProfilerStep#3"]


def test_files(tmp_path: Path) -> None:
    with profiler.profile(profile_memory=True) as p:
        (mg.ones(3, requires_grad=True) * 2).sum().backward()
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    spans = [e for e in events if e["ph"] == "X"]
    assert len(spans) == len(p.events()) and all(e["dur"] >= 0 <= e["ts"] for e in spans)
    assert [e["ph"] for e in events].count("C") == len(spans)
    p.export_html(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "MulBackward0" in html and "http" not in html and html.count("</script>") == 1


def test_activities() -> None:
    profiler.profile(activities=[profiler.ProfilerActivity.CPU])
    with pytest.warns(UserWarning, match="CUDA is not measured"):
        profiler.profile(activities=[profiler.ProfilerActivity.CUDA])


def test_the_time_of_a_card_is_measured_by_events() -> None:
    both = [profiler.ProfilerActivity.CPU, profiler.ProfilerActivity.CUDA]
    with stand_in.installed():
        x = mg.ones(64, 64, device="cuda", requires_grad=True)
        with profiler.profile(activities=both) as p:
            (x @ x).sum().backward()
            mg.ones(3).exp()
    spans = {span.name: span for span in p.events()}
    for name in ("mm", "sum", "SumBackward0", "MmBackward0"):
        # The stand-in's events read the clock of the host, outside of the span.
        assert spans[name].device >= spans[name].nanoseconds - 1000 > -1000, name
    assert spans["exp"].device == 0, "the CPU's own"
    table = p.key_averages().table(sort_by="device_time_total")
    assert "Device total" in table.splitlines()[0]


def test_ops_are_ranges_for_profilers_of_nvidia(monkeypatch: pytest.MonkeyPatch) -> None:
    emit, told = mg.autograd.profiler.emit_nvtx, []
    with stand_in.installed():
        nvtx = stand_in.cupy.cuda.nvtx
        monkeypatch.setattr(nvtx, "RangePush", told.append)
        monkeypatch.setattr(nvtx, "RangePop", lambda: told.append("end"))
        x = mg.ones(2, device="cuda", requires_grad=True)
        with emit(enabled=False):
            x.exp()
        assert not told
        with emit(), mg.cuda.nvtx.range("step {}", 3):
            x.exp().sum().backward()
        x.exp()
    ops = ["exp", "sum", "SumBackward0", "ExpBackward0"]
    assert told == ["step 3", *[what for name in ops for what in (name, "end")], "end"]
    with pytest.raises(DeviceError), emit():
        pass


def test_a_decorator_and_an_error() -> None:
    @profiler.record_function("named")
    def work() -> None:
        raise ValueError

    with profiler.profile() as p, pytest.raises(ValueError):
        work()
    assert [a.key for a in p.key_averages()] == ["named"]
    with profiler.record_function("nobody listens"):
        pass


def test_a_profile_says_what_listeners_hear() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.Flatten())
    heard: list[Heard] = []
    with profiler.profile() as p, listen(heard.append):
        mg.cat([net(mg.ones(2, 1, 6, 6)) * 2, mg.ones(2, 8).squeeze()]).sum().backward()
    spans = p.events()
    assert [s.kind for s in spans] == ["backward" if h.node else "forward" for h in heard]
    for span, h in zip(spans, heard, strict=True):
        assert span.name == (h.op.called or h.op.name if h.node is None else h.node.name())
        taken = [a.shape for a in h.arguments if hasattr(a, "nbytes")]
        assert list(span.shapes[: len(taken)]) == taken and taken
        results = h.result if isinstance(h.result, (tuple, list)) else (h.result,)
        least = sum(a.nbytes for a in (*h.arguments, *results) if hasattr(a, "nbytes"))
        assert span.bytes == least if h.node is None else span.bytes >= least


def test_what_a_listener_runs_is_not_in_the_profile() -> None:
    with profiler.profile() as p, listen(lambda heard: float(mg.ones(2).sum() * 3)):
        mg.ones(3).exp()
    assert [span.name for span in p.events()] == ["exp"]


def test_profiles_may_end_in_any_order() -> None:
    one, other = profiler.profile(), profiler.profile(profile_memory=True)
    x = mg.ones(2)
    one.start()
    x.exp()
    other.start()
    x.sin()
    one.stop()
    x.cos()
    other.stop()
    x.tan()
    names = [[span.name for span in p.events()] for p in (one, other)]
    assert names == [["exp", "sin"], ["sin", "cos"]]


def test_every_thread_is_measured_in_the_order_of_its_ends() -> None:
    with profiler.profile() as p:
        threads = [Thread(target=lambda: [mg.ones(4).exp() for _ in range(5)]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        mg.ones(4).sin()
    spans = p.events()
    assert [s.name for s in spans].count("exp") == 15 and spans[-1].name == "sin"
    assert [s.ended for s in spans] == sorted(s.ended for s in spans)
    assert spans[-1].thread not in {s.thread for s in spans[:-1]}


def test_a_profile_keeps_no_array_and_no_node() -> None:
    with profiler.profile() as p:
        y = mg.ones(3, requires_grad=True).exp()
        array, node = weakref.ref(y._array), weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert array() is None and node() is None
    assert len(p.events()) == 4
