"""What is shipped is what the files say, and a missing extra says what to install."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import minigrad
from minigrad.version import __version__
from parity_tests.size_report import LIMIT, report, sizes, too_long

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", requirement)[0].lower() for requirement in requirements}


def test_the_hard_dependencies_are_few() -> None:
    assert names(PROJECT["project"]["dependencies"]) == {"numpy", "ml_dtypes", "scipy"}


def test_extras_hold_what_their_users_import() -> None:
    own = {"cli", "files", "vision", "tensorboard", "testing"}
    assert set(EXTRAS) == {*own, "cuda", "test", "docs", "all"}
    assert {"typer", "rich", "matplotlib", "pillow", "threadpoolctl"} <= names(EXTRAS["cli"])
    assert "torch==2.13.0" in EXTRAS["test"]
    assert names(EXTRAS["files"]) == {"safetensors"} and names(EXTRAS["vision"]) == {"pillow"}
    assert names(EXTRAS["tensorboard"]) == {"tensorboardx"}
    assert names(EXTRAS["testing"]) == {"hypothesis", "pytest"}
    every = "cli,files,vision,tensorboard,testing"
    assert f"minigrad[{every}]" in EXTRAS["test"], "the tests run all of it"
    assert EXTRAS["all"] == [f"minigrad[{every},test,docs]"], "all but CUDA"


def test_lint_programs_are_pinned_and_pre_commit_uses_them() -> None:
    pinned = {req.split("==")[0] for req in EXTRAS["test"] if "==" in req}
    assert {"ruff", "mypy"} <= pinned
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "python -m ruff" in hooks and "python -m mypy" in hooks
    assert "rev:" not in hooks, "a pinned revision could differ from the version that CI installs"


def test_the_version_stands_in_one_place() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"] == (
        "minigrad.version.__version__"
    )
    assert minigrad.__version__ == __version__


@pytest.mark.parametrize(
    "path",
    [
        "minigrad/py.typed",
        "minigrad/vision/data/digits.npz",
        "minigrad/vision/data/ATTRIBUTION.md",
        "kernels/README.md",
        "kernels/cpu/README.md",
        "kernels/cuda/README.md",
        "LICENSE",
        "CHANGELOG.md",
    ],
)
def test_shipped_file_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


# Packages of the wheel that are made of folders beside minigrad/.
ELSEWHERE = {"minigrad.kernels": "kernels", "minigrad.measuring.benchmarks": "benchmarks"}


def test_data_files_are_named_in_the_package_data() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for package, patterns in data.items():
        if "*" in package:
            continue
        folder = ROOT / ELSEWHERE.get(package, package.replace(".", "/"))
        for pattern in patterns:
            if pattern.endswith((".md", ".npz")):
                assert list(folder.glob(pattern)), f"{package}: {pattern} matches nothing"


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "minigrad").rglob("*.py")}
    missing = [str(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert not missing, "setuptools would leave these out of the wheel"


def test_every_folder_with_kernels_is_shipped() -> None:
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    for folder in (ROOT / "kernels").iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            assert f'"minigrad.kernels.{folder.name}"' in setup


BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from minigrad.cli import main
sys.exit(main({arguments}))
"""


@pytest.mark.parametrize("blocked", [{"typer"}, {"rich"}, {"matplotlib", "PIL"}])
def test_without_the_cli_extra_one_line_says_what_to_install(blocked: set[str]) -> None:
    script = BLOCKER.format(blocked=blocked, arguments=["train"])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "python -m pip install 'minigrad[cli]'" in line
    assert all(name.lower().replace("pil", "pillow") in line.lower() for name in blocked)


def test_no_file_of_the_package_is_too_long() -> None:
    lines = sizes(ROOT / "minigrad")
    assert not too_long(lines), report(lines)


def test_the_size_report_sees_a_long_file(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * (LIMIT + 1))
    (tmp_path / "long.pyi").write_text("x: int\n" * (LIMIT + 1))
    assert too_long(sizes(tmp_path)) == [f"long.py: {LIMIT + 1} lines, the limit is {LIMIT}"]
