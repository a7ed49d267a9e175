"""The folder of a run: which one it is, and how its files are written so that nothing is lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

from minigrad.cli.errors import CommandError, reason
from minigrad.serialization import FileFormatError, atomic_write, load, save

ROOT = Path("runs")
FORMAT = "minigrad train, version 1"


class RunFolder:
    """The files of one run; a mishap with one of them is a CommandError that names it.

    ``checkpoint`` and the pictures are replaced as a whole or not at all. ``metrics.jsonl`` grows
    line by line; the checkpoint holds these lines too, and going on writes the file anew from them.
    """

    def __init__(self, path: Path, whole: Path | None = None) -> None:
        self.path = path
        self._whole = whole or path  # the folder of the run of which this is one fold
        self._metrics: IO[bytes] | None = None

    @classmethod
    def new(cls, out: Path | None, model: str) -> RunFolder:
        """A folder for a new run: ``out``, or the first free one of runs/MODEL, MODEL-2, ..."""
        if out is None:
            return cls(_first_free(ROOT / model))
        with _reported("create", out):
            if (out / "checkpoint").exists() or (out / "fold-1" / "checkpoint").exists():
                raise CommandError(
                    f"{out} already holds a run: add --resume to go on with it, or choose "
                    "another --out"
                )
            out.mkdir(parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise CommandError(f"{out} is not empty: choose another --out")
        return cls(out)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a run here to go on with."""
        return (self.path / "checkpoint").exists()

    def load_checkpoint(self) -> dict[str, Any]:
        """The state in the checkpoint file, checked to be one of ``minigrad train``."""
        path = self.path / "checkpoint"
        try:
            state = load(path, map_location="cpu")
        except FileNotFoundError as error:
            raise CommandError(f"there is no checkpoint in {self.path} to resume") from error
        except (OSError, EOFError, FileFormatError, UnpicklingError) as error:
            raise CommandError(f"cannot read the checkpoint {path}: {reason(error)}") from error
        if not isinstance(state, dict) or state.pop("format", None) != FORMAT:
            raise CommandError(f"{path} is not a checkpoint of minigrad train")
        return state

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Put a new checkpoint in the old one's place."""
        with self.writing("checkpoint") as path:
            save({"format": FORMAT, **state}, path)

    def start_metrics(self, history: Iterable[dict[str, Any]]) -> None:
        """Write metrics.jsonl from the lines so far, and keep it open for more."""
        with self.writing("metrics.jsonl") as path:
            with atomic_write(path) as file:
                file.writelines(map(_line, history))
            self._metrics = path.open("ab", buffering=0)

    def add_metrics(self, record: dict[str, Any]) -> None:
        """Append a line; it is in the file when this returns."""
        assert self._metrics is not None, "start_metrics comes first"
        line = _line(record)
        with self.writing("metrics.jsonl"):
            if self._metrics.write(line) != len(line):
                raise OSError("the disk took only a part of a line")

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file, such as a picture."""
        with self.writing(name) as path, atomic_write(path) as file:
            file.write(content)

    def close(self) -> None:
        """Close metrics.jsonl."""
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """The path of a file that is to be written; a mishap says how to go on."""
        path = self.path / name
        try:
            yield path
        except OSError as error:
            hint = "; when that is mended, go on with: " + self.resume_line
            hint = hint if self.has_checkpoint else ""
            raise CommandError(f"cannot write {path}: {reason(error)}{hint}") from error

    @property
    def resume_line(self) -> str:
        """The command that goes on with this run."""
        return f"minigrad train --resume --out {self._whole}"


def latest_run() -> Path | None:
    """The run below runs/ whose checkpoint is newest."""
    checkpoints = sorted(ROOT.glob("*/checkpoint"), key=lambda path: path.stat().st_mtime)
    return checkpoints[-1].parent if checkpoints else None


def _first_free(path: Path) -> Path:
    """Make the folder, or the first of path-2, path-3, ... that nobody has."""
    number, candidate = 1, path
    while True:
        with _reported("create", candidate):
            try:
                candidate.mkdir(parents=True)
                return candidate
            except FileExistsError:
                if not path.parent.is_dir():  # a file where runs/ should be: no number helps
                    raise
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")


@contextlib.contextmanager
def _reported(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"cannot {what} {path}: {reason(error)}") from error


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"
