"""Worker processes: the batches, the order and the random numbers of torch's, seed by seed."""

from __future__ import annotations

import gc
import os
import random
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from parity_tests.data.datasets import Deeds, Draws, Marked, Named, Nested, init_fn, stream
from parity_tests.sidebyside import agree, both_agree

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


def rows(torch: Any, count: int = 17) -> Any:
    return torch.utils.data.TensorDataset(torch.arange(float(count)), torch.arange(count))


def two_epochs(torch: Any, data: Any, **options: Any) -> Any:
    """What two passes give, and where they leave the program's own generators."""
    torch.manual_seed(11)
    random.seed(1)
    np.random.seed(1)
    if options.pop("generated", False):
        options["generator"] = torch.Generator().manual_seed(5)
    loader = torch.utils.data.DataLoader(data, **options)
    found = [list(loader), list(loader)]
    given = options.get("generator")
    own = None if given is None else torch.rand(1, generator=given)
    return [found, own, torch.rand(1), random.random(), np.random.rand()]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"batch_size": 4, "shuffle": True},
        {"batch_size": 4, "shuffle": True, "generated": True},
        {"batch_size": 5, "shuffle": True, "drop_last": True, "persistent": True},
        {"batch_size": None, "shuffle": True, "persistent": True},
        {"batch_sampler": [[3, 1], [2], [0, 0, 0]]},
    ],
)
@both_agree
def test_draws(torch: Any, options: dict[str, Any], workers: int) -> Any:
    options = dict(options)
    persistent = options.pop("persistent", False) and workers > 0
    return two_epochs(
        torch, Draws(torch), num_workers=workers, persistent_workers=persistent, **options
    )


@settings(max_examples=min(settings().max_examples, 20))  # a second each: torch forks slowly
@given(data=st.data())
def test_drawn_options(data: st.DataObject) -> None:
    """Any loader with workers gives what the same loader of torch's gives."""
    batch = data.draw(st.one_of(st.none(), st.integers(1, 6)))
    workers = data.draw(st.integers(1, 2))
    options = {
        "batch_size": batch,
        "shuffle": data.draw(st.booleans()),
        "drop_last": batch is not None and data.draw(st.booleans()),
        "num_workers": workers,
        "prefetch_factor": data.draw(st.one_of(st.none(), st.integers(1, 4))),
        "persistent_workers": data.draw(st.booleans()),
        "generated": data.draw(st.booleans()),
    }
    count = data.draw(st.integers(1, 12))
    agree(*(two_epochs(t, Draws(t, count), **options) for t in packages()))


def packages() -> list[Any]:
    import torch

    return [minigrad, torch]


@both_agree
def test_a_sampler_that_draws_at_once(torch: Any) -> Any:
    """With workers torch begins an order twice; who draws when it begins can see that."""

    class Eager(torch.utils.data.Sampler):
        def __iter__(self) -> Any:
            return iter(torch.randperm(6).tolist())

        def __len__(self) -> int:
            return 6

    options = {"sampler": Eager(), "batch_size": 2}
    persistent = {"num_workers": 1, "persistent_workers": True}
    return [
        two_epochs(torch, rows(torch), **options),
        two_epochs(torch, rows(torch), **options, num_workers=1),
        two_epochs(torch, rows(torch), **options, **persistent),
    ]


@both_agree
def test_leaving_an_epoch_early(torch: Any) -> Any:
    found = []
    for persistent in (False, True):
        torch.manual_seed(2)
        loader = torch.utils.data.DataLoader(
            Draws(torch), 2, True, num_workers=2, persistent_workers=persistent
        )
        epoch = iter(loader)
        batch = [next(epoch), next(epoch)][1]
        del epoch
        found += [batch, list(loader), torch.rand(1)]
    return found


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_every_way_to_start_a_process(context: str) -> None:
    loader = minigrad.utils.data.DataLoader
    minigrad.manual_seed(3)
    plain = list(loader(Draws(minigrad), 4, True, num_workers=2))
    minigrad.manual_seed(3)
    other = loader(Draws(minigrad), 4, True, num_workers=2, multiprocessing_context=context)
    agree(list(other), plain)
    assert other.multiprocessing_context.get_start_method() == context


@pytest.mark.parametrize("workers", [0, 2])
@both_agree
def test_everything_that_a_batch_holds(torch: Any, workers: int) -> Any:
    D = torch.utils.data
    collated = D.DataLoader(Nested(torch), 3, num_workers=workers)
    single = D.DataLoader(Nested(torch), None, num_workers=workers)
    return [list(collated), list(single)[:3], type(next(iter(single))["point"]).__name__]


@pytest.mark.parametrize("workers", [0, 2, 3])
@pytest.mark.parametrize(("batch", "drop"), [(None, False), (2, True), (4, False)])
@both_agree
def test_streams(torch: Any, workers: int, batch: int | None, drop: bool) -> Any:
    data = stream(torch)(11)
    return two_epochs(
        torch,
        data,
        batch_size=batch,
        drop_last=drop,
        num_workers=workers,
        persistent_workers=workers == 2,
    )


@both_agree
def test_a_stream_longer_than_it_said(torch: Any) -> Any:
    class Doubled(stream(torch)):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __iter__(self) -> Any:
            return iter(range(4))

        def __repr__(self) -> str:
            return "Doubled"

    loader = torch.utils.data.DataLoader(Doubled(0), None, num_workers=2)
    assert len(loader) == 4
    with pytest.warns(UserWarning) as warned:
        found = list(loader)
    return [found, [str(w.message) for w in warned]]


@both_agree
def test_what_a_worker_knows(torch: Any) -> Any:
    D = torch.utils.data
    marked = D.DataLoader(Marked(torch), 2, num_workers=2, worker_init_fn=init_fn)
    threads = D.DataLoader(Threads(torch), 1, num_workers=1)
    return [list(marked), D.get_worker_info(), list(threads), repr(D.get_worker_info())]


class Threads(Named):
    def __getitem__(self, i: int) -> Any:
        info = self.torch.utils.data.get_worker_info()
        facts = [info.id, info.num_workers, info.worker_method, type(info).__name__]
        return self.torch.get_num_threads(), str(facts), len(info.dataset)


@both_agree
def test_any_order(torch: Any) -> Any:
    """Without an order all batches come, the slow one late."""
    data = Deeds(torch, "nap", 24)
    loader = torch.utils.data.DataLoader(data, 1, num_workers=2, in_order=False)
    found = [int(batch) for batch in loader]
    return [sorted(found), found.index(13) > 14, len(found)]


@both_agree
def test_too_many_workers(torch: Any) -> Any:
    count = len(os.sched_getaffinity(0)) + 1
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loader = torch.utils.data.DataLoader(rows(torch), num_workers=count)
    return [str(w.message) for w in warned] + [loader.prefetch_factor]


@pytest.mark.parametrize("workers", [0, 2])
@both_agree
def test_pinning_without_a_card(torch: Any, workers: int) -> Any:
    D = torch.utils.data
    data = [(torch.ones(2), "text"), (torch.zeros(2), "more")]
    loader = D.DataLoader(data, 2, pin_memory=True, pin_memory_device="x", num_workers=workers)
    with pytest.warns(UserWarning) as warned:
        found = list(loader)
    return [found, [str(w.message) for w in warned]]


def test_the_same_batches_as_without_workers() -> None:
    """Batches that are kept, more than there are segments, and of very different sizes."""
    torch = minigrad
    sizes = [1, 40_000, 3, 7, 90_000, 2, 0, 5] * 12
    data = [(torch.full((size,), float(i)), [i] * 3, "x" * size) for i, size in enumerate(sizes)]
    loaders = [torch.utils.data.DataLoader(data, None, num_workers=n) for n in (0, 2)]
    kept = [list(loader) for loader in loaders]
    agree(kept[1], kept[0])
    kept[1][0][0].add_(1)  # a batch is the program's own memory
    assert [float(x[0].sum()) for x in kept[1][1:6]] == [float(x[0].sum()) for x in kept[0][1:6]]


def test_files_stay_few_and_memory_is_reused() -> None:
    torch = minigrad
    data = torch.utils.data.TensorDataset(torch.arange(40_000.0).reshape(400, 100))
    before = len(os.listdir("/proc/self/fd"))
    loader = torch.utils.data.DataLoader(data, 4, num_workers=2)
    places = {x.data_ptr() for (x,) in loader}
    assert len(places) < 12, "100 batches, which lie in a few places"
    kept = list(loader)
    assert len(os.listdir("/proc/self/fd")) - before < 50
    del kept
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_batch_outlives_its_workers_and_a_fork() -> None:
    torch = minigrad
    data = torch.utils.data.TensorDataset(torch.arange(64.0))
    epoch = iter(torch.utils.data.DataLoader(data, 4, num_workers=1))
    (first,) = next(epoch)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # goes on reading what the parent lets go of
        os.read(reader, 1)
        os._exit(0 if first.tolist() == [0, 1, 2, 3] else 1)
    del first
    kept = [batch.clone() for (batch,) in epoch]
    os.write(writer, b"x")
    assert os.waitpid(child, 0)[1] == 0
    assert [x for batch in kept for x in batch.tolist()] == list(range(4, 64))
    os.close(reader)
    os.close(writer)


def test_an_iterator_dies_without_the_garbage_collector() -> None:
    torch = minigrad
    loader = torch.utils.data.DataLoader(rows(torch), 4, num_workers=1, persistent_workers=True)
    gc.collect()
    gc.disable()
    try:
        next(iter(loader))
        pid = loader._iterator._members[0].process.pid
        del loader
        assert not os.path.exists(f"/proc/{pid}")
    finally:
        gc.enable()


class Locked(Named):
    """Draws in a worker that was forked while another thread of the parent was drawing."""

    def __getitem__(self, i: int) -> Any:
        return self.torch.rand(1)


def test_a_fork_amid_a_draw() -> None:
    import threading

    torch, done = minigrad, threading.Event()

    def draw() -> None:
        while not done.is_set():
            torch.rand(10_000)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(5):
            assert len(list(torch.utils.data.DataLoader(Locked(torch), 9, num_workers=2))) == 2
    finally:
        done.set()
        thread.join()
