"""Training on several devices of one machine: each gets a copy of the model and a part of a batch.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.DataParallel.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import cuda
from minigrad.autograd.modes import is_grad_enabled
from minigrad.device import device as Device
from minigrad.nn.modules.module import Module
from minigrad.nn.parallel._devices import as_device, as_devices
from minigrad.nn.parallel.parallel_apply import parallel_apply
from minigrad.nn.parallel.replicate import replicate
from minigrad.nn.parallel.scatter_gather import gather, scatter_kwargs

__all__ = ["DataParallel", "data_parallel"]


def _chosen(device_ids: Sequence[Any] | None) -> list[Device]:
    """The given devices; without any, all cards that there are."""
    if device_ids is None:
        return [Device("cuda", index) for index in range(cuda.device_count())]
    return as_devices(device_ids)


def _same(one: Device, other: Device) -> bool:
    return one.type == other.type and (one.index or 0) == (other.index or 0)


def _check_home(module: Module, home: Device) -> None:
    """Raise unless the whole module is on the device from which it is copied."""
    for members in (module.parameters(), module.buffers()):
        for tensor in members:
            if not _same(tensor.device, home):
                raise RuntimeError(
                    f"module must have its parameters and buffers on device {home} "
                    f"(device_ids[0]) but found one of them on device: {tensor.device}"
                )


class DataParallel(Module):
    """A module that splits each batch over devices, where copies of ``module`` work on the parts.

    The outputs are joined on ``output_device``, the first device unless it is given, and backward
    adds up the gradients of all copies in ``module``. Devices are names, ``torch.device`` or, for
    CUDA, numbers; without ``device_ids`` all cards, and if there are none the module is called as
    it is.

    Raises: RuntimeError for a number where there is no CUDA, or a module on another device.

    >>> import minigrad as torch
    >>> net = torch.nn.DataParallel(torch.nn.Linear(2, 1), device_ids=["cpu", "cpu"])
    >>> net(torch.ones(4, 2)).shape, list(net.state_dict())
    (torch.Size([4, 1]), ['module.weight', 'module.bias'])
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids = _chosen(device_ids)
        self.dim = dim
        if not self.device_ids:
            return
        home = self.device_ids[0]
        self.output_device = home if output_device is None else as_device(output_device)
        self.src_device_obj = home
        if len(self.device_ids) == 1:
            self.module.to(home)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Scatter, run the copies, gather."""
        if not self.device_ids:
            return self.module(*inputs, **kwargs)
        _check_home(self.module, self.src_device_obj)
        parts, named = self.scatter(inputs, kwargs, self.device_ids)
        if not parts and not named:
            parts, named = ((),), ({},)
        if len(self.device_ids) == 1:
            return self.module(*parts[0], **named[0])
        replicas = self.replicate(self.module, self.device_ids[: len(parts)])
        outputs = self.parallel_apply(replicas, parts, named)
        return self.gather(outputs, self.output_device)

    def replicate(self, module: Module, device_ids: Sequence[Any]) -> list[Module]:
        """Copies of the module, recorded if gradients are."""
        return replicate(module, device_ids, not is_grad_enabled())

    def scatter(
        self, inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, device_ids: Sequence[Any]
    ) -> Any:
        """The arguments for each device."""
        return scatter_kwargs(inputs, kwargs, device_ids, dim=self.dim)

    def parallel_apply(self, replicas: Sequence[Any], inputs: Sequence[Any], kwargs: Any) -> Any:
        """The outputs of the copies."""
        return parallel_apply(replicas, inputs, kwargs, self.device_ids[: len(replicas)])

    def gather(self, outputs: Any, output_device: Any) -> Any:
        """The joined outputs."""
        return gather(outputs, output_device, dim=self.dim)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: Any = None,
) -> Any:
    """Run a module on one batch as ``DataParallel`` does.

    Raises: RuntimeError without devices: there is no CUDA and ``device_ids`` names none.

    >>> import minigrad as torch
    >>> torch.nn.parallel.data_parallel(torch.nn.ReLU(), -torch.ones(3), ["cpu", "cpu"])
    tensor([0., 0., 0.])
    """
    if not _chosen(device_ids):
        raise RuntimeError(
            "device type could not be determined: there is no CUDA; name the devices that there "
            'are, such as ["cpu", "cpu"]'
        )
    wrapped = DataParallel(module, device_ids, output_device, dim)
    args = () if inputs is None else inputs if isinstance(inputs, tuple) else (inputs,)
    return wrapped(*args, **(module_kwargs or {}))
