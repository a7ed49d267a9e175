"""All that needs a card, in one run under ten minutes: is it right, is it clean, how fast is it.

``python -m benchmarks gpu`` runs on CuPy the measurements of ``gpu_measure.py`` beside torch, the
checks of ``gpu_checks.py``, every kernel under compute-sanitizer, the conformance table and the
parity suite. Each part is a process of its own with a time of its own; what a part has found when
it dies, or when its time is over, counts. JSON and a page of Markdown are written to
``benchmarks/results`` after each part. Without a card it says so, and writes nothing.

``--rehearse`` takes every step of it on the stand-in, with sizes that it can do, and writes to a
folder of its own: figures mean nothing there, but what cannot run shows itself. ``--counts`` writes
how many launches training steps take, which the stand-in counts as a card would.
"""

from __future__ import annotations

import argparse
import datetime
import glob
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SECONDS = {  # at most, for each part: together less than ten minutes
    "steps": 115, "bandwidth": 25, "products": 35, "overhead": 25, "promises": 30, "tries": 40,
    "agreement": 45, "memcheck": 50, "racecheck": 50, "conformance": 20, "parity": 150,
}  # fmt: skip
TOOLS = ("memcheck", "racecheck")
MEASURED = ("steps", "bandwidth", "products", "overhead")
CHECKED = ("promises", "tries", "agreement")
WORKERS = 8  # processes of the parity suite; CuPy compiles many small kernels
SHOWN = 40  # rows of a part on the page; the rest is in the JSON
PATIENCE = 600  # seconds for each part of a rehearsal
Part = dict[str, Any]


def problem(rehearse: bool = False) -> str | None:
    """Why there is no card to run on; None if there is one, or a stand-in to rehearse on."""
    from minigrad import cuda
    from minigrad.errors import DeviceError

    try:
        name = cuda.get_device_name()
    except DeviceError as error:
        return str(error)
    return f"{name} is no card" if ("stand-in" in name) != rehearse else None


def describe() -> dict[str, str]:
    """The card, its driver, and the versions of what is measured."""
    cupy: Any = importlib.import_module("cupy")
    runtime, there = cupy.cuda.runtime, cupy.cuda.Device().id
    found = {
        "device": runtime.getDeviceProperties(there)["name"].decode(),
        "driver": str(runtime.driverGetVersion()),
        "runtime": str(runtime.runtimeGetVersion()),
        "cupy": cupy.__version__,
        "python": sys.version.split()[0],
    }
    for package in ("minigrad", "numpy", "torch"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def told(command: Sequence[str], limit: float) -> Part:
    """A program's end and its lines; one that takes too long is ended, with all that it started."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            return {"ok": False, "seconds": 0.0, "text": [str(error)]}
        late = False
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    if late:
        lines.append(f"ended after {limit:g} s")
    ok = process.returncode == 0
    return {"ok": ok, "seconds": time.perf_counter() - begin, "text": lines}


def _part(name: str, rehearse: bool = False) -> list[str]:
    """A part of this program in a process of its own."""
    more = ("--rehearse",) if rehearse else ()
    return [sys.executable, "-m", "benchmarks.gpu", "--part", name, *more]


def by_pytest(tests: Sequence[str], limit: float, *options: str) -> Part:
    """Tests on the card: how many passed, and which did not."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--tb=line"]
    part = told([*command, *options, *tests], limit)
    counts: dict[str, int] = {}
    failed = []
    for line in part["text"]:
        found = re.search(r"\b(PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b", line)
        if found and "::" in line and not re.match("FAILED|ERROR", line):  # that is the summary
            counts[found[1].lower()] = counts.get(found[1].lower(), 0) + 1
            if found[1] in ("FAILED", "ERROR"):
                failed.append(line.strip())
    part["counts"], part["ok"] = counts, part["ok"] and counts.get("passed", 0) > 0
    part["text"] = [] if part["ok"] else [*failed[:SHOWN], *part["text"][-12:]]
    return part


def _sanitizer() -> str | None:
    """Where compute-sanitizer is: on the path, or with a toolkit."""
    return shutil.which("compute-sanitizer") or next(
        iter(sorted(glob.glob("/usr/local/cuda*/bin/compute-sanitizer"), reverse=True)), None
    )


def by_sanitizer(tool: str, limit: float) -> Part:
    """Every kernel's ``// Try:`` lines under a tool of compute-sanitizer."""
    program = _sanitizer()
    if program is None:
        return {"ok": False, "seconds": 0.0, "text": ["compute-sanitizer was not found"]}
    # Calls of CUDA that fail and are expected to, as a driver's search for newer functions, are no
    # findings; what a program makes of those that matter is an error of its row.
    watched = [program, "--tool", tool, "--report-api-errors", "no", "--error-exitcode", "9"]
    return _with_rows(told([*watched, *_part("launches")], limit))


def in_rows(name: str, limit: float, rehearse: bool = False) -> Part:
    """A part of this program that prints rows, in a process of its own."""
    return _with_rows(told(_part(name, rehearse), limit))


def _with_rows(part: Part) -> Part:
    """Rows and other text apart; a row with an error, or of what is not right, is a failure."""
    rows = [line for line in part["text"] if line.startswith('{"what"')]
    part["text"] = [line for line in part["text"] if not line.startswith('{"what"')][-12:]
    part["rows"] = [json.loads(line) for line in rows if line.endswith("}")]
    wrong = [row for row in part["rows"] if "error" in row or row.get("right") is False]
    part["ok"] = part["ok"] and bool(part["rows"]) and not wrong
    return part


def _rows_of(name: str, rehearse: bool = False) -> Iterator[Part]:
    """What a part finds, as it finds it; in a rehearsal minigrad stands in torch's place too."""
    from benchmarks import gpu_checks, gpu_measure

    mine: Any = importlib.import_module("minigrad")
    if name in ("tries", "launches"):
        check = getattr(gpu_checks, name)
        return check(importlib.import_module("cupy"))  # type: ignore[no-any-return]
    if name in CHECKED:
        return getattr(gpu_checks, name)(mine)  # type: ignore[no-any-return]
    if rehearse:
        return gpu_measure.rehearsed(name, mine)
    theirs: Any = None
    if importlib.util.find_spec("torch") is not None:
        theirs = importlib.import_module("torch")
        theirs = theirs if theirs.cuda.is_available() else None
    gpu_measure.allow_tf32(*filter(None, (mine, theirs)))
    return gpu_measure.PARTS[name](*((mine,) if name == "bandwidth" else (mine, theirs)))


def run_part(name: str, rehearse: bool = False) -> int:
    """Work in this process, and print each row as JSON."""
    warnings.simplefilter("ignore")
    for row in _rows_of(name, rehearse):
        print("\n" + json.dumps(row), flush=True)
    return 0


def _rehearsal() -> list[tuple[str, Callable[[float], Part]]]:
    """The same steps on the stand-in, the sanitizer's without it, and some of the tests."""
    tests = [f"parity_tests/cuda/test_{name}.py" for name in ("halves_on_device", "conformance")]
    rows = (*MEASURED, *CHECKED, "launches")
    return [
        *((name, lambda limit, n=name: in_rows(n, limit, True)) for name in rows),
        ("conformance", lambda limit: by_pytest(tests[1:], limit, "-k", "not cupy-")),
        ("parity", lambda limit: by_pytest(tests[:1], limit, *plugin(), "--device", "cuda-sim")),
    ]  # type: ignore[list-item]


def _plan() -> list[tuple[str, Callable[[float], Part]]]:
    """The parts in their order: what a card is first asked for comes first."""
    spread: tuple[str, ...] = ()
    if importlib.util.find_spec("xdist") is not None:
        spread = ("-n", str(WORKERS), "--dist", "worksteal")
    conformance = "parity_tests/cuda/test_conformance.py"
    on_card = ("--device", "cuda")
    return [
        *((name, lambda limit, n=name: in_rows(n, limit)) for name in (*MEASURED, *CHECKED)),
        *((tool, lambda limit, t=tool: by_sanitizer(t, limit)) for tool in TOOLS),
        ("conformance", lambda limit: by_pytest([conformance], limit, "-k", "cupy-")),
        ("parity", lambda limit: by_pytest(
            ["parity_tests/cuda"], limit, *plugin(), *on_card, *spread)),
    ]  # type: ignore[list-item]  # fmt: skip


def plugin() -> tuple[str, ...]:
    """What brings ``--device`` where minigrad is not installed, only lies there."""
    try:
        importlib.metadata.distribution("minigrad")
    except importlib.metadata.PackageNotFoundError:
        return ("-p", "minigrad.testing.pytest_plugin")
    return ()


def everything(
    say: Callable[[str], None] = print,
    keep: Callable[[dict[str, Part]], Any] = lambda parts: None,
    rehearse: bool = False,
) -> dict[str, Part]:
    """All parts, one after another; what fails stops nothing, and ``keep`` gets all so far."""
    found: dict[str, Part] = {}
    for name, run in _rehearsal() if rehearse else _plan():
        try:
            found[name] = run(PATIENCE if rehearse else SECONDS[name])
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            found[name] = {"ok": False, "seconds": 0.0, "text": [text]}
        say(f"{name}: {'done' if found[name]['ok'] else 'FAILED'}, {found[name]['seconds']:.0f} s")
        keep(found)
    return found


def page(about: dict[str, str], parts: dict[str, Part]) -> str:
    """The results as Markdown."""
    lines = [f"# On {about['device']}", ""]
    lines += [", ".join(f"{name} {value}" for name, value in about.items()), ""]
    for name, part in parts.items():
        end = "done" if part["ok"] else "failed"
        lines += [f"## {name}", "", f"{end} in {part['seconds']:.0f} s"]
        if part.get("counts"):
            lines[-1] += ": " + ", ".join(f"{n} {word}" for word, n in part["counts"].items())
        lines += _table(part.get("rows") or [])
        if part["text"] and not part["ok"]:
            lines += ["", "```", *part["text"], "```"]
        lines.append("")
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as a table: those that failed first, then those that are farthest off."""
    if not rows:
        return []
    if not any("goal" in row for row in rows):
        rows = sorted(rows, key=lambda row: ("error" not in row, row.get("right") is not False,
                                             -row.get("ulps", 0.0)))  # fmt: skip
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(key, "")) for key in keys] for row in rows[:SHOWN]]
    found = ["", *(f"| {' | '.join(line)} |" for line in (keys, ["---"] * len(keys), *cells))]
    left = len(rows) - SHOWN
    return [*found, "", f"and {left} more in the JSON file"] if left > 0 else found


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "/").replace("\n", " ")


def write(about: dict[str, str], parts: dict[str, Part], folder: Path = RESULTS) -> list[Path]:
    """The two files, named by card and day."""
    folder.mkdir(parents=True, exist_ok=True)
    card = re.sub(r"\W+", "-", about["device"].lower()).strip("-")
    name = f"gpu-{card}-{datetime.date.today().isoformat()}"
    paths = [folder / f"{name}.json", folder / f"{name}.md"]
    content = {"schema": 2, "about": about, "parts": parts}
    paths[0].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(page(about, parts) + "\n", encoding="utf-8")
    return paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all of it, or with ``--part`` one part in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__)
    parts = ("launches", *MEASURED, *CHECKED)
    parser.add_argument("--part", choices=parts, help=argparse.SUPPRESS)
    parser.add_argument("--rehearse", action="store_true", help="on the stand-in: no figures")
    parser.add_argument("--counts", action="store_true", help="launches of steps, by the stand-in")
    options = parser.parse_args(arguments)
    if options.counts:
        print(*importlib.import_module("benchmarks.gpu_counts").lines(), sep="\n")
        return 0
    if options.rehearse:  # for this process, and for those that it starts
        os.environ["MINIGRAD_CUDA"] = "sim"
    why_not = problem(options.rehearse)
    if why_not is not None:
        print(f"gpu: nothing was run and nothing written: {why_not}", file=sys.stderr)
        return 1
    if options.part:
        return run_part(options.part, options.rehearse)
    about, folder = describe(), RESULTS
    if options.rehearse:
        folder = Path(tempfile.mkdtemp(prefix="gpu-rehearsal-"))
    found = everything(keep=lambda so_far: write(about, so_far, folder), rehearse=options.rehearse)
    print(*(f"wrote {path}" for path in write(about, found, folder)), sep="\n")
    return 0 if all(part["ok"] for part in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
