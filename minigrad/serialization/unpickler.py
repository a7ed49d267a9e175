"""Objects read from a file that nobody has to trust: an unpickler that runs no code of the file's.

It knows the opcodes that Python's picklers write in protocols 2 to 5. A file may name only what
``names.GLOBALS`` and the user's own list hold, and may call only what these say may be called.
Source: https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import IO, Any

from minigrad.serialization.errors import UnpicklingError, cut_short
from minigrad.serialization.names import CONSTRUCTORS, find, left_out
from minigrad.serialization.rebuild import checked_state
from minigrad.serialization.safe_globals import user_globals

__all__ = ["Unpickler", "checked_key"]

PIECE = 1 << 20  # how much is asked of a file at once, whatever length an opcode claims
LONGEST_NAME = 1000
NONSENSE = (LookupError, ValueError, TypeError, OverflowError, RecursionError)
BLOCKED = ("sys", "os", "posix", "nt")
PLAIN = (str, int, float, bool, bytes, type(None))
MAPPINGS = (dict, OrderedDict, Counter)


class Unpickler:
    """Reads one pickled object; storages come from ``persistent_load``.

    Raises: UnpicklingError for what is not allowed or makes no sense; EOFError at a file's end.
    """

    def __init__(
        self, file: IO[bytes], persistent_load: Callable[[Any], Any], encoding: str = "utf-8"
    ) -> None:
        self._read, self._readline = file.read, file.readline
        self._persistent_load = persistent_load
        self._encoding = encoding
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._user = user_globals()
        self._of_others: Exception | None = None

    def load(self) -> Any:
        """The object."""
        read = self._read
        try:
            while True:
                opcode = read(1)
                if opcode == b".":
                    return self._stack.pop()
                step = _STEPS.get(opcode)
                if step is None:
                    if not opcode:
                        raise cut_short()
                    raise UnpicklingError(f"Unsupported operand {opcode[0]}")
                step(self)
        except NONSENSE as error:
            if error is self._of_others:
                raise
            raise UnpicklingError(f"the pickle is damaged: {error!r}") from error

    def _take(self, count: int) -> bytes:
        """The next bytes; a claim of more than there are takes no memory."""
        if count <= PIECE:
            found = self._read(count)
        else:
            pieces, left = [], count
            while left and (piece := self._read(min(left, PIECE))):
                pieces.append(piece)
                left -= len(piece)
            found = b"".join(pieces)
        if len(found) != count:
            raise cut_short()
        return found

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        line = self._readline(LONGEST_NAME)
        if line[-1:] != b"\n":
            raise UnpicklingError("a name in the pickle does not end")
        return line[:-1].decode("utf-8")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _marked_items(self) -> list[Any]:
        items = self._stack
        self._stack = self._marked.pop()
        return items

    # Names, calls and states: what could do harm.

    def _global(self, module: str, name: str) -> None:
        from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

        if (module, name) in NAME_MAPPING:  # as Python 2 called it
            module, name = NAME_MAPPING[(module, name)]
        else:
            module = IMPORT_MAPPING.get(module, module)
        self._push(self._found(f"{module}.{name}", module))

    def _found(self, path: str, module: str) -> Any:
        """What a name stands for, if the file may name it."""
        if module in BLOCKED:
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {path} whose module {module} is blocked."
            )
        found = find(path)
        if found is None:
            found = self._user.get(path)
        if found is None and path.startswith("torch."):
            found = self._user.get(f"minigrad{path[5:]}")
        if found is None:
            raise UnpicklingError(left_out(path) or refused(path))
        return found

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise UnpicklingError("a name in the pickle is no text")
        self._global(module, name)

    def _callable(self, function: Any) -> Callable[..., Any]:
        """What is called for a function or class that the file calls."""
        for allowed, constructor in CONSTRUCTORS.items():
            if allowed is function:
                return constructor
        if any(trusted is function for trusted in self._user.values()):
            return function  # type: ignore[no-any-return]
        raise UnpicklingError(f"Trying to call reduce for unrecognized function {function!r:.200}")

    def _reduce(self) -> None:
        args, function = self._stack.pop(), self._stack.pop()
        if type(args) is not tuple:
            raise UnpicklingError("the arguments of a call are a tuple")
        self._push(self._callable(function)(*args))

    def _new_object(self) -> None:
        args, cls = self._stack.pop(), self._stack.pop()
        self._new(cls, args, {})

    def _new_object_ex(self) -> None:
        options, args, cls = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._new(cls, args, options)

    def _new(self, cls: Any, args: Any, options: Any) -> None:
        if type(args) is not tuple or type(options) is not dict:
            raise UnpicklingError("the arguments of a class are a tuple")
        made_by = self._callable(cls)
        if made_by is cls and isinstance(cls, type):
            self._push(cls.__new__(cls, *args, **options))
        else:
            self._push(made_by(*args, **options))

    def _build(self) -> None:
        state, made = self._stack.pop(), self._stack[-1]
        if type(made) is OrderedDict:
            made.__dict__.update(checked_state(state, OrderedDict))
        elif any(trusted is type(made) for trusted in self._user.values()):
            _set_state(made, state)
        else:
            raise UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
                f"`add_safe_globals`, but got {type(made)}"
            )

    def _persistent(self) -> None:
        place = self._stack.pop()
        if type(place) is not tuple or not place or _text(place[0]) != "storage":
            raise UnpicklingError(f"Only persistent_load of storage is allowed, but got {place!r}")
        try:
            self._push(self._persistent_load(place))
        except NONSENSE as error:  # of the user's own function, for one
            self._of_others = error
            raise

    # Containers.

    def _append(self) -> None:
        item = self._stack.pop()
        self._list_on_top().append(item)

    def _appends(self) -> None:
        items = self._marked_items()
        self._list_on_top().extend(items)

    def _list_on_top(self) -> Any:
        found = self._stack[-1]
        if type(found) is not list:
            raise UnpicklingError(f"Can only append to lists, but got {type(found)}")
        return found

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items_of([key, value])

    def _set_items(self) -> None:
        self._set_items_of(self._marked_items())

    def _set_items_of(self, rows: list[Any]) -> None:
        found = self._stack[-1]
        trusted = self._user.values()
        if type(found) not in MAPPINGS and not any(cls is type(found) for cls in trusted):
            raise UnpicklingError(
                "Can only SETITEMS for dict, collections.OrderedDict, collections.Counter, but got "
                f"{type(found)}"
            )
        if len(rows) % 2:
            raise UnpicklingError("a key in the pickle has no value")
        for i in range(0, len(rows), 2):
            key = rows[i]
            found[key if type(key) in PLAIN else checked_key(key)] = rows[i + 1]

    def _add_items(self) -> None:
        items = self._marked_items()
        found = self._stack[-1]
        if type(found) is not set:
            raise UnpicklingError(f"Can only add to sets, but got {type(found)}")
        found.update(map(checked_key, items))

    def _frozen_set(self) -> None:
        self._push(frozenset(map(checked_key, self._marked_items())))

    def _dict(self) -> None:
        rows = self._marked_items()
        self._push({})
        self._set_items_of(rows)

    def _tuple(self) -> None:
        self._push(tuple(self._marked_items()))

    def _list(self) -> None:
        self._push(self._marked_items())

    def _short_tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise UnpicklingError("the pickle takes more from its stack than there is")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    # The stack and the memo.

    def _mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._marked_items()

    def _pop_mark(self) -> None:
        self._marked_items()

    def _put(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    def _get(self, place: int) -> None:
        self._push(self._memo[place])

    def _protocol(self) -> None:
        protocol = self._number("<B")
        if not 2 <= protocol <= 5:
            raise UnpicklingError(f"unsupported pickle protocol: {protocol}")

    # Values.

    def _long(self, count: int) -> None:
        if count < 0:
            raise UnpicklingError("a number in the pickle has a negative length")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _unicode(self, count: int) -> None:
        self._push(self._take(count).decode("utf-8", "surrogatepass"))

    def _old_string(self, count: int) -> None:
        if count < 0:
            raise UnpicklingError("a text in the pickle has a negative length")
        text = self._take(count)
        self._push(text if self._encoding == "bytes" else text.decode(self._encoding))


def checked_key(key: Any) -> Any:
    """A key of a dict or member of a set, if it is small enough to be hashed.

    A tuple of tuples that a few bytes describe can take for ever, or more stack than there is.
    """
    budget, waiting = 1000, [key]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (tuple, frozenset)):
            budget -= 1 + len(item)
            if budget < 0:
                raise UnpicklingError("a key in the pickle is nested too deeply")
            waiting.extend(item)
    return key


def refused(path: str) -> str:
    """What to do about a name that is not on the list."""
    shown = path.removeprefix("builtins.")
    return (
        f"Unsupported global: GLOBAL {shown} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{shown}])` or the "
        f"`torch.serialization.safe_globals([{shown}])` context manager to allowlist this global "
        "if you trust this class/function."
    )


def _set_state(made: Any, state: Any) -> None:
    """Python's rule for the state of an object of a class that the user trusts."""
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
        return
    slots: Any = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    if state:
        made.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(made, name, value)


def _text(value: Any) -> Any:
    return value.decode("ascii") if type(value) is bytes else value


_STEPS: dict[bytes, Callable[[Unpickler], None]] = {
    b"\x80": Unpickler._protocol,
    b"\x95": lambda u: u._number("<Q"),  # the length of a frame, which a stream does not need
    b"c": lambda u: u._global(u._line(), u._line()),
    b"\x93": Unpickler._stack_global,
    b"R": Unpickler._reduce,
    b"\x81": Unpickler._new_object,
    b"\x92": Unpickler._new_object_ex,
    b"b": lambda u: u._build(),
    b"Q": lambda u: u._persistent(),
    b"(": Unpickler._mark,
    b"0": Unpickler._pop,
    b"1": Unpickler._pop_mark,
    b"2": lambda u: u._push(u._stack[-1]),
    b"q": lambda u: u._put(u._take(1)[0]),
    b"r": lambda u: u._put(u._number("<I")),
    b"\x94": lambda u: u._put(len(u._memo)),
    b"h": lambda u: u._get(u._take(1)[0]),
    b"j": lambda u: u._get(u._number("<I")),
    b"N": lambda u: u._push(None),
    b"\x88": lambda u: u._push(True),
    b"\x89": lambda u: u._push(False),
    b"J": lambda u: u._push(u._number("<i")),
    b"K": lambda u: u._push(u._take(1)[0]),
    b"M": lambda u: u._push(u._number("<H")),
    b"G": lambda u: u._push(u._number(">d")),
    b"\x8a": lambda u: u._long(u._take(1)[0]),
    b"\x8b": lambda u: u._long(u._number("<i")),
    b"X": lambda u: u._unicode(u._number("<I")),
    b"\x8c": lambda u: u._unicode(u._take(1)[0]),
    b"\x8d": lambda u: u._unicode(u._number("<Q")),
    b"U": lambda u: u._old_string(u._take(1)[0]),
    b"T": lambda u: u._old_string(u._number("<i")),
    b"C": lambda u: u._push(u._take(u._take(1)[0])),
    b"B": lambda u: u._push(u._take(u._number("<I"))),
    b"\x8e": lambda u: u._push(u._take(u._number("<Q"))),
    b"\x96": lambda u: u._push(bytearray(u._take(u._number("<Q")))),
    b")": lambda u: u._push(()),
    b"t": Unpickler._tuple,
    b"\x85": lambda u: u._short_tuple(1),
    b"\x86": lambda u: u._short_tuple(2),
    b"\x87": lambda u: u._short_tuple(3),
    b"]": lambda u: u._push([]),
    b"l": Unpickler._list,
    b"a": Unpickler._append,
    b"e": Unpickler._appends,
    b"}": lambda u: u._push({}),
    b"d": Unpickler._dict,
    b"s": Unpickler._set_item,
    b"u": Unpickler._set_items,
    b"\x8f": lambda u: u._push(set()),
    b"\x90": Unpickler._add_items,
    b"\x91": Unpickler._frozen_set,
}
