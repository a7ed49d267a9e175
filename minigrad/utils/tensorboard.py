"""``SummaryWriter``: TensorBoard's event files, written by tensorboardX.

Source: https://docs.pytorch.org/docs/stable/tensorboard.html
"""

from __future__ import annotations

from typing import Any

from minigrad.autograd.tensor_base import TensorBase

__all__ = ["SummaryWriter"]


def _plain(value: Any) -> Any:
    """A tensor as NumPy's array, in containers too: what tensorboardX takes."""
    if isinstance(value, TensorBase):
        return value.detach().cpu().numpy()  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value


class SummaryWriter:
    """Writes scalars, histograms, images and texts for TensorBoard; tensors are taken everywhere.

    The methods are those of tensorboardX's writer of the same name.

    Raises: ImportError without tensorboardX (``pip install minigrad[tensorboard]``).

    >>> SummaryWriter.__name__
    'SummaryWriter'
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            from tensorboardX import SummaryWriter as Writer
        except ImportError as error:
            raise ImportError(
                "SummaryWriter: needs tensorboardX: pip install minigrad[tensorboard]"
            ) from error
        self._writer = Writer(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """The writer's own method, given arrays for tensors."""
        found = getattr(self.__dict__.get("_writer"), name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: found(*map(_plain, args), **_plain(kwargs))

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()
