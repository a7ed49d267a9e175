"""CUDA graphs: a whole training step captured once, and launched again as one piece of work.

Launching a small kernel takes the host longer than running it takes the card. A graph holds all
launches of a step with their arguments, so that a replay costs one launch. What it reads and writes
is memory, not tensors: new data is copied into the tensors that the captured step read.
Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from minigrad.backend import capture, faults
from minigrad.backend.capture import CaptureError
from minigrad.cuda import memory, streams
from minigrad.cuda.cards import cupy
from minigrad.cuda.memory import MemPool
from minigrad.cuda.streams import Stream, current_stream

__all__ = [
    "CUDAGraph",
    "CaptureError",
    "graph",
    "graph_pool_handle",
    "is_current_stream_capturing",
]


def graph_pool_handle() -> MemPool:
    """Memory that several graphs may share, if they are never replayed at the same time.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     shared, x = torch.cuda.graph_pool_handle(), torch.ones(2, device="cuda")
    ...     graphs = [torch.cuda.CUDAGraph() for _ in range(2)]
    ...     for g in graphs:
    ...         with torch.cuda.graph(g, pool=shared):
    ...             y = x * 2
    """
    return MemPool()


def is_current_stream_capturing() -> bool:
    """Whether work given to the card now is captured instead of done.

    >>> import minigrad as torch
    >>> torch.cuda.is_current_stream_capturing()
    False
    """
    return capture.active()


class CUDAGraph:
    """Launches that were captured, for :meth:`replay`.

    Random numbers are new ones in each replay: it takes as many from the stream as the step did.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     x, g = torch.ones(2, device="cuda"), torch.cuda.CUDAGraph()
    ...     with torch.cuda.graph(g):
    ...         y = 2 * x
    ...     _ = x.fill_(3)
    ...     g.replay()
    ...     y.cpu()
    tensor([6., 6.])
    """

    def __init__(self, keep_graph: bool = False) -> None:
        self._graph: Any = None
        self._pool: MemPool | None = None
        self._memory: Any = None  # while capturing: the block in which its pool allocates
        self._kept: list[Any] = []  # what its launches read and no tensor holds
        self._checks: set[Any] = set()
        self._draws: list[tuple[Any, Any]] = []  # generators, and their positions in the step

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        """Capture what the current stream is given from now on; :class:`graph` is easier.

        Raises: RuntimeError on the default stream, while capturing, or with a graph captured.
        """
        _need_none()
        if self._graph is not None:
            raise RuntimeError("CUDAGraph: it holds a captured graph; call reset() first")
        if capture_error_mode not in ("global", "thread_local", "relaxed"):
            raise RuntimeError(
                "Unknown capture error mode. Expected `global`, `thread_local`, or `relaxed`, got "
                f"{capture_error_mode}"
            )
        module, on = cupy(), current_stream()
        if on.cuda_stream == 0:
            raise RuntimeError(
                "CUDA graphs must be captured on a non-default stream. (However, after capture, "
                "it's ok to replay them on the default stream.)"
            )
        self._pool = pool.pool() if isinstance(pool, CUDAGraph) else memory.pool_of(pool)
        on.cupy.begin_capture()
        self._memory = module.cuda.using_allocator(self._pool.allocate)
        self._memory.__enter__()  # of this thread alone: others go on in the memory that they know
        capture.switch(True)

    def capture_end(self) -> None:
        """Keep what was captured."""
        self._graph, draws, self._kept = self._end()
        self._draws = list(draws.items())
        self._checks = faults.pending()

    def _end(self) -> tuple[Any, dict[Any, Any], list[Any]]:
        """The graph, the generators that draw in it, and what it keeps."""
        noted = capture.switch(False)
        self._memory.__exit__(None, None, None)
        self._memory = None
        return current_stream().cupy.end_capture(), *noted

    def replay(self) -> None:
        """Do it all again, on the current stream, with what the memory holds now.

        Raises: RuntimeError if nothing was captured.
        """
        if self._graph is None:
            raise RuntimeError("CUDAGraph: nothing has been captured")
        for generator, position in self._draws:
            generator.begin_replay(position)
        self._graph.launch(current_stream().cupy)
        faults.expect(self._checks)

    def reset(self) -> None:
        """Forget the graph, and its memory."""
        self._graph, self._pool, self._draws, self._kept = None, None, [], []

    def register_generator_state(self, generator: Any) -> None:
        """Nothing has to be done: a generator that draws while capturing is noted."""

    def pool(self) -> MemPool:
        """Its memory, for another graph."""
        if self._pool is None:
            raise RuntimeError("CUDAGraph: nothing has been captured")
        return self._pool


def _need_none() -> None:
    if capture.active():
        raise RuntimeError("CUDAGraph: this thread is capturing another graph already")


_side: dict[Any, Stream] = {}  # for each card, or its stand-in, the stream on which is captured


def _side_stream(card: int) -> Stream:
    here = cupy(), card
    if here not in _side:
        _side[here] = Stream()
    return _side[here]


@contextlib.contextmanager
def graph(
    cuda_graph: CUDAGraph, pool: Any = None, stream: Stream | None = None,
    capture_error_mode: str = "global",
) -> Iterator[None]:  # fmt: skip
    """Capture what is done inside of the block; nothing of it runs before ``replay``.

    Kernels are compiled and memory of optimizers is made in the first steps: take some before.

    Raises: CaptureError, which names the line's fault, for what a graph cannot contain: waiting
    for the card, data of the host, sizes or decisions that depend on values.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     x, g = torch.ones(2, device="cuda"), torch.cuda.CUDAGraph()
    ...     with torch.cuda.graph(g):
    ...         _ = x.add_(1)
    ...     for _ in range(3):
    ...         g.replay()
    ...     x.cpu()
    tensor([4., 4.])
    """
    _need_none()
    outside = current_stream()
    side = stream or _side_stream(outside.device.index or 0)
    cupy().cuda.Device().synchronize()
    gc.collect()
    side.wait_stream(outside)
    try:
        with streams.stream(side):
            cuda_graph.capture_begin(pool, capture_error_mode)
            try:
                yield
            except BaseException as error:
                _give_up(cuda_graph)
                if type(error).__name__ in ("CUDARuntimeError", "NotImplementedError"):
                    text = f"this cannot be captured into a CUDA graph: {error}"
                    raise CaptureError(text) from error
                raise
            cuda_graph.capture_end()
    finally:
        outside.wait_stream(side)


def _give_up(cuda_graph: CUDAGraph) -> None:
    """End a capture that failed, whatever the card says to that."""
    with contextlib.suppress(Exception):
        cuda_graph._end()
    cuda_graph.reset()
