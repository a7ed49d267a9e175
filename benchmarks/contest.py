"""Programs run by several sides in processes of their own, by turns, after their results agree.

A side whose results differ from the oracle's is not timed; the row says so instead.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environment import THREAD_VARIABLES
from benchmarks.sides import ORACLES, Side
from benchmarks.timing import Measurement, Watch, rounded

ROOT = Path(__file__).parent.parent
LEAST = 5e-3  # seconds that a side works before it is another's turn
PATIENCE = 5.0  # seconds for all rounds of one program: slow ones get fewer rounds, but three
RTOL, ATOL = 2e-3, 1e-5


class Player:
    """A side at work in its process."""

    def __init__(self, side: Side, threads: int, plant: float = 0.0) -> None:
        self.side = side
        planted = plant if side.library == "minigrad" else 0.0
        command = [sys.executable, "-m", "benchmarks.worker", side.name]
        command += ["--threads", str(threads), "--plant", str(planted)]
        counts = dict.fromkeys(THREAD_VARIABLES, str(threads))
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **counts, **dict(side.variables)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.side.name} ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def order(self, **order: Any) -> dict[str, Any]:
        """Tell it something, and wait for the answer."""
        assert self.process.stdin is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return self.answer()

    def close(self) -> None:
        """Let the process end."""
        self.process.communicate()


@dataclass
class Outcome:
    """What was found for one program: times, and why some sides have none."""

    measured: Measurement
    absent: dict[str, str] = field(default_factory=dict)
    # of sides on a card: seconds until all was handed over, and seconds of the card alone
    apart: dict[str, dict[str, float]] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """All of it for JSON."""
        found = {**self.measured.data(), "absent": self.absent}
        return {**found, "apart": self.apart} if self.apart else found


class Contest:
    """Some sides, each in its process, which are given one program after the other."""

    def __init__(self, sides: Sequence[Side], threads: int = 1, plant: float = 0.0) -> None:
        self.players = {side.name: Player(side, threads, plant) for side in sides}
        for player in self.players.values():
            player.answer()

    def __enter__(self) -> Contest:
        return self

    def __exit__(self, *_: object) -> None:
        for player in self.players.values():
            player.close()

    def run(
        self,
        program: str,
        sizes: Mapping[str, Any],
        rounds: int,
        least: float = LEAST,
        patience: float = PATIENCE,
        among: Sequence[str] | None = None,
    ) -> Outcome:
        """Compare what the sides compute, then time those that agree, by turns."""
        chosen = [name for name in self.players if among is None or name in among]
        answers = {n: self.players[n].order(prepare=[program, dict(sizes)]) for n in chosen}
        absent = {name: a["cannot"] for name, a in answers.items() if "cannot" in a}
        results = {name: a["results"] for name, a in answers.items() if "results" in a}
        oracle = next((name for name in (*ORACLES, *results) if name in results), "")
        for name in list(results):
            wrong = disagreement(results[name], results[oracle])
            if wrong:
                absent[name] = f"not timed: its results differ from {oracle}'s: {wrong}"
                del results[name]
        return self._timed(list(results), absent, rounds, least, patience)

    def _timed(
        self, names: list[str], absent: dict[str, str], rounds: int, least: float, patience: float
    ) -> Outcome:
        calls, spent = {}, 0.0
        for name in names:
            once = self.players[name].order(calls=1)["seconds"]
            calls[name] = max(1, math.ceil(least / max(once, 1e-9)))
            spent += once * calls[name]
        rounds = min(rounds, max(3, int(patience / max(spent, 1e-9))))
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for number in range(rounds):
            turn = number % max(1, len(names))
            for name in names[turn:] + names[:turn]:
                one = self.players[name].order(calls=calls[name])
                found[name].append(one)
                Watch.seen += one["seen"]
                Watch.ran += min(one["seen"], one["seconds"] * calls[name])
        times = {name: [one["seconds"] for one in all_] for name, all_ in found.items()}
        apart = {
            name: {k: rounded(float(np.median([one[k] for one in all_]))) for k in parts}
            for name, all_ in found.items()
            if (parts := [k for k in ("host", "device") if k in all_[0]])
        }
        return Outcome(Measurement(times), absent, apart)


def disagreement(mine: Sequence[dict[str, Any]], oracle: Sequence[dict[str, Any]]) -> str:
    """In what two lists of sampled results differ; empty if they agree."""
    if len(mine) != len(oracle):
        return f"{len(mine)} results, not {len(oracle)}"
    for one, other in zip(mine, oracle, strict=True):
        if one["shape"] != other["shape"]:
            return f"shape {one['shape']}, not {other['shape']}"
        a, b = np.array(one["values"]), np.array(other["values"])
        scale = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
        close = np.isclose(a, b, rtol=RTOL, atol=ATOL * max(1.0, scale), equal_nan=True)
        if not close.all():
            return f"{close.size - close.sum()} of {close.size} values looked at"
        # The sum is of all values, not of those looked at: it finds a part that was left out.
        if one["finite"] != other["finite"]:
            return f"{one['finite']} finite values, not {other['finite']}"
        if not np.isclose(one["sum"], other["sum"], rtol=0, atol=RTOL * max(other["size"], ATOL)):
            return f"sum {one['sum']:.6g}, not {other['sum']:.6g}"
    return ""
