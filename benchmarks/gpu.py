"""All that needs a card, in one run under ten minutes: is it right, is it clean, how fast is it.

``python -m benchmarks gpu`` runs the parity suite and the conformance table on CuPy, every kernel
under compute-sanitizer, and the measurements of ``gpu_measure.py`` beside torch; it writes JSON
and a page of Markdown to ``benchmarks/results``. Without a card it says so, and writes nothing.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SECONDS = {  # at most, for each part: together less than ten minutes
    "steps": 120, "bandwidth": 30, "products": 40, "overhead": 30, "tries": 40, "conformance": 20,
    "memcheck": 60, "racecheck": 60, "parity": 180,
}  # fmt: skip
TOOLS = ("memcheck", "racecheck")
MEASURED = ("steps", "bandwidth", "products", "overhead")
Part = dict[str, Any]


def problem() -> str | None:
    """Why there is no card to run on; None if there is one."""
    from minigrad import cuda
    from minigrad.errors import DeviceError

    try:
        name = cuda.get_device_name()
    except DeviceError as error:
        return str(error)
    return f"{name} is no card" if "stand-in" in name else None


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
    """A program's end and its last lines; one that takes too long is ended."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False
        )
        text, ok = done.stdout + done.stderr, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        text, ok = f"{_text(late.stdout)}\nended after {limit:g} s", False
    except FileNotFoundError as error:
        text, ok = str(error), False
    lines = [line for line in text.splitlines() if line.strip()]
    return {"ok": ok, "seconds": time.perf_counter() - begin, "text": lines[-12:]}


def _text(said: Any) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""


def _part(name: str) -> list[str]:
    """A part of this program in a process of its own."""
    return [sys.executable, "-m", "benchmarks.gpu", "--part", name]


def by_pytest(tests: Sequence[str], limit: float, *options: str) -> Part:
    """Tests on the card, and how many passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests]
    part = told(command, limit)
    counts = re.findall(r"(\d+) (passed|failed|error|skipped|xfailed)", " ".join(part["text"]))
    part["counts"] = {word: int(number) for number, word in counts}
    part["ok"] = part["ok"] and part["counts"].get("passed", 0) > 0
    return part


def by_sanitizer(tool: str, limit: float) -> Part:
    """Every kernel's ``// Try:`` lines under a tool of compute-sanitizer."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return {"ok": False, "seconds": 0.0, "text": ["compute-sanitizer was not found"]}
    return told([program, "--tool", tool, "--error-exitcode", "9", *_part("tries")], limit)


def measured(name: str, limit: float) -> Part:
    """A part of ``gpu_measure.py`` in a process of its own."""
    part = told(_part(name), limit)
    rows = [line for line in part["text"] if line.startswith("[{")]
    part["rows"] = json.loads(rows[-1]) if part["ok"] and rows else []
    part["ok"] = bool(part["rows"])
    if part["ok"]:
        part["text"] = []
    return part


def run_part(name: str) -> int:
    """Measure in this process, and print the rows as JSON."""
    from benchmarks import gpu_measure

    mine: Any = importlib.import_module("minigrad")
    if name == "tries":
        rows = gpu_measure.tries(importlib.import_module("cupy"))
        wrong = [row["what"] for row in rows if not row["same"]]
        print(f"{len(rows)} tries", *wrong, sep="\n")
        return len(wrong) > 0
    theirs: Any = None
    if importlib.util.find_spec("torch") is not None:
        theirs = importlib.import_module("torch")
        theirs = theirs if theirs.cuda.is_available() else None
    gpu_measure.allow_tf32(*filter(None, (mine, theirs)))
    given = (mine,) if name == "bandwidth" else (mine, theirs)
    print(json.dumps(gpu_measure.PARTS[name](*given)))
    return 0


def everything(say: Callable[[str], None] = print) -> dict[str, Part]:
    """All parts, one after another; a part that fails does not stop the others."""
    whole = (
        "parity_tests/cuda/test_ops_on_device.py",
        "parity_tests/cuda/test_modules_on_device.py",
    )
    todo: list[tuple[str, Callable[[], Part]]] = [
        *[(name, lambda name=name: measured(name, SECONDS[name])) for name in MEASURED],
        ("tries", lambda: told(_part("tries"), SECONDS["tries"])),
        ("conformance", lambda: by_pytest(
            ["parity_tests/cuda/test_conformance.py"], SECONDS["conformance"], "--device", "cuda")),
        *[(tool, lambda tool=tool: by_sanitizer(tool, SECONDS[tool])) for tool in TOOLS],
        ("parity", lambda: by_pytest(whole, SECONDS["parity"], "--device", "cuda")),
    ]  # type: ignore[misc]  # fmt: skip
    found = {}
    for name, run in todo:
        found[name] = run()
        say(f"{name}: {'done' if found[name]['ok'] else 'FAILED'}, {found[name]['seconds']:.0f} s")
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
        rows = part.get("rows") or []
        if rows:
            keys = list(dict.fromkeys(key for row in rows for key in row))
            lines += [
                "",
                "| " + " | ".join(keys) + " |",
                "| " + " | ".join("---" for _ in keys) + " |",
            ]
            lines += [
                "| " + " | ".join(_cell(row.get(key, "")) for key in keys) + " |" for row in rows
            ]
        elif part["text"]:
            lines += ["", "```", *part["text"], "```"]
        lines.append("")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(about: dict[str, str], parts: dict[str, Part], folder: Path = RESULTS) -> list[Path]:
    """The two files, named by card and day."""
    folder.mkdir(parents=True, exist_ok=True)
    card = re.sub(r"\W+", "-", about["device"].lower()).strip("-")
    name = f"gpu-{card}-{datetime.date.today().isoformat()}"
    paths = [folder / f"{name}.json", folder / f"{name}.md"]
    content = {"schema": 1, "about": about, "parts": parts}
    paths[0].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(page(about, parts) + "\n", encoding="utf-8")
    return paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all of it, or with ``--part`` one measurement in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__)
    parser.add_argument("--part", choices=("tries", *MEASURED), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    why_not = problem()
    if why_not is not None:
        print(f"gpu: nothing was run and nothing written: {why_not}", file=sys.stderr)
        return 1
    if options.part:
        return run_part(options.part)
    parts = everything()
    paths = write(describe(), parts)
    print(*(f"wrote {path.relative_to(ROOT)}" for path in paths), sep="\n")
    return 0 if all(part["ok"] for part in parts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
