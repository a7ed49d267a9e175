"""A check run over the zoo: which mutants it kills, which survive, and what each was taken for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.testing.mutants.collection import MUTANTS
from minigrad.testing.mutants.spoiling import Mutant

__all__ = ["Outcome", "run", "survivors"]

Check = Callable[[Any], object]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: ``error`` is None if it survived.

    >>> from minigrad.testing.mutants import MUTANTS, Outcome
    >>> Outcome(MUTANTS["cosine_has_no_minus"], None).killed
    False
    """

    mutant: Mutant
    error: BaseException | None

    @property
    def killed(self) -> bool:
        """Whether the check failed, as it should."""
        return self.error is not None

    @property
    def diagnosis(self) -> Any:
        """What the check took it for, if it says that."""
        return getattr(self.error, "diagnosis", None)

    @property
    def named(self) -> bool:
        """Whether the diagnosis is the true one."""
        return self.diagnosis is not None and self.diagnosis.name in self.mutant.truth


def shipped(case: Any) -> None:
    """The check of the kit: both orders, in full."""
    gradcheck(case, case.inputs)
    gradgradcheck(case, case.inputs)


def first_order(case: Any) -> None:
    """The check of the kit, of the first order."""
    gradcheck(case, case.inputs)


def run(
    names: Iterable[str] = (), check: Check | None = None, *, examples: int = 20
) -> list[Outcome]:
    """Run a check over mutants (by default all): calls are drawn, and failures are shrunk.

    ``check`` is called with a drawn :class:`Case`, and kills the mutant by any exception; by
    default it is the shipped ``gradcheck``, with ``gradgradcheck`` where the first order is right.

    >>> from minigrad.testing.mutants import run
    >>> [outcome] = run(["cosine_has_no_minus"])
    >>> print(outcome.diagnosis)
    sign: the gradient points the other way (constant factor -1)

    Raises: KeyError if no mutant has a name.
    """
    chosen = [MUTANTS[name] for name in names] or list(MUTANTS.values())
    return [
        outcome_of(m, check or (shipped if m.second else first_order), examples) for m in chosen
    ]


def survivors(check: Check | None = None, *, examples: int = 20) -> list[str]:
    """The names of the mutants that a check does not see.

    >>> from minigrad.testing.mutants import MUTANTS, survivors
    >>> survivors(lambda case: None, examples=1) == list(MUTANTS)
    True
    """
    return [o.mutant.name for o in run((), check, examples=examples) if not o.killed]


def outcome_of(mutant: Mutant, check: Check, examples: int) -> Outcome:
    """What becomes of one mutant, of the zoo or not.

    >>> from minigrad.testing.mutants import MUTANTS
    >>> from minigrad.testing.mutants.running import first_order, outcome_of
    >>> outcome_of(MUTANTS["cosine_has_no_minus"], first_order, 5).named
    True
    """
    from hypothesis import HealthCheck, Phase, given, settings

    from minigrad.testing.strategies import calls

    phases: Sequence[Phase] = (Phase.generate, Phase.shrink)
    drawn = calls(mutant.record, ties=mutant.ties, special_values=mutant.special, strided=False)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def every(case: Any) -> None:
        check(case)

    with mutant.engine(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            every()
        except Exception as error:
            return Outcome(mutant, error)
    return Outcome(mutant, None)
