"""Moving a Module's tensors to another device, type or memory, all at once.

Source: torch.nn.Module, ``to`` and its relatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, NoReturn, Self

from minigrad.autograd import no_grad
from minigrad.device import device as Device
from minigrad.dtypes import LeftOut, as_dtype
from minigrad.dtypes import dtype as Dtype
from minigrad.nn.modules._state_dict import ModuleState
from minigrad.nn.parameter import is_lazy
from minigrad.sharing import share
from minigrad.tensor import Tensor


class ModuleConversion(ModuleState):
    """The methods of ``Module`` that replace the memory of its parameters and buffers."""

    children: Callable[[], Iterator[Any]]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the memory of all tensors by ``fn`` of it; parameters keep their identity."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            grad = parameter.grad
            with no_grad():
                parameter.data = fn(parameter)
                if grad is not None:
                    grad.data = fn(grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, or change the type of the floating point members, in place.

        It takes a device, a dtype, both, or a tensor that shows both.

        Raises: TypeError for a dtype that is not floating point.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).to(torch.float64).weight.dtype
        torch.float64
        """
        place, kind, form = _destination(args, kwargs)
        if kind is not None and not kind.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={kind}"
            )

        def convert(tensor: Tensor) -> Tensor:
            wanted = kind if tensor.is_floating_point() else None
            layout = {"memory_format": form} if form is not None and tensor.ndim in (4, 5) else {}
            moved: Tensor = tensor.to(place, wanted, **layout)
            return moved

        return self._apply(convert)

    def type(self, dst_type: Dtype | str) -> Self:
        """Change the type of every parameter and buffer, integer ones too.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).type(torch.float64).bias.dtype
        torch.float64
        """
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Self:
        """Make the floating point members float32.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).double().float().bias.dtype
        torch.float32
        """
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Self:
        """Make the floating point members float64.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).double().bias.dtype
        torch.float64
        """
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Self:
        """Make the floating point members float16.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).half().bias.dtype
        torch.float16
        """
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self) -> Self:
        """Make the floating point members bfloat16.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).bfloat16().bias.dtype
        torch.bfloat16
        """
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def cpu(self) -> Self:
        """Move to the CPU.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 2).cpu().weight.device
        device(type='cpu')
        """
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Move to a CUDA device, the current one unless ``device`` says which.

        Raises: RuntimeError without a usable device, saying what is missing.

        >>> import minigrad as torch
        >>> net = torch.nn.Linear(2, 2)
        >>> net = net.cuda() if torch.cuda.is_available() else net
        """
        return self._apply(lambda t: t.cuda(device))

    def share_memory(self) -> Self:
        """Call ``share_memory_`` on every parameter and buffer.

        Processes that get the module then train the same numbers, as in Hogwild.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 1).share_memory().weight.is_shared()
        True
        """
        found: list[Tensor] = []

        def note(tensor: Tensor) -> Tensor:
            if is_lazy(tensor):
                tensor.share_memory_()  # which says why it can't
            found.append(tensor)
            return tensor

        self._apply(note)
        share(found)  # all at once: one descriptor, one search for others that look at them
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give all tensors new memory on a device, with no values in it.

        >>> import minigrad as torch
        >>> torch.nn.Linear(2, 1).to_empty(device="cpu").weight.shape
        torch.Size([1, 2])
        """
        from minigrad.functions import empty_like

        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def ipu(self, device: Any = None) -> NoReturn:
        """Refuse: minigrad runs on CPUs and on CUDA."""
        _refuse("IPU")

    def xpu(self, device: Any = None) -> NoReturn:
        """Refuse: minigrad runs on CPUs and on CUDA."""
        _refuse("XPU")

    def mtia(self, device: Any = None) -> NoReturn:
        """Refuse: minigrad runs on CPUs and on CUDA."""
        _refuse("MTIA")


def _destination(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The device, the dtype and the memory format that the arguments of ``to`` ask for."""
    first = args[0] if args else None
    names: tuple[str, ...] = ("device", "dtype", "non_blocking")
    if isinstance(first, Tensor):
        names = ("tensor", "non_blocking")
    elif isinstance(first, (Dtype, LeftOut, type)):
        names = ("dtype", "non_blocking")
    given = dict(zip(names, args, strict=False))
    known = {"device", "dtype", "tensor", "non_blocking", "memory_format"} - set(given)
    given |= {name: kwargs[name] for name in known & set(kwargs)}
    wrong = len(args) > len(names) or not known.issuperset(kwargs)
    wrong |= not isinstance(given.get("dtype"), (Dtype, LeftOut, type, NoneType))
    wrong |= not isinstance(given.get("non_blocking"), (bool, NoneType))
    if wrong:
        raise TypeError(
            "to() received an invalid combination of arguments; it takes (device, dtype), (dtype) "
            f"or (tensor), with non_blocking and memory_format; got {args} {kwargs}"
        )
    other = given.get("tensor")
    if other is not None:
        return other.device, other.dtype, given.get("memory_format")
    place = given.get("device")
    kind = given.get("dtype")
    return (
        None if place is None else Device(place),
        None if kind is None else as_dtype(kind),  # raises for the types that are left out
        given.get("memory_format"),
    )


def _refuse(kind: str) -> NoReturn:
    raise RuntimeError(f"{kind} devices are left out of minigrad; use 'cpu' or 'cuda'")
