"""The list of what CuPy has: as CuPy says it, where it is installed; the script on a small one."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import numpy as np
import pytest

from minigrad.cuda.stand_in import api


class Ufunc:
    """What CuPy's functions of numbers are."""

    nin = 1

    def __call__(self, x: object) -> None: ...


def test_the_file_is_what_the_script_writes() -> None:
    """In a process of its own, in which no stand-in can take CuPy's place."""
    there = {k: v for k, v in os.environ.items() if k != "MINIGRAD_CUDA"}
    command = [sys.executable, "-W", "ignore", "-m", "minigrad.cuda.stand_in.api", "--check"]
    found = subprocess.run(command, env=there, capture_output=True, text=True, check=False)
    if found.returncode == 2:
        pytest.skip(found.stderr.strip())
    assert found.returncode == 0, "python -m minigrad.cuda.stand_in.api writes cupy_api.txt anew"


def test_a_section_of_the_file() -> None:
    cupy = types.SimpleNamespace(
        exp=Ufunc(), sinc=Ufunc(), sum=lambda a, axis=None, *, out=None: a, save=lambda file: None,
        float32=np.float32, ours_alone=lambda a: a, pi=3.14, tile=lambda A, *reps, **more: A,
    )  # fmt: skip
    assert api.section("numpy", cupy, np, Ufunc, np.ufunc) == (
        "[numpy]\nufuncs exp\nsinc(x, out=, *, dtype=)\nsum(a, axis=, *, out=)\n"
        "tile(A, *reps, **more)\n"
    )


def test_without_cupy_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> str:
        raise ImportError("No module named 'cupy'")

    monkeypatch.setattr(api, "table", missing)
    assert api.main([]) == 2
    assert "CuPy, which is not installed" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "code"), [("", 0), ("more", 1)])
def test_another_file_is_found_out(text: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "table", lambda: api.FILE.read_text("utf-8") + text)
    assert api.main(["--check"]) == code
