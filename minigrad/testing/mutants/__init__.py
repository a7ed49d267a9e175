"""The zoo of wrong gradients: what people (and frameworks) have got wrong, each with its story.

``minigrad mutants`` runs a check over all of them and names those that survive it.
"""

from minigrad.testing.mutants.collection import MUTANTS
from minigrad.testing.mutants.running import Outcome, run, survivors
from minigrad.testing.mutants.spoiling import Mutant

__all__ = ["MUTANTS", "Mutant", "Outcome", "run", "survivors"]
