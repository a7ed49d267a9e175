"""The table of docs/conventions.md, run under minigrad and under torch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import minigrad

TABLE = Path(__file__).parents[2] / "docs" / "conventions.md"
ROWS = [
    tuple(cell.strip() for cell in line.strip("|\n ").split(" | "))
    for line in TABLE.read_text().splitlines()
    if re.match(r"\| .*`\[", line)
]


def gradient(module, values: str, program: str) -> np.ndarray:
    x = module.tensor(eval(values, {"inf": np.inf, "nan": np.nan}), requires_grad=True)
    eval(program, {"torch": module, "x": x}).backward()
    return x.grad.numpy()


def test_the_table_was_found():
    assert len(ROWS) >= 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_convention_holds_here_and_in_torch(row):
    _, values, program, stated = (cell.strip("`") for cell in row)
    want = np.array(eval(stated, {"inf": np.inf, "nan": np.nan}), dtype=np.float32)
    np.testing.assert_array_equal(gradient(torch, values, program), want, err_msg="torch")
    np.testing.assert_array_equal(gradient(minigrad, values, program), want, err_msg="minigrad")
