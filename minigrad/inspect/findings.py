"""A cause that was found, as a sentence with its line."""

from __future__ import annotations

from dataclasses import dataclass

from minigrad.inspect.source import Line

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One cause: its name for programs, a sentence for people, and the line it lies at.

    >>> print(Finding("detached", "the path is cut"))
    the path is cut
    """

    cause: str  # "detached", "dead relu", ...
    sentence: str
    line: Line | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.sentence
        place = f"{self.line}  {self.line.text}".rstrip()  # what is typed at a prompt is not kept
        return f"{self.sentence}  [{place}]"
