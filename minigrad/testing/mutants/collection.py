"""All mutants by name."""

from __future__ import annotations

from minigrad.testing.mutants import formulas, manners, places, sums
from minigrad.testing.mutants.spoiling import Mutant

__all__ = ["MUTANTS"]

MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant for room in (sums, formulas, places, manners) for mutant in room.FOUND
}
