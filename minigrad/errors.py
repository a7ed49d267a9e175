"""The exceptions of minigrad, and the one pattern by which their messages are made.

Every type derives from the built-in that torch raises in the same place, so ``except RuntimeError``
written for torch keeps working.
"""

from __future__ import annotations

import os
import sys
import warnings

OURS = (os.path.dirname(__file__) + os.sep, "<written by minigrad")  # how our files' names begin


class ShapeError(RuntimeError):
    """Sizes that do not fit together."""


class DtypeError(RuntimeError):
    """An element type that the operation does not take."""


class KindError(DtypeError, NotImplementedError):
    """An operation that torch too has for other element types only."""


class DeviceError(RuntimeError):
    """Tensors on different devices, or a device that cannot be used here."""


class OutOfMemoryError(RuntimeError):
    """A card has no room for a tensor; nothing is lost by it, and the program can go on.

    >>> import minigrad as torch
    >>> issubclass(torch.cuda.OutOfMemoryError, RuntimeError)
    True
    """


class FolderError(RuntimeError, FileNotFoundError):
    """A file is to be written into a folder that is not there."""


class GraphFreedError(RuntimeError):
    """Backward through a graph whose saved values were dropped by an earlier backward."""


class ModifiedInPlaceError(RuntimeError):
    """A value that backward needs was overwritten after it was saved."""


class InPlaceError(RuntimeError):
    """An in-place write that would corrupt the graph."""


class GradientShapeError(RuntimeError):
    """A derivative returned a gradient that does not fit its argument."""


class LinAlgError(RuntimeError):
    """A matrix for which what was asked does not exist: the inverse of a singular one, for one.

    >>> import minigrad as torch
    >>> try:
    ...     torch.linalg.inv(torch.zeros(2, 2))
    ... except torch.linalg.LinAlgError as error:
    ...     "singular" in str(error)
    True
    """


class GradcheckError(RuntimeError):
    """Derivatives that are not what differences of the values say.

    >>> import minigrad as torch
    >>> x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    >>> try:
    ...     torch.autograd.gradcheck(torch.relu, (x,))
    ... except torch.testing.GradcheckError as error:
    ...     error.diagnosis.name
    'kink'
    """


def message(op: str, expected: str, got: str, hint: str = "") -> str:
    """One sentence in the house pattern: operation, what was expected, what came, a way out.

    >>> message("dot", "two vectors", "shapes (2, 3) and (3,)", "use mv")
    'dot: expected two vectors, got shapes (2, 3) and (3,); use mv'
    """
    text = f"{op}: expected {expected}, got {got}"
    return f"{text}; {hint}" if hint else text


def warn_user(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line outside of minigrad that has led here, however far up it is.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     warn_user("look here")
    >>> os.path.basename(told[0].filename) == "errors.py"
    False
    """
    frame, level = sys._getframe(1), 2
    while frame.f_code.co_filename.startswith(OURS) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
