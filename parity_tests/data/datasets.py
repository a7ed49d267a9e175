"""Datasets for tests with worker processes: importable, so that they can be sent to any process."""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import time
from collections import namedtuple
from typing import Any

import numpy as np

Point = namedtuple("Point", ["x", "y"])


class Named:
    """A dataset for either package, known by its name: modules cannot be pickled."""

    def __init__(self, torch: Any, count: int = 17) -> None:
        self.name, self.count = torch.__name__, count

    @property
    def torch(self) -> Any:
        return importlib.import_module(self.name)

    def __len__(self) -> int:
        return self.count


class Draws(Named):
    """Samples that show the state of each random generator, and which worker made them."""

    def __getitem__(self, i: int) -> Any:
        torch = self.torch
        info = torch.utils.data.get_worker_info()
        worker = -1 if info is None else info.id
        seed = -1 if info is None else info.seed
        drawn = [torch.rand(2), torch.randn(3), torch.randint(0, 99, ())]
        return i, worker, seed, drawn, random.random(), np.random.rand(2)


class Nested(Named):
    """Samples with everything in them that a batch can hold."""

    def __getitem__(self, i: int) -> Any:
        torch = self.torch
        return {
            "point": Point(torch.full((2, 3), float(i)), i),
            "text": f"sample {i}",
            "bytes": bytes([i]),
            "list": [np.arange(3) + i, float(i), (True, np.float32(i))],
            "empty": torch.zeros(0, 2),
            "half": torch.ones(2, dtype=torch.float16) * i,
        }


class Deeds(Named):
    """Sample 13 does something bad."""

    def __init__(self, torch: Any, deed: str, count: int = 40) -> None:
        super().__init__(torch, count)
        self.deed = deed

    def __getitem__(self, i: int) -> Any:
        if i == 13:
            deeds[self.deed](self.torch)
        return i


class OwnError(Exception):
    """Takes two arguments, and so cannot be made of a text."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)


class MessageError(Exception):
    """Has a message of its own, as those of some libraries."""

    message = "some"

    def __init__(self, message: str) -> None:
        super().__init__(message)


def _raise(error: BaseException) -> Any:
    def deed(torch: Any) -> None:
        raise error

    return deed


def _local_error(torch: Any) -> None:
    class LocalError(ValueError):
        pass

    raise LocalError("nobody else knows this type")


deeds: dict[str, Any] = {
    "kill": lambda torch: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda torch: os._exit(3),
    "sys.exit": lambda torch: sys.exit(4),
    "value": _raise(ValueError("bad value")),
    "key": _raise(KeyError("missing key")),
    "unicode": lambda torch: b"\xff".decode(),
    "own": _raise(OwnError(1, 2)),
    "message": _raise(MessageError("some")),
    "stop": _raise(StopIteration()),
    "local": _local_error,
    "sleep": lambda torch: time.sleep(60),
    "nap": lambda torch: time.sleep(0.3),
    "nothing": lambda torch: None,
}


def stream(torch: Any) -> Any:
    """The class of a stream that shares its numbers out among the workers."""

    class Shared(torch.utils.data.IterableDataset):
        def __init__(self, end: int) -> None:
            self.end = end

        def __iter__(self) -> Any:
            info = torch.utils.data.get_worker_info()
            first, step = (0, 1) if info is None else (info.id, info.num_workers)
            return iter(range(first, self.end, step))

    return Shared


def init_fn(worker_id: int) -> None:
    """Leave a mark on the worker's own dataset."""
    for name in ("minigrad", "torch"):
        info = sys.modules[name].utils.data.get_worker_info() if name in sys.modules else None
        if info is not None:
            info.dataset.count = 1000 + worker_id


class Marked(Named):
    """Samples show what ``init_fn`` has done."""

    def __getitem__(self, i: int) -> Any:
        return self.count
