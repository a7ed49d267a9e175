"""What is wrong with a derivative, read from the matrix that it gives and the one that it should.

Each rule knows one fault that people make, and finds it in the two Jacobians alone; what is named
must hold at every point that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.autograd.evidence import Diagnosis, Evidence, Rule
from minigrad.autograd.faults_of_formula import AT_ONCE, OF_VALUE, by_element, constant
from minigrad.autograd.faults_of_place import ARRIVING, overwritten

RULES: tuple[Rule, ...] = (*AT_ONCE, overwritten, constant, *ARRIVING, *OF_VALUE)


def diagnose(points: Sequence[Evidence]) -> Diagnosis:
    """The first fault that explains all the points."""
    wrong = [e for e in points if not e.near(e.got, e.want)] or list(points[:1])
    unknown = Diagnosis("wrong formula", "nothing simpler explains the differences")
    return _explains(RULES, wrong) or _fixed(wrong) or _explains((by_element,), wrong) or unknown


def _explains(rules: Sequence[Rule], points: Sequence[Evidence]) -> Diagnosis | None:
    """What a rule finds at the first point, and at all others as well."""
    for rule in rules:
        for fault in rule(points[0]):
            if all(fault in rule(e) for e in points[1:]):
                return fault
    return None


def _fixed(points: Sequence[Evidence]) -> Diagnosis | None:
    """What is the same at several points: a term, or a factor for each element."""
    first, *others = points
    if not others or any(e.off.shape != first.off.shape for e in others):
        return None
    linear = all(first.near(e.want, first.want) for e in others)
    if not linear and all(first.near(e.off, first.off) for e in others):
        text = "analytical - numerical is the same whatever the values are"
        return Diagnosis("missing term", text)
    flat = [e.zero(e.want) for e in points]
    pairs = list(zip(points, flat, strict=True))
    ratios = [np.where(f, 0, e.got) / np.where(f, 1, e.want) for e, f in pairs]
    apart = all(e.zero(e.got[f]).all() for e, f in pairs)
    single = not linear or all((~f).sum(1).max() < 2 for f in flat)
    if apart and single and all(np.allclose(r, ratios[0], 1e-3, 1e-4) for r in ratios[1:]):
        text = "a fixed one for each element, whatever the values are"
        return Diagnosis("wrong factor", text)
    return None


__all__ = ["Diagnosis", "Evidence", "diagnose"]
