"""What a worker process does: read numbers of samples, make batches of them, send them."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import random as streams
from minigrad import settings
from minigrad.utils.data.caught import Caught
from minigrad.utils.data.channel import Channel
from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.shared import Arena
from minigrad.utils.data.worker_info import END, FAILED, MADE, RESUME, Here, WorkerInfo

__all__ = ["work"]

_WATCH = 2.0  # seconds between two looks after the parent


def work(
    end: socket.socket,
    recipe: Recipe,
    worker_id: int,
    count: int,
    base_seed: int,
    init_fn: Callable[[int], None] | None,
    quiet: bool,
) -> None:
    """The life of worker ``worker_id`` of ``count``."""
    # Ctrl-C reaches workers too: the parent answers for all. BrokenPipe: there is no parent.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError, ConnectionResetError, EOFError):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent's handlers are not for workers
        if quiet:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        _watch_the_parent()
        if settings.get_num_threads() != 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the BLAS may have no way to be told
                settings.set_num_threads(1)
        seed = base_seed + worker_id
        random.seed(seed)
        streams.manual_seed(seed)
        np.random.seed(_numpy_seed(base_seed, worker_id))
        Here.info = WorkerInfo(worker_id, count, seed, recipe.dataset)
        _Worker(Channel(end), recipe).run(init_fn)


def _numpy_seed(base_seed: int, worker_id: int) -> Any:
    """Seeds that differ in every bit for neighbouring workers, the same as torch's."""
    entropy = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return np.random.SeedSequence(entropy).generate_state(4)


def _watch_the_parent() -> None:
    """End this process as soon as its parent is gone, whatever it is doing."""
    import multiprocessing

    parent, of = multiprocessing.parent_process(), os.getppid()

    def watch() -> None:
        while parent is not None and parent.is_alive() and os.getppid() == of:
            parent.join(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


class _Worker:
    """The loop of a worker."""

    def __init__(self, channel: Channel, recipe: Recipe) -> None:
        self.channel, self.recipe = channel, recipe
        self.arena = Arena()
        if hasattr(socket, "send_fds"):
            Here.empty = self.arena.empty
        self.hung_up = _hang_up_check(channel)
        assert Here.info is not None
        self.where = f"in DataLoader worker process {Here.info.id}"
        self.failed: Caught | None = None
        self.ended = False

    def run(self, init_fn: Callable[[int], None] | None) -> None:
        """Work until the parent closes its end."""
        self.begin(init_fn)
        while True:
            epoch, number, index, released = self.channel.receive()
            if self.hung_up():
                return
            for segment, reusable in released:
                self.arena.released(segment, reusable)
            if number == RESUME:
                self.begin(None)
            elif not self.ended:
                self.answer(epoch, number, index)

    def begin(self, init_fn: Callable[[int], None] | None) -> None:
        """Get ready for an epoch; what goes wrong is the answer to each of its tasks."""
        assert Here.info is not None
        self.ended = False
        try:
            if init_fn is not None:
                init_fn(Here.info.id)
            self.fetch = self.recipe.fetch()
        except Exception as error:
            self.failed = Caught(error, self.where)

    def answer(self, epoch: int, number: int, index: Any) -> None:
        """Make one batch and send it, or what went wrong."""
        self.arena.begin()
        kind, value = self.made(index)
        try:
            mail, handle = self.arena.pack(value)
        except Exception as error:  # it cannot be sent
            kind = FAILED
            mail, handle = self.arena.pack(Caught(error, self.where))
        del value
        try:
            self.channel.send((epoch, number, kind, tuple(mail)), handle)
        finally:
            if handle is not None:
                os.close(handle)

    def made(self, index: Any) -> tuple[int, Any]:
        """A batch, an error, or the news that there are no more samples."""
        if self.failed is not None:
            return FAILED, self.failed
        try:
            return MADE, self.fetch(index)
        except Exception as error:
            if isinstance(error, StopIteration) and self.recipe.iterable:
                self.ended = True
                return END, None
            return FAILED, Caught(error, self.where)


def _hang_up_check(channel: Channel) -> Callable[[], bool]:
    """Whether the parent has closed its end, even if messages are left to read."""
    if not hasattr(select, "poll"):
        return lambda: False
    poller = select.poll()
    poller.register(channel.fileno(), 0)
    return lambda: bool(poller.poll(0))
