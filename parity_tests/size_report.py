"""Lines per file: a file of the package that outgrows the limit fails, the engine is shown apart.

Run as ``python parity_tests/size_report.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIMIT = 400
# What one reads in an evening to know how the engine works, and how long it may get together.
ENGINE = ("tensor.py", "autograd/graph.py", "autograd/engine.py", "autograd/op.py")
ENGINE_BUDGET = 700


def sizes(package: Path) -> dict[str, int]:
    """Lines of each Python file below a folder, by path; generated stubs are no .py files."""
    return {
        path.relative_to(package).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(package.rglob("*.py"))
    }


def too_long(lines: dict[str, int], limit: int = LIMIT) -> list[str]:
    """A line for each file above the limit."""
    return [f"{name}: {n} lines, the limit is {limit}" for name, n in lines.items() if n > limit]


def report(lines: dict[str, int]) -> str:
    """A table: the engine file by file, then each folder, then the sum."""
    engine = {name: lines.get(name, 0) for name in ENGINE}
    folders: dict[str, list[int]] = {}
    for name, count in lines.items():
        folders.setdefault(name.rpartition("/")[0] or ".", []).append(count)
    rows = [f"{count:6}  {name}" for name, count in engine.items()]
    rows.append(f"{sum(engine.values()):6}  engine (budget {ENGINE_BUDGET})")
    rows += [
        f"{sum(counts):6}  {folder}/ ({len(counts)} files, longest {max(counts)})"
        for folder, counts in folders.items()
    ]
    rows.append(f"{sum(lines.values()):6}  minigrad ({len(lines)} files)")
    return "\n".join(rows)


def main() -> int:
    """Print the report; 1 if a file is too long."""
    lines = sizes(ROOT / "minigrad")
    print(report(lines))
    problems = too_long(lines)
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
