"""The plugin, in sessions of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from minigrad.cli import main

TESTS = """
import pytest
from minigrad.testing import gradcheck
import minigrad

@pytest.mark.parity
def test_same(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    return x.sin().sum()

@pytest.mark.parity
@pytest.mark.parametrize("n", [2, 3])
def test_parts(torch, n):
    return torch.ones(n) * ("minigrad" in torch.__name__)

def test_device(device):
    assert minigrad.ones(1, device=device).device == device

@pytest.mark.needs_device("cuda")
def test_card():
    raise AssertionError("there is none")

def test_kit(assert_parity):
    assert_parity(lambda x: x.exp(), minigrad.ones(2))

def test_gradient():
    x = minigrad.tensor([0.0], dtype=minigrad.float64, requires_grad=True)
    gradcheck(minigrad.relu, (x,))
"""


def session(folder: Path, *options: str) -> str:
    """What pytest says of the tests above."""
    (folder / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "minigrad.testing.pytest_plugin", "-q"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), "-rA", *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=_environment())
    return done.stdout + done.stderr


def _environment() -> dict[str, str]:
    import os

    root = str(Path(__file__).parents[2])
    own = {"PYTHONPATH": root, "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    return {**os.environ, **own, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # as it is not installed


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plain")
    return session(folder, "-W", "error")


def test_without_parity_only_minigrad_runs(plain: str) -> None:
    assert "1 failed, 5 passed, 1 skipped" in plain
    assert "FAILED test_it.py::test_gradient" in plain


def test_a_device_that_is_missing_skips(plain: str) -> None:
    assert "device cuda" in plain


def test_with_parity_both_run_and_what_parts_fails(tmp_path: Path) -> None:
    said = session(tmp_path, "--parity", "--capsules", str(tmp_path / "kept"))
    assert "3 failed, 3 passed, 1 skipped" in said
    assert "parity: value 0 parts by" in said
    kept = tmp_path / "kept" / "test_gradient.capsule"
    assert f"to run it again: minigrad replay {kept}" in said
    assert main(["replay", str(kept)]) == 1
