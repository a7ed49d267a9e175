"""Records read from a zip archive that nobody has to trust.

Every number in it is held against the length of the file before memory is taken for it, and every
record that is read against its checksum.
"""

from __future__ import annotations

import struct
import zlib
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from minigrad.serialization.errors import FileFormatError

if TYPE_CHECKING:
    import mmap
    import zipfile

__all__ = ["ArchiveReader"]

_ENCRYPTED = 0x1
_DEFLATED = 8
_GREATEST_RATIO = 1100  # no more than this comes out of a compressed byte
_CHUNK = 1 << 20  # what stays in the processor's cache between reading and checking


class ArchiveReader:
    """The records of torch's archive, without the name of the folder in which they lie."""

    def __init__(self, file: IO[bytes]) -> None:
        import zipfile

        self._file = file
        self._length = file.seek(0, 2)
        self._budget = self._length
        try:
            self._zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise FileFormatError(
                "PytorchStreamReader failed reading zip archive: failed finding central directory."
                f" The file is cut short or damaged ({error})"
            ) from error
        except (NotImplementedError, ValueError, OverflowError, struct.error) as error:
            raise FileFormatError(f"the zip archive is damaged: {error}") from error
        infos = self._zip.infolist()
        if len({info.filename for info in infos}) != len(infos):
            raise FileFormatError("the zip archive is damaged: two records have the same name")
        self._records = {_without_folder(info.filename): info for info in infos}
        for name, info in self._records.items():
            if not name.startswith("data/"):
                self._start_of(info)  # else a record that was lost by its name would not be missed

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def size(self, name: str) -> int:
        """The length of a record; FileFormatError if there is none of that name."""
        return self._info(name).file_size

    def read(self, name: str) -> bytes:
        """The bytes of a record."""
        found: bytes = self.memory(name).tobytes()
        return found

    def memory(self, name: str) -> Any:
        """A new array with the bytes of a record.

        Raises: FileFormatError for bytes that are not there or do not fit their checksum.
        """
        info = self._info(name)
        self._spend(info.compress_size)
        if info.compress_type == _DEFLATED:
            return self._inflated(info)
        start = self._start_of(info)
        array = np.empty(info.file_size, np.uint8)
        view, check = memoryview(array.data), 0
        self._file.seek(start)
        for place in range(0, len(view), _CHUNK):
            piece = view[place : place + _CHUNK]
            self._fill(piece, info.filename)
            check = zlib.crc32(piece, check)
        if check != info.CRC:
            raise FileFormatError(_damaged(info.filename, "its checksum is another"))
        return array

    def _fill(self, view: memoryview, name: str) -> None:
        """Read exactly as many bytes as the view holds."""
        readinto = getattr(self._file, "readinto", None)
        while len(view):
            if readinto is not None:
                count = readinto(view)
            else:
                piece = self._file.read(len(view))
                count = len(piece)
                view[:count] = piece
            if not count:
                raise FileFormatError(_damaged(name, "the file ends within it"))
            view = view[count:]

    def mapped(self, name: str, whole: mmap.mmap) -> Any:
        """An array of the bytes of a record where they lie in a mapped file."""
        info = self._info(name)
        if info.compress_type or not info.file_size:
            return self.memory(name)
        start = self._start_of(info)
        array = np.frombuffer(whole, np.uint8, info.file_size, start)
        return array.copy() if start % 16 else array  # as every element type wants it

    def _info(self, name: str) -> zipfile.ZipInfo:
        found = self._records.get(name)
        if found is None:
            raise FileFormatError(
                f"PytorchStreamReader failed locating file {name}: file not found. The file is "
                "damaged, or no file of torch.save"
            )
        return found

    def _spend(self, size: int) -> None:
        """Records that lie over each other could claim any multiple of the file's length."""
        self._budget -= size
        if self._budget < 0:
            raise FileFormatError(
                "the zip archive is damaged: its records claim more than the file can hold"
            )

    def _start_of(self, info: zipfile.ZipInfo) -> int:
        """Where a record's bytes begin, after the header that stands before them."""
        name = info.filename
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (0, _DEFLATED):
            raise FileFormatError(_damaged(name, "it is encrypted or compressed in an unknown way"))
        if not 0 <= info.header_offset <= self._length - 30:
            raise FileFormatError(_damaged(name, "it begins outside of the file"))
        self._file.seek(info.header_offset)
        header = self._file.read(30)
        signature, method, named, extra = struct.unpack("<4s4xH16x2H", header)
        if signature != b"PK\3\4" or method != info.compress_type:
            raise FileFormatError(_damaged(name, "its header is another"))
        if self._file.read(named) != info.orig_filename.encode("utf-8", "replace"):
            raise FileFormatError(_damaged(name, "its header has another name"))
        start = info.header_offset + 30 + named + extra
        stored = info.compress_type == 0 and info.compress_size != info.file_size
        if stored or start + info.compress_size > self._length:
            raise FileFormatError(_damaged(name, "its size is more than the file has"))
        return int(start)

    def _inflated(self, info: zipfile.ZipInfo) -> Any:
        """A record that somebody compressed: torch does not, but reads it."""
        start = self._start_of(info)
        if info.file_size > _GREATEST_RATIO * info.compress_size:
            raise FileFormatError(_damaged(info.filename, "its size can't be"))
        self._file.seek(start)
        unpack = zlib.decompressobj(-15)
        try:
            found = unpack.decompress(self._file.read(info.compress_size), info.file_size + 1)
        except zlib.error as error:
            raise FileFormatError(_damaged(info.filename, str(error))) from error
        if len(found) != info.file_size or zlib.crc32(found) != info.CRC:
            raise FileFormatError(_damaged(info.filename, "its checksum is another"))
        return np.frombuffer(bytearray(found), np.uint8)


def _without_folder(path: str) -> str:
    return path.partition("/")[2] or path


def _damaged(name: str, why: str) -> str:
    return f"PytorchStreamReader failed reading file {name}: {why}. The file is damaged"
