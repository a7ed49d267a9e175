"""Programs in the styles in which people write for torch do with minigrad what they do with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch as oracle

import minigrad
from parity_tests.programs.wild.scripts import differences, run, scripts


@pytest.mark.parametrize("path", scripts().values(), ids=scripts())
def test_a_script_does_what_it_does_with_torch(path: Path, tmp_path: Path) -> None:
    mine, theirs = (tmp_path / name for name in ("mine", "theirs"))
    mine.mkdir()
    theirs.mkdir()
    done = run(path, minigrad, mine)
    assert done.text, "a script that prints nothing shows nothing"
    assert list(differences(done, run(path, oracle, theirs))) == []
