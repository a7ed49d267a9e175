"""An op asks for the backend of its arrays, and for one. What ops do on a card: ../cuda."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import minigrad
from minigrad.autograd import apply, shortcuts


def test_short_cuts_leave_other_backends_to_apply():
    """An array that is no ndarray takes the general road, where its own module is used."""
    assert shortcuts.ndarray is np.ndarray
    seen = []

    class Foreign(np.ndarray):
        """Stands for another backend's array."""

    x = minigrad.ones(2)
    x._array = np.ones(2, dtype=np.float32).view(Foreign)
    original = apply.run
    try:
        apply.run = lambda *args: seen.append(args[0].name) or original(*args)
        (x * x).exp()
    finally:
        apply.run = original
    assert seen == ["mul"]


def test_tensors_on_two_devices_are_refused(monkeypatch):
    """Two kinds of array stand for two devices; both roads into an op must notice."""

    class OnTheCard(np.ndarray):
        """Stands for an array on a card: its functions refuse host arrays, as CuPy's do."""

        def __array_ufunc__(self, *args, **kwargs):
            raise TypeError("implicit conversion is not allowed")

    class Card:
        def device_of(self, array):
            return minigrad.device("cuda", 0)

    arguments = sys.modules["minigrad.autograd.arguments"]
    usual = arguments.backend_of
    monkeypatch.setattr(
        arguments, "backend_of", lambda a: Card() if isinstance(a, OnTheCard) else usual(a)
    )
    here, there = minigrad.ones(2), minigrad.ones(2)
    there._array = np.ones(2, dtype=np.float32).view(OnTheCard)
    for call in (lambda: here * there, lambda: there * here, lambda: minigrad.cat([here, there])):
        with pytest.raises(RuntimeError, match="at least two devices, cpu and cuda:0!"):
            call()
