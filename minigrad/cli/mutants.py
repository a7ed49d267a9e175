"""``minigrad mutants``: which wrong gradients a check lets pass."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.cli.errors import CommandError


def show_mutants(check: str | None, only: list[str], examples: int, stories: bool) -> int:
    """Run a check over the zoo, a line for each mutant; the exit code is 1 if any survives."""
    mutants: Any = _zoo()
    unknown = sorted(set(only) - set(mutants.MUTANTS))
    if unknown:
        raise CommandError(f"mutants: there is no {unknown[0]!r} (minigrad mutants --stories)")
    names = only or list(mutants.MUTANTS)
    if stories:
        for name in names:
            print(f"{name}: {mutants.MUTANTS[name].history}")
        return 0
    function = None if check is None else _loaded(check)
    alive, named = [], 0
    for name in names:
        (outcome,) = mutants.run([name], function, examples=examples)
        named += outcome.named
        if outcome.killed:
            seen = outcome.diagnosis.name if outcome.diagnosis else type(outcome.error).__name__
            print(f"{'killed':<9} {name:<40} {seen}")
        else:
            alive.append(name)
            print(f"{'SURVIVES':<9} {name:<40} {mutants.MUTANTS[name].history}")
    print(f"{len(names) - len(alive)} of {len(names)} killed, {named} by their true names")
    return 1 if alive else 0


def _zoo() -> Any:
    if importlib.util.find_spec("hypothesis") is None:
        raise CommandError(
            "mutants: calls are drawn by hypothesis; install it with: "
            "python -m pip install 'minigrad[testing]'"
        )
    from minigrad.testing import mutants

    return mutants


def _loaded(text: str) -> Callable[..., Any]:
    """The check that file.py:function names; it gets a drawn case, and fails by an exception."""
    path, _, name = text.partition(":")
    if not name or not Path(path).is_file():
        raise CommandError(f"mutants: expected file.py:function, got {text!r}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise CommandError(f"mutants: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CommandError(f"mutants: {path} does not run: {error}") from error
    if not callable(getattr(module, name, None)):
        raise CommandError(f"mutants: {path} has no function {name!r}")
    return getattr(module, name)  # type: ignore[no-any-return]
