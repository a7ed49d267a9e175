"""A kit for files that mean harm: any pickle in any archive, and a limit on memory."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zipfile
from pickle import UnpicklingError
from typing import Any

CLEAR = (UnpicklingError, RuntimeError, EOFError, ValueError)
STREAM = {"_use_new_zipfile_serialization": False}


def archive(pickled: bytes, **records: bytes) -> bytes:
    """An archive as torch writes them, of any pickle; ``data/0`` is four float32 zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("x/data.pkl", pickled)
        target.writestr("x/version", b"3\n")
        for name, data in {"0": bytes(16), **records}.items():
            target.writestr(f"x/data/{name}", data)
    return file.getvalue()


class Named:
    """Pickled as the name of something, whatever that is."""

    def __init__(self, module: str, name: str) -> None:
        self.place = module, name


class Call:
    """Pickled as a call, and perhaps a state that is set on its result."""

    def __init__(self, function: Any, args: Any, *state: Any) -> None:
        self.parts = function, args, *state

    def __call__(self) -> None:
        """What is called must look as if it could be."""


class Storage:
    """Pickled as what stands for a storage."""

    def __init__(self, *place: Any) -> None:
        self.place = place


class Pickler(pickle._Pickler):  # type: ignore[misc, name-defined]
    def persistent_id(self, obj: Any) -> Any:
        return obj.place if isinstance(obj, Storage) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Named):
            self.write(pickle.GLOBAL + "{}\n{}\n".format(*obj.place).encode())
        elif isinstance(obj, Call):
            function, args, *state = obj.parts
            self.save(function)
            self.save(args)
            self.write(pickle.REDUCE)
            for value in state:
                self.save(value)
                self.write(pickle.BUILD)
        else:
            super().save(obj, save_persistent_id)


def pickled(obj: Any) -> bytes:
    file = io.BytesIO()
    Pickler(file, 2).dump(obj)
    return file.getvalue()


V2 = Named("torch._utils", "_rebuild_tensor_v2")
V3 = Named("torch._utils", "_rebuild_tensor_v3")
FOUR = Storage("storage", Named("torch", "FloatStorage"), "0", "cpu", 4)
ODICT = Named("collections", "OrderedDict")
HOOKS = Call(ODICT, ())


def tensor(start: Any, size: Any, stride: Any, storage: Any = FOUR, grad: Any = False) -> Call:
    return Call(V2, (storage, start, size, stride, grad, HOOKS))


def content_of_stream(code: bytes) -> bytes:
    """A file of the older format around a pickle."""
    head = b"".join(pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {}))
    return head + code + pickle.dumps(["0"], 2) + struct.pack("<q", 6) + bytes(24)


class small_memory:
    """Fail if Python or NumPy take more memory than such a file can be worth."""

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 400e6, f"{peak} bytes were taken"
