"""``minigrad.cuda`` on simulated cards: memory, streams, several cards, waiting, missing parts."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import types
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import cuda, nn
from minigrad.backend import cupy_backend, select
from minigrad.cuda import stand_in
from minigrad.errors import DeviceError
from minigrad.vision.models import get_model

F = nn.functional


@pytest.fixture
def cards():
    with stand_in.installed(devices=2) as cupy:
        yield cupy


# --- from card to card -------------------------------------------------------------------------


def test_a_copy_to_another_card_is_ordered_with_the_streams_of_both(cards):
    side, other = cuda.Stream(), cuda.Stream("cuda:1")
    for _ in range(2):
        with cuda.stream(side):
            x = minigrad.ones(3, device="cuda:0") * 2
            with cuda.stream(other):
                y = x.to("cuda:1") + 1
            x += 1  # not before the copy has been taken
        cuda.current_stream("cuda:1").wait_stream(other)
        assert y.tolist() == [3.0, 3.0, 3.0] and y.device.index == 1


# --- memory ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_garbage")
def test_memory_is_counted_and_the_peak_is_the_most_there_was(cards):
    cuda.empty_cache()
    before = cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    x = minigrad.ones(1024, device="cuda")
    assert cuda.memory_allocated() == before + 4096
    y = x + x
    del y
    assert cuda.memory_allocated() == before + 4096
    assert cuda.max_memory_allocated() == before + 8192
    assert cuda.memory_reserved() >= before + 8192
    cuda.empty_cache()
    assert cuda.memory_reserved() == cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    assert cuda.max_memory_allocated() == before + 4096
    free, total = cuda.mem_get_info()
    assert total - free == cuda.memory_reserved()
    assert "tensors" in cuda.memory_summary()


@pytest.mark.usefixtures("no_garbage")
def test_too_little_memory_says_how_much_and_the_program_goes_on(cards):
    cuda.empty_cache()
    net = nn.Linear(256, 256).to("cuda")
    optimizer = minigrad.optim.SGD(net.parameters(), lr=0.1)
    pool = cards.get_default_memory_pool()
    pool.set_limit(pool.used_bytes() + 2_000_000)
    try:
        with pytest.raises(cuda.OutOfMemoryError) as caught:
            net(minigrad.ones(4096, 256, device="cuda")).relu().sum().backward()
        for part in ("Tried to allocate 4.00 MiB", "GPU 0", "4.00 GiB", "empty_cache"):
            assert part in str(caught.value)
        assert isinstance(caught.value, RuntimeError)
        del caught
        net(minigrad.ones(16, 256, device="cuda")).sum().backward()
        optimizer.step()
    finally:
        pool.set_limit(0)
    assert np.isfinite(net.weight.cpu().detach().numpy()).all()


@pytest.mark.usefixtures("no_garbage")
def test_running_out_inside_of_backward_leaves_no_memory_behind(cards):
    x = minigrad.ones(1000, 250, device="cuda", requires_grad=True)
    pool = cards.get_default_memory_pool()
    used = cuda.memory_allocated()
    y = (x.exp() * x).sum()
    pool.set_limit(pool.used_bytes() + 512)
    pool.free_all_blocks()
    with pytest.raises(cuda.OutOfMemoryError):
        y.backward()
    pool.set_limit(0)
    del y
    gc.collect()
    assert cuda.memory_allocated() == used and x.grad is None


@pytest.mark.usefixtures("no_garbage")
def test_a_pool_of_its_own_is_counted_with_the_others(cards):
    cuda.reset_peak_memory_stats()
    before, pool = cuda.memory_allocated(), cuda.MemPool()
    with cuda.use_mem_pool(pool):
        x = minigrad.ones(1024, device="cuda") + 1
    y = minigrad.ones(1024, device="cuda")
    assert pool.bytes() == 4096 and cuda.memory_allocated() == before + 8192
    assert cuda.max_memory_allocated() == before + 8192
    assert (x + y).tolist() == [3.0] * 1024
    del x
    assert pool.bytes() == 0 and cuda.memory_allocated() == before + 4096


def test_graphs_take_a_pool_by_itself_by_its_id_or_by_another_graph(cards):
    pool, x = cuda.MemPool(), minigrad.ones(2, device="cuda")
    graphs = [cuda.CUDAGraph() for _ in range(3)]
    for g, given in zip(graphs, (pool, pool.id, graphs[0].pool), strict=True):
        with cuda.graph(g, pool=given() if callable(given) else given):
            y = x * 2
        assert g.pool() is pool
        g.replay()
        assert y.tolist() == [2.0, 2.0]
    for given, error in ((cuda.MemPool().id, ValueError), (3, TypeError)):
        with pytest.raises(error, match="pool"), cuda.graph(cuda.CUDAGraph(), pool=given):
            pass


def test_pools_refuse_what_cupy_cannot(cards):
    with pytest.raises(NotImplementedError, match="use_on_oom"):
        cuda.MemPool(use_on_oom=True)
    with pytest.raises(TypeError, match="must be a MemPool, got NoneType"), cuda.use_mem_pool(None):
        pass


# --- cards and streams -------------------------------------------------------------------------


def test_the_current_card(cards):
    assert (cuda.device_count(), cuda.current_device()) == (2, 0)
    with cuda.device(1):
        assert cuda.current_device() == 1
        assert minigrad.zeros(1, device="cuda").device == minigrad.device("cuda", 1)
    assert cuda.current_device() == 0
    cuda.set_device(1)
    assert minigrad.zeros(1, device="cuda").device.index == 1
    cuda.set_device("cuda:0")
    with pytest.raises(RuntimeError, match=r"invalid device ordinal: 2; there are 2 \(cuda:0 to"):
        minigrad.zeros(1, device="cuda:2")
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        cuda.set_device(7)
    with pytest.raises(ValueError, match="Expected a cuda device"):
        cuda.synchronize("cpu")
    assert cuda.get_device_capability(1) == (9, 0)
    assert cuda.get_device_name().startswith("stand-in")


def test_a_step_of_training_on_the_second_card(cards):
    """Nothing but the tensors says where the work is done, backward and optimizer included."""

    def trained(place):
        minigrad.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).to(place)
        optimizer = minigrad.optim.Adam(net.parameters())
        x, t = minigrad.randn(5, 4).to(place), minigrad.tensor([0, 1, 2, 0, 1]).to(place)
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(net(x), t).backward()
            optimizer.step()
        assert {p.device for p in net.parameters()} == {minigrad.device(place)}
        return [p.detach().cpu().numpy() for p in net.parameters()]

    for mine, other in zip(trained("cuda:1"), trained("cpu"), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_cards_do_not_mix(cards):
    here, there = (minigrad.ones(2, device=f"cuda:{i}") for i in range(2))
    with pytest.raises(RuntimeError, match="at least two devices, cuda:0 and cuda:1"):
        here + there
    with pytest.raises(RuntimeError, match="at least two devices, cpu and cuda:1"):
        minigrad.ones(2) * there
    assert (here + there.to(here.device)).tolist() == [2.0, 2.0]
    before = stand_in.counts.to_host
    moved = here.to("cuda:1")
    assert moved.device.index == 1 and stand_in.counts.to_host == before


def test_one_number_of_the_cpu_goes_along(cards):
    x = minigrad.ones(2, device="cuda")
    assert (x * minigrad.tensor(3.0)).tolist() == (minigrad.tensor(3.0) * x).tolist() == [3.0, 3.0]


def test_streams_wait_for_each_other_or_it_is_an_error(cards):
    side, x = cuda.Stream(), minigrad.ones(3, device="cuda")
    with cuda.stream(side), pytest.raises(stand_in.StreamOrderError, match="nothing orders"):
        x + 1
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        assert cuda.current_stream() == side
        y = x + 1
    with pytest.raises(stand_in.StreamOrderError):
        y + 1
    done = side.record_event()
    done.wait()
    assert (y + 1).tolist() == [3.0, 3.0, 3.0]
    side.synchronize()
    assert side.query() and done.query()


def test_an_event_belongs_to_the_card_of_its_stream(cards):
    """Whichever card is the current one; one that nobody recorded keeps nobody waiting."""
    event, side = cuda.Event(), cuda.Stream(device=1)
    assert event.query()
    event.synchronize()
    cuda.current_stream().wait_event(event)
    side.record_event(event)
    cuda.current_stream().wait_stream(side)
    assert event.query()
    with pytest.raises(RuntimeError, match="must be recorded before"):
        cuda.Event(enable_timing=True).elapsed_time(cuda.Event(enable_timing=True))


def test_events_measure_time(cards):
    start, end = (cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    minigrad.ones(3, device="cuda") + 1
    end.record()
    cuda.synchronize()
    assert 0 <= start.elapsed_time(end) < 60_000
    with pytest.raises(RuntimeError, match="enable_timing"):
        cuda.Event().elapsed_time(end)


def test_transfers_from_pinned_memory_do_not_wait(cards):
    x = minigrad.ones(1000).pin_memory()
    assert x.is_pinned() and x[1:].is_pinned() and x.pin_memory() is x
    assert not (x + 1).is_pinned()
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        x.cuda().pin_memory()
    before = stand_in.counts.to_host
    with cuda.forbid_sync():
        y = x.to("cuda", non_blocking=True) * 2
        z = x.cuda(non_blocking=True)
    assert stand_in.counts.to_host == before
    assert y.sum().item() == 2000 and z.device.type == "cuda"


def test_pinned_memory_may_be_written_to_after_a_copy_that_waits(cards):
    """CuPy reads pinned memory while the program goes on: only ``non_blocking`` may leave it so."""
    x, there = minigrad.ones(1000).pin_memory(), minigrad.zeros(1000, device="cuda")
    for copy, waits in (
        (lambda: x.to("cuda"), 1),
        (lambda: x.to("cuda", non_blocking=True), 0),
        (lambda: x.cuda(), 1),
        (lambda: there.copy_(x), 1),
        (lambda: there.copy_(x, non_blocking=True), 0),
        (lambda: (x + 1).to("cuda"), 0),  # not pinned: CuPy has taken a copy
    ):
        before = stand_in.counts.to_host
        copy()
        assert stand_in.counts.to_host == before + waits


def test_every_thread_is_told_of_a_matrix_without_an_inverse(cards):
    """What CuPy does then is a setting of each thread."""
    found = []

    def work():
        for device in ("cpu", "cuda"):
            try:
                minigrad.linalg.inv(minigrad.zeros(2, 2, device=device))
            except minigrad.linalg.LinAlgError as error:
                found.append(str(error))

    thread = threading.Thread(target=work)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LAPACK's pivots are the host's
        thread.start()
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]


# --- waiting -----------------------------------------------------------------------------------

WAITING = {
    "item": lambda x: x[0].item(),
    "if": lambda x: bool((x > 0).all()),
    "float": lambda x: float(x.sum()),
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: x.nonzero(),
    "unique": lambda x: x.unique(),
    "cpu": lambda x: x.cpu(),
    "tolist": lambda x: x.tolist(),
    "print": str,
    "masked_select": lambda x: x.masked_select(x > 0),
    "bincount": lambda x: x.long().bincount(),
    "equal": lambda x: minigrad.equal(x, x),
}


@pytest.mark.parametrize("what", WAITING)
def test_what_waits_is_told_and_can_be_forbidden(cards, what):
    x = minigrad.ones(3, device="cuda")
    before = stand_in.counts.to_host
    WAITING[what](x)
    assert stand_in.counts.to_host > before
    with cuda.forbid_sync(), pytest.raises(RuntimeError, match="synchronizing CUDA operation"):
        WAITING[what](x)
    cuda.set_sync_debug_mode("warn")
    with pytest.warns(UserWarning, match="synchronizing CUDA operation"):
        WAITING[what](x)
    cuda.set_sync_debug_mode(0)
    WAITING[what](x)


def test_an_explicit_wait_is_no_hidden_one(cards):
    with cuda.forbid_sync():
        cuda.synchronize()
        cuda.current_stream().synchronize()
    assert cuda.get_sync_debug_mode() == 0
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        cuda.set_sync_debug_mode("loud")


class Block(nn.Module):
    """Two convolutions around which the input is carried."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Conv2d(4, 4, 3, padding=1, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(2))

    def forward(self, x):
        y = self.norms[0](self.first(x)).relu()
        return (self.norms[1](self.second(y)) + x).relu()


def resnet():
    stem = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*stem, Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))


NETS = {
    "mlp": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10)
    ),
    "lenet": lambda: get_model("lenet", num_classes=10),
    "resnet": resnet,
}
OPTIMIZERS = {
    "sgd": lambda p: minigrad.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4),
    "adamw": lambda p: minigrad.optim.AdamW(p),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("net", NETS)
def test_a_step_of_training_waits_for_nothing(cards, net, optimizer):
    model = NETS[net]().to("cuda")
    updater = OPTIMIZERS[optimizer](model.parameters())
    images = minigrad.randn(2, 1, 28, 28, device="cuda")
    labels = minigrad.tensor([3, 7]).cuda()

    def step():
        updater.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        updater.step()
        return loss.detach()

    def refuse(what):
        raise AssertionError(f"the step waits: {what}")

    step()  # states are made
    with stand_in.guarded(refuse), cuda.forbid_sync():
        losses = [step() for _ in range(2)]
    assert all(np.isfinite(loss.item()) for loss in losses)


# --- what is missing ---------------------------------------------------------------------------


class Fails:
    """A function that CUDA's runtime has where something is missing."""

    def __init__(self, error):
        self.error = error

    def __call__(self, *args):
        raise self.error


def planted(monkeypatch, missing):
    """Let minigrad find a CuPy of which one part is missing."""
    monkeypatch.delenv("MINIGRAD_CUDA", raising=False)
    cupy = types.ModuleType("cupy")
    counted = {"driver": Fails(RuntimeError("cudaErrorInsufficientDriver")), "card": lambda: 0}
    runtime = types.SimpleNamespace(getDeviceCount=counted.get(missing, lambda: 1))
    cupy.cuda = types.SimpleNamespace(runtime=runtime)
    cupy.zeros = Fails(ImportError("libnvrtc.so.13: cannot open shared object file"))
    monkeypatch.setattr(
        cupy_backend.importlib.util, "find_spec", lambda name: None if missing == "cupy" else 1
    )
    if missing == "loader":
        monkeypatch.setattr(cupy_backend.importlib, "import_module", Fails(ImportError("broken")))
    else:
        monkeypatch.setitem(sys.modules, "cupy", cupy)


MISSING = {
    "cupy": "CuPy is not installed.*pip install 'minigrad\\[cuda\\]'",
    "loader": "CuPy is installed but cannot be imported.*broken",
    "driver": "no NVIDIA driver or GPU was found.*cudaErrorInsufficientDriver",
    "card": "this machine has no NVIDIA GPU",
    "libraries": "CUDA libraries could not be used.*cupy-cuda13x\\[ctk\\].*libnvrtc",
}
PLACES = {
    "cuda()": lambda: minigrad.ones(1).cuda(),
    "to": lambda: nn.Linear(1, 1).to("cuda"),
    "device=": lambda: minigrad.zeros(1, device="cuda:0"),
    "cuda.init": cuda.init,
    "current_device": cuda.current_device,
    "synchronize": cuda.synchronize,
    "Stream": lambda: cuda.Stream(),
    "mem_get_info": lambda: cuda.mem_get_info(),
}


@pytest.mark.parametrize("missing", MISSING)
def test_what_is_missing_is_said_everywhere_in_one_sentence(monkeypatch, missing):
    before = select.exchange_cuda([])
    planted(monkeypatch, missing)
    try:
        for place, call in PLACES.items():
            with pytest.raises(DeviceError, match=MISSING[missing]) as caught:
                call()
            assert "\n" not in str(caught.value), place
        assert not cuda.is_available() and cuda.device_count() == 0
        assert cuda.memory_allocated() == cuda.max_memory_allocated() == 0
        cuda.empty_cache(), cuda.manual_seed_all(0), cuda.reset_peak_memory_stats()
        assert said_by_the_command(missing)
    finally:
        select.exchange_cuda(before)


def said_by_the_command(missing):
    """``minigrad doctor`` and ``--device cuda`` say it as well."""
    import re

    from minigrad.cli import doctor
    from minigrad.cli.errors import CommandError
    from minigrad.cli.settings import Settings

    row = " ".join(doctor._cuda())
    assert re.search(MISSING[missing], row), row
    with pytest.raises(CommandError, match=MISSING[missing]):
        Settings(device="cuda").check()
    return True


def test_a_variable_simulates_cards():
    script = (
        "import sys, minigrad as m; assert 'minigrad.cuda.stand_in' not in sys.modules;"
        "print(m.cuda.device_count(), m.ones(2, device='cuda:1').sum().item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "MINIGRAD_CUDA": "sim:2"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["2", "2.0"], done.stderr
