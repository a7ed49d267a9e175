"""Passes over a loader: in this process, or through worker processes.

The classes have torch's names, which programs ask for and errors show.
"""

from __future__ import annotations

import itertools
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from minigrad.utils.data.sampler import draw_seed
from minigrad.utils.data.worker_info import END, FAILED, RESUME

if TYPE_CHECKING:
    from minigrad.utils.data.dataloader import DataLoader

__all__ = [
    "_BaseDataLoaderIter",
    "_MultiProcessingDataLoaderIter",
    "_SingleProcessDataLoaderIter",
]


class _BaseDataLoaderIter:
    """What every pass has: an order, a seed, a count.

    It keeps nothing of the loader itself: a loader keeps the iterator of persistent workers.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._recipe = loader._recipe
        self._index_sampler = loader._index_sampler
        self._said_length: int | None = loader._said_length
        self._num_yielded = 0
        self._pin_memory = _wants_pinning(loader)
        self._numbers = iter(self._index_sampler)
        # Without workers nobody needs it, but torch draws it, and so the stream moves on.
        self._base_seed = draw_seed(loader.generator)

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)

    def _next_data(self) -> Any:
        raise NotImplementedError

    def __next__(self) -> Any:
        batch = self._next_data()
        if self._pin_memory:
            from minigrad.utils.data.pinning import pin_memory

            batch = pin_memory(batch)
        self._num_yielded += 1
        if self._said_length is not None and self._num_yielded > self._said_length:
            self._warn_of_length()
        return batch

    def _warn_of_length(self) -> None:
        text = (
            f"Length of IterableDataset {self._recipe.dataset} was reported to be "
            f"{self._said_length}(when accessing len(dataloader)), but {self._num_yielded} samples "
            "have been fetched. "
        )
        if isinstance(self, _MultiProcessingDataLoaderIter):
            text += (
                "For multiprocessing data-loading, this could be caused by not properly "
                "configuring the IterableDataset replica at each worker. Please see "
                "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset "
                "for examples."
            )
        warnings.warn(text, stacklevel=3)


def _wants_pinning(loader: DataLoader[Any]) -> bool:
    """Whether batches are to be pinned; says so where that is asked for and cannot be."""
    if not loader.pin_memory:
        return False
    from minigrad.utils.data.pinning import available

    if loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=5,
        )
    if available():
        return True
    warnings.warn(
        "'pin_memory' argument is set as true but no accelerator is found, "
        "then device pinned memory won't be used.",
        stacklevel=5,
    )
    return False


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """A pass in this process: a batch is made when it is asked for."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._fetch = self._recipe.fetch()

    def _next_data(self) -> Any:
        return self._fetch(next(self._numbers))


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """A pass through worker processes, which are a few batches ahead.

    Batch k is the task of worker k modulo their number, as long as all have something to give.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        from minigrad.utils.data.crew import Crew

        super().__init__(loader)
        if not loader.prefetch_factor or loader.prefetch_factor < 0:
            raise AssertionError(
                "prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter"
            )
        self._timeout = loader.timeout
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._most = loader.prefetch_factor * loader.num_workers  # tasks at a time
        self._crew = Crew(
            loader.multiprocessing_context,
            self._recipe,
            loader.num_workers,
            self._base_seed,
            loader.worker_init_fn,
        )
        self._members = self._crew.members
        # When this iterator dies, is used up, or the program ends: whichever comes first.
        self._stop = weakref.finalize(self, self._crew.stop)
        self._epoch = 0
        self._begin(loader)

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Begin another epoch with the same workers."""
        self._epoch += 1
        for member in self._members:
            member.active, member.tasks = True, 0
            self._crew.post(member, self._epoch, RESUME, None)
        self._begin(loader)

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._numbers = iter(self._index_sampler)  # anew the first time too: torch draws twice
        self._num_yielded = 0
        self._said_length = loader._said_length
        self._sent = 0  # number of the next task
        self._next = 0  # number of the next batch to give out
        self._tasks: dict[int, Any] = {}  # who has a task that is not given out
        self._answers: dict[int, tuple[int, Any]] = {}  # those that came before their turn
        self._turns = itertools.cycle(self._members)
        for _ in range(self._most):
            self._give_task()

    @property
    def _usable(self) -> bool:
        """Whether another epoch can begin: no worker has died."""
        return self._crew.complete

    def _give_task(self) -> None:
        """Give the next worker the next batch to make."""
        try:
            index = next(self._numbers)
        except StopIteration:
            return
        fair = self._most // max(1, sum(member.active for member in self._members))
        for member in itertools.islice(self._turns, len(self._members)):
            if member.active and (self._in_order or member.tasks < fair):
                break
        else:
            return
        self._tasks[self._sent] = member
        member.tasks += 1
        self._crew.post(member, self._epoch, self._sent, index)
        self._sent += 1

    def _next_data(self) -> Any:
        while True:
            self._skip_undone()
            if self._next >= self._sent:
                if not self._persistent:
                    self._stop()
                raise StopIteration
            number = self._next
            if number not in self._answers:
                found = self._receive()
                if found is None or (self._in_order and found != number):
                    continue
                number = found
            return self._give_out(number)

    def _skip_undone(self) -> None:
        """Go past the tasks of workers that came to their end before."""
        while self._next < self._sent:
            member = self._tasks.get(self._next)
            if member is not None and (member.active or self._next in self._answers):
                return
            self._tasks.pop(self._next, None)
            self._next += 1

    def _receive(self) -> int | None:
        """Wait for an answer and note it: its number, or None if there is no batch in it."""
        answer = self._crew.receive(self._timeout)
        if answer is None:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        member, epoch, number, kind, mail = answer
        if epoch != self._epoch:  # asked for in an epoch that was left early
            member.segments.forget(mail)
            return None
        if kind == END:
            if self._persistent:
                member.active = False
            else:
                self._crew.dismiss(member)
            self._give_task()
            return None
        self._answers[number] = (kind, mail)
        return number

    def _give_out(self, number: int) -> Any:
        """The batch of a number, or the error; its worker gets something else to do."""
        member = self._tasks.pop(number)
        kind, mail = self._answers.pop(number)
        if number == self._next:
            self._next += 1
        member.tasks -= 1
        self._give_task()
        value = member.segments.unpack(mail)
        if kind == FAILED:
            value.reraise()
        return value
