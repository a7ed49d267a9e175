"""Messages between a parent and one of its workers, over a pair of sockets.

The parent never waits to write, so the two cannot wait for each other. A process that dies closes
its end, however it died, and the other end reads that at once.
"""

from __future__ import annotations

import collections
import os
import pickle
import socket
import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["Channel"]

_LENGTH = struct.Struct("=Q")
_CHUNK = 1 << 16
_HANDLES = 16  # descriptors read at once


class Channel:
    """One end: whole messages in, whole messages out, and descriptors of files beside them."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.handles: collections.deque[int] = collections.deque()
        self._inbox, self._outbox = bytearray(), bytearray()

    def fileno(self) -> int:
        """For selectors."""
        return self.end.fileno()

    @property
    def waiting(self) -> bool:
        """Whether something is left to be written."""
        return bool(self._outbox)

    def post(self, message: Any) -> None:
        """Write as much as can be written without waiting; the rest is for ``flush``."""
        self._outbox += _framed(message)
        self.flush()

    def flush(self) -> None:
        """Write on; what a dead reader would have read is dropped."""
        try:
            while self._outbox:
                sent = self.end.send(self._outbox)
                del self._outbox[:sent]
        except BlockingIOError:
            pass
        except OSError:  # reading will tell
            self._outbox.clear()

    def send(self, message: Any, handle: int | None = None) -> None:
        """Write a message, and a descriptor with it, however long that takes."""
        frame = _framed(message)
        sent = 0 if handle is None else socket.send_fds(self.end, [frame], [handle])
        self.end.sendall(memoryview(frame)[sent:])

    def read(self) -> bool:
        """Read what is there; False if the other end is closed."""
        try:
            if hasattr(socket, "recv_fds"):
                flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
                found, handles, _, _ = socket.recv_fds(self.end, _CHUNK, _HANDLES, flags)
                self.handles += handles
            else:
                found = self.end.recv(_CHUNK)
        except BlockingIOError:
            return True
        except ConnectionResetError:  # it died with messages unread
            return False
        self._inbox += found
        return bool(found)

    def messages(self) -> Iterator[Any]:
        """The whole messages that have been read."""
        box = self._inbox
        while len(box) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(box)[0]
            if len(box) < end:
                return
            with memoryview(box) as view:
                message = pickle.loads(view[_LENGTH.size : end])
            del box[:end]
            yield message

    def close(self) -> None:
        """Close this end, and the files that nobody took."""
        self.end.close()
        while self.handles:
            os.close(self.handles.popleft())

    def receive(self) -> Any:
        """Wait for one message; EOFError if the other end is closed."""
        while True:
            for message in self.messages():
                return message
            if not self.read():
                raise EOFError


def _framed(message: Any) -> bytes:
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body
