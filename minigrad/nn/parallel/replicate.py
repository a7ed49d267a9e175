"""Copies of a module on several devices that all lead their gradients to the original."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeVar

from minigrad.device import device as Device
from minigrad.nn.modules.module import Module
from minigrad.nn.parallel._devices import as_devices
from minigrad.tensor import Tensor

__all__ = ["replicate"]

Kind = TypeVar("Kind", bound=Module)


def replicate(network: Kind, devices: Sequence[Any], detach: bool = False) -> list[Kind]:
    """One copy of a module for each device.

    Their parameters are recorded copies of the original's, so backward adds up all gradients
    there; ``detach`` leaves out the recording. The first copy shares the buffers of the original
    if it is on the same device, so that running statistics move on.

    >>> import minigrad as torch
    >>> one, two = torch.nn.parallel.replicate(torch.nn.Linear(2, 1), ["cpu", "cpu"])
    >>> one.weight.grad_fn is not None, len(list(one.parameters()))
    (True, 0)
    """
    return [
        _replica(network, device, detach, first=place == 0)
        for place, device in enumerate(as_devices(devices))
    ]


def _replica(network: Kind, device: Device, detach: bool, first: bool) -> Kind:
    def copied(tensor: Tensor, shared: bool) -> Any:
        source = tensor.detach() if detach else tensor
        moved = source.to(device)
        if moved is not source:
            return moved
        # Another place in the graph, in the same memory or not.
        return source.view_as(source) if shared else source.clone()

    tensors: dict[int, Any] = {}
    for parameter in network.parameters():
        tensors[id(parameter)] = copied(parameter, shared=True)
    for buffer in network.buffers():
        tensors[id(buffer)] = copied(buffer, shared=first)
    originals = list(network.modules())
    twins: dict[int, Any] = {id(m): m._replicate_for_data_parallel() for m in originals}
    for module in originals:
        twin = twins[id(module)]
        twin._former_parameters = OrderedDict()
        for name, child in module._modules.items():
            twin._modules[name] = None if child is None else twins[id(child)]
        for name, own in module._parameters.items():
            if own is None:
                twin._parameters[name] = None
            else:
                # A plain attribute: the copy is no leaf, and nothing to give to an optimizer.
                object.__setattr__(twin, name, tensors[id(own)])
                twin._former_parameters[name] = tensors[id(own)]
        for name, member in module._buffers.items():
            twin._buffers[name] = None if member is None else tensors[id(member)]
    made: Kind = twins[id(network)]
    return made
