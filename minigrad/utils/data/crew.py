"""The worker processes of one loader, as the parent sees them: started, asked, heard, stopped."""

from __future__ import annotations

import collections
import contextlib
import os
import selectors
import signal
import socket
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minigrad import sharing
from minigrad.utils.data.channel import Channel
from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.shared import Mail, Segments
from minigrad.utils.data.worker import work

__all__ = ["Answer", "Crew", "Member"]

_PATIENCE = 5.0  # seconds for a worker to finish what it is doing; torch's number

_UNPICKLABLE = (
    "Got pickle error when attempting to start a worker Process. "
    "This might be because the worker Process arguments are not picklable. "
    "Python 3.14+ changed the multiprocessing start method in non-Mac POSIX platforms "
    "to 'forkserver', which requires the worker Process arguments to be picklable. "
    "You can also try multiprocessing.set_start_method('fork')."
)

_UNGUARDED = (
    " while it started. With the start method {!r} each worker imports the program anew: what "
    'makes and reads loaders has to stand below `if __name__ == "__main__":`'
)


class Member:
    """One worker: its process, the parent's end of its channel, its segments."""

    def __init__(self, process: Any, channel: Channel) -> None:
        self.process, self.channel = process, channel
        self.segments = Segments()
        self.active = True  # it has not come to its end, nor died
        self.heard = False  # of it, ever
        self.tasks = 0  # given to it and not yet answered


class Answer(NamedTuple):
    """What a worker sent: of which epoch and task, of what kind, and the value still packed."""

    member: Member
    epoch: int
    number: int
    kind: int
    mail: Mail


class Crew:
    """Worker processes; what they send is received in the order in which it comes."""

    def __init__(self, context: Any, recipe: Recipe, count: int, seed: int, init_fn: Any) -> None:
        import multiprocessing

        sharing.register()  # tensors that go to processes as arguments are not copied
        self.members: list[Member] = []
        self._owner = os.getpid()
        self._selector = getattr(selectors, "PollSelector", selectors.SelectSelector)()
        self._inbox: collections.deque[Answer] = collections.deque()
        _know(self)
        context = multiprocessing if context is None else context
        self._method = context.get_start_method()
        try:
            for number in range(count):
                self._hire(context, (recipe, number, count, seed, init_fn))
        except BaseException:
            self.stop()
            raise

    def _hire(self, context: Any, task: tuple[Any, ...]) -> None:
        """Start one process."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        member = Member(None, Channel(ours))
        with theirs, _no_interrupt(context) as quiet:
            process = context.Process(target=work, args=(theirs, *task, quiet), daemon=True)
            try:
                self.members.append(member)  # for the child to close our end of it
                process.start()
            except BaseException as error:
                self.members.pop()
                ours.close()
                if isinstance(error, (TypeError, AttributeError)) or _is_pickling(error):
                    warnings.warn(_UNPICKLABLE, stacklevel=2)
                raise
        member.process = process
        self._selector.register(ours, selectors.EVENT_READ, member)

    def post(self, member: Member, epoch: int, number: int, index: Any) -> None:
        """Give a worker a task."""
        member.channel.post((epoch, number, index, member.segments.released()))
        if member.channel.waiting:
            self._listen(member, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def receive(self, timeout: float) -> Answer | None:
        """The next answer; None after ``timeout`` seconds (0: never).

        Raises: RuntimeError if a worker has died.
        """
        limit = time.monotonic() + timeout if timeout else None
        while not self._inbox:
            wait = _PATIENCE
            if limit is not None:
                wait = min(wait, limit - time.monotonic())
                if wait <= 0:
                    return None
            ready = self._selector.select(wait)
            for key, events in ready:
                self._serve(key.data, events)
            if not ready and not all(m.process.is_alive() for m in self.members if m.active):
                self._report()
        return self._inbox.popleft()

    def _serve(self, member: Member, events: int) -> None:
        """Read and write what can be."""
        if events & selectors.EVENT_WRITE:
            member.channel.flush()
            if not member.channel.waiting:
                self._listen(member, selectors.EVENT_READ)
        if not events & selectors.EVENT_READ:
            return
        there = member.channel.read()
        for epoch, number, kind, mail in member.channel.messages():
            member.heard = True
            mail = Mail(*mail)
            member.segments.arrived(mail, member.channel.handles)
            self._inbox.append(Answer(member, epoch, number, kind, mail))
        if not there:
            self._close(member)
            if member.active:
                member.process.join(_PATIENCE)
                if member.process.is_alive():  # deaf and dumb, as good as dead
                    member.process.kill()
                    member.process.join()
                self._report()

    def _listen(self, member: Member, events: int) -> None:
        if member.channel.fileno() >= 0:
            self._selector.modify(member.channel.end, events, member)

    def _close(self, member: Member) -> None:
        if member.channel.fileno() >= 0:
            with contextlib.suppress(KeyError):
                self._selector.unregister(member.channel.end)
            member.channel.close()

    def _report(self) -> None:
        """Raise for the workers that are dead and should not be."""
        dead = [m for m in self.members if m.active and not m.process.is_alive()]
        for member in dead:
            member.active = False
        pids = ", ".join(str(member.process.pid) for member in dead)
        message = f"DataLoader worker (pid(s) {pids}) exited unexpectedly"
        if self._method != "fork" and not any(member.heard for member in dead):
            message += _UNGUARDED.format(self._method)
        raise RuntimeError(message) from RuntimeError(_how_it_ended(dead[0].process))

    def dismiss(self, member: Member) -> None:
        """A worker has nothing left to do."""
        member.active = False
        self._close(member)

    @property
    def complete(self) -> bool:
        """Whether all of them are alive."""
        return all(member.process.is_alive() for member in self.members)

    def stop(self) -> None:
        """End all processes: they finish a sample, and are killed if that takes too long."""
        self.close()
        if os.getpid() != self._owner:
            return
        processes = [member.process for member in self.members if member.process is not None]
        try:
            limit = time.monotonic() + _PATIENCE
            for process in processes:
                process.join(max(0.0, limit - time.monotonic()))
        finally:
            for process in processes:
                if process.is_alive():
                    process.terminate()
                    process.join(_PATIENCE)
                if process.is_alive():
                    process.kill()
                    process.join()

    def close(self) -> None:
        """Close this process's ends of the channels."""
        for member in self.members:
            self._close(member)
        self._inbox.clear()

    def spoil(self) -> None:
        """This process is about to have another child: see ``Segments.spoil``."""
        for member in self.members:
            member.segments.spoil()


_CREWS: weakref.WeakSet[Crew] = weakref.WeakSet()


def _know(crew: Crew) -> None:
    """Children of this process may neither keep a crew's channels open nor lose its memory."""
    if not _known and hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lambda: _to_all(Crew.spoil), after_in_child=lambda: _to_all(Crew.close)
        )
        _known.append(True)
    _CREWS.add(crew)


_known: list[bool] = []


def _to_all(deed: Callable[[Crew], None]) -> None:
    for crew in list(_CREWS):
        deed(crew)


@contextlib.contextmanager
def _no_interrupt(context: Any) -> Iterator[bool]:
    """Hold Ctrl-C back while a process starts, so that none is cut off half made.

    Says whether the new process has to let it in again. A server of forks would hand the mask on
    to children that are not ours.
    """
    method = context.get_start_method()
    if method == "forkserver" or not hasattr(signal, "pthread_sigmask"):
        yield False
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield signal.SIGINT not in before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_pickling(error: BaseException) -> bool:
    import pickle

    return isinstance(error, pickle.PicklingError)


def _how_it_ended(process: Any) -> str:
    """What is known of a dead worker, in torch's words."""
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.strsignal(-code) or f"Unknown signal {-code}"
        return f"DataLoader worker (pid {process.pid}) is killed by signal: {name}. "
    return (
        f"DataLoader worker (pid {process.pid}) exited unexpectedly with exit code {code}. Details "
        "are lost due to multiprocessing. Rerunning with num_workers=0 may give better error trace."
    )
