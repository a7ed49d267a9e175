"""``torch.onnx``: programs import it, and ask it while they run; exporting is torch's own.

Source: https://docs.pytorch.org/docs/stable/onnx.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["export", "is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """False: nothing is exported.

    >>> from minigrad import onnx
    >>> onnx.is_in_onnx_export()
    False
    """
    return False


def export(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: minigrad writes no ONNX files.

    >>> from minigrad import onnx
    >>> onnx.export(None, None, "net.onnx")
    Traceback (most recent call last):
    NotImplementedError: onnx.export: minigrad writes no ONNX files; save(model.state_dict(), ...
    """
    raise NotImplementedError(
        "onnx.export: minigrad writes no ONNX files; save(model.state_dict(), path) keeps the "
        "weights for torch itself, which does"
    )
