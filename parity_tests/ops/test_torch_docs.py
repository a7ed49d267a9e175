"""The examples in torch's own docstrings, run with both libraries (see ``torch_docs.py``)."""

from __future__ import annotations

import pytest

from parity_tests.known import expected, left_out
from parity_tests.torch_docs import check, names

LATER = ("nn.", "optim.", "utils.")  # torch.nn's layers and what is around them: not ops
NAMES = [
    name
    for name in names()
    if not left_out(name.split(".")[-1])
    and not left_out(name)
    and (not name.startswith(LATER) or name.startswith(("nn.functional.", "utils.checkpoint")))
]


@pytest.mark.parametrize("name", NAMES)
def test_examples_give_the_same_as_in_torch(name: str) -> None:
    _, wrong = check(name)
    mistakes = [text for text in wrong if expected(name, text) is None]
    assert not mistakes, "\n".join(mistakes[:5])


def test_the_examples_were_found() -> None:
    assert len(NAMES) > 300
