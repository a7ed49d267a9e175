"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad import functions
from minigrad.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _check_place(parameter: Tensor, place: object) -> object:
    """The place of a parameter, which must be that of the one before."""
    here = parameter.get_device() if parameter.is_cuda else -1
    if place is not None and place != here:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
    return here


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all tensors, one after the other, recorded for gradients.

    Raises: TypeError for tensors on more than one device.

    >>> import minigrad as torch
    >>> torch.nn.utils.parameters_to_vector([torch.ones(2), torch.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    place = None
    parts = []
    for parameter in parameters:
        place = _check_place(parameter, place)
        parts.append(parameter.view(-1))
    joined: Tensor = functions.cat(parts)
    return joined


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the tensors be the pieces of a vector; they share its memory from then on.

    Raises: TypeError for something else than a tensor, or tensors on more than one device.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> torch.nn.utils.vector_to_parameters(torch.arange(3.0), layer.parameters())
    >>> layer.bias
    Parameter containing:
    tensor([2.], requires_grad=True)
    """
    if not isinstance(vec, Tensor):
        kind = type(vec)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        raise TypeError(f"expected torch.Tensor, but got: {module}{kind.__qualname__}")
    place = None
    start = 0
    for parameter in parameters:
        place = _check_place(parameter, place)
        end = start + parameter.numel()
        parameter.data = vec[start:end].view_as(parameter).data
        start = end
