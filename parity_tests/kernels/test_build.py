"""Two builds of the kernels in one checkout wait for each other."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A compiler that says which build calls it, and makes an empty file of the name it is given.
COMPILER = """#!/bin/sh
echo "$BUILD" >> "$CALLS"
sleep 0.05
while [ "$1" != -o ]; do shift; done
: > "$2"
"""


@pytest.mark.skipif(os.name == "nt", reason="the kernels are not compiled there")
def test_one_build_after_the_other(tmp_path: Path) -> None:
    compiler, calls = tmp_path / "cc", tmp_path / "calls"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--force"]
    command += [f"--build-temp={tmp_path / 'temp'}", f"--build-lib={tmp_path / 'lib'}"]
    tools = {"CC": str(compiler), "LDSHARED": str(compiler), "CALLS": str(calls)}
    builds = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **tools, "BUILD": name},
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    for build in builds:
        _, errors = build.communicate()
        assert build.returncode == 0 and "could not be compiled" not in errors, errors
    found = calls.read_text().split()
    changes = sum(a != b for a, b in itertools.pairwise(found))
    assert set(found) == {"first", "second"} and changes == 1, found
