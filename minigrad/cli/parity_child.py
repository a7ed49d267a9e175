"""One side of ``minigrad parity``: a program under one library, its lines told to a pipe."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from minigrad.testing.sounding import sounding
from minigrad.testing.tracing import Line, Tracer


def main() -> None:
    """``python -m minigrad.cli.parity_child LIBRARY PIPE SCRIPT [ARGUMENTS]``."""
    library, pipe, script, *arguments = sys.argv[1:]
    with os.fdopen(int(pipe), "wb") as stream:

        def tell(line: Line | str) -> None:
            pickle.dump(line, stream)
            stream.flush()

        try:
            tell(_error_of(library, script, arguments, tell))
        except BrokenPipeError:  # the other side has seen enough
            os._exit(0)


def _error_of(library: str, script: str, arguments: list[str], tell: Any) -> str:
    """Run the program; the built-in type of the error that ends it, or nothing."""
    path = os.path.realpath(script)
    if library == "minigrad":
        from minigrad.compat import install

        install()
    from importlib import import_module

    modules = import_module("torch.nn.modules.module")  # minigrad's, if that stands for torch
    tracer = Tracer(path, tell)
    modules.register_module_forward_hook(tracer.layer)
    code = compile(Path(path).read_bytes(), path, "exec")
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    sys.argv = [script, *arguments]
    sys.path.insert(0, os.path.dirname(path))
    try:
        with sounding(library, tracer.heard), tracer:
            exec(code, module.__dict__)
    except SystemExit:
        return ""
    except BrokenPipeError:
        raise
    except Exception as error:
        kind = next(t.__name__ for t in type(error).__mro__ if t.__module__ == "builtins")
        return f"{kind}: {error}"
    return ""


if __name__ == "__main__":
    main()
