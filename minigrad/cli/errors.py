"""What ends a command with one line and exit code 2."""

from __future__ import annotations


class CommandError(Exception):
    """A mistake or mishap that the person at the terminal can do something about.

    >>> str(CommandError("runs/lenet already holds a run"))
    'runs/lenet already holds a run'
    """


def reason(error: BaseException) -> str:
    """Why something failed, in one line.

    >>> reason(OSError(28, "No space left on device"))
    'No space left on device'
    """
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split()) or type(error).__name__
