"""What goes wrong with files, and the sentences that say so."""

from __future__ import annotations

from pickle import UnpicklingError

__all__ = ["FileFormatError", "UnpicklingError", "cut_short"]


class FileFormatError(RuntimeError):
    """A file that is damaged, cut short, or of another kind than it says.

    >>> import io, minigrad as torch
    >>> try:
    ...     torch.load(io.BytesIO(b"PK\\x03\\x04 and nothing more"))
    ... except torch.serialization.FileFormatError as error:
    ...     "failed finding central directory" in str(error)
    True
    """


def cut_short() -> EOFError:
    """The error of a file that ends too early, in the words of Python's and torch's."""
    return EOFError("Ran out of input: the file is cut short or damaged")
