"""The examples in torch's own docstrings, run with both libraries (see ``torch_docs.py``)."""

from __future__ import annotations

import pytest

from parity_tests import torch_docs
from parity_tests.known import expected

NAMES = torch_docs.tested()


@pytest.mark.parametrize("name", NAMES)
def test_examples_give_the_same_as_in_torch(name: str) -> None:
    _, wrong = torch_docs.check(name)
    mistakes = [text for text in wrong if expected(name, text) is None]
    assert not mistakes, "\n".join(mistakes[:5])


def test_the_examples_were_found() -> None:
    assert len(NAMES) > 300
