"""``minigrad replay``: a failure that somebody left in a file, run again here."""

from __future__ import annotations

from pathlib import Path

from minigrad.cli.errors import CommandError


def show_replay(path: Path, trust: bool) -> int:
    """Run a capsule, its ops one by one too, and compare; 1 if it fails here too."""
    from minigrad.testing.capsules import environment, replay

    if not path.is_file():
        raise CommandError(f"replay: there is no file {path}")
    try:
        found = replay(path, trust=trust)
    except ValueError as error:
        raise CommandError(f"{' '.join(str(error).split())} (--trust)") from error
    here = environment()
    for name, value in found.made_on.items():
        now = here.get(name, "")
        print(f"{name:<9} {value}" + ("" if now == value else f"   (here {now})"))
    print(f"\nthen: {found.then.splitlines()[0]}")
    now = f"not run ({found.left_out}; --trust)" if found.left_out else found.now or "no failure"
    print(f"now:  {now}")
    if found.tape.ops or found.tape.left_out:
        print(f"\n{found.tape}")
    return 1 if found.reproduced else 0
