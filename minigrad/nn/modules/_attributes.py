"""How a Module knows what was set on it: parameters, buffers and submodules by name.

A Module keeps three tables beside its ordinary attributes. Assignment sorts a value into the table
of its kind; reading falls back to the tables when no ordinary attribute has the name.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NoReturn

from minigrad.nn.modules import _global_hooks
from minigrad.nn.parameter import Buffer, Parameter
from minigrad.tensor import Tensor

_TABLES = ("_parameters", "_buffers", "_modules")

_HOOK_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def typename(value: Any) -> str:
    """The name of a value's type as torch's messages spell it: ``int``, ``torch.FloatTensor``."""
    if isinstance(value, Tensor):
        return str(value.type())
    named = value if hasattr(value, "__qualname__") else type(value)  # a class stands for itself
    module = getattr(named, "__module__", None)
    return (
        f"{named.__qualname__}"
        if module in ("builtins", None)
        else f"{module}.{named.__qualname__}"
    )


class ModuleAttributes:
    """The attribute protocol of ``Module``: registering, looking up and deleting its members."""

    # Whether ``__init__`` hands its arguments on, for a Module that has a second base class.
    call_super_init: bool = False

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs and not self.call_super_init:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                f"'{next(iter(kwargs))}'"
            )
        if args and not self.call_super_init:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but "
                f"{len(args) + 1} were given"
            )
        # Straight into __dict__: our own __setattr__ looks into the tables made here.
        fields = self.__dict__
        fields.update(training=True, _parameters={}, _buffers={}, _modules={})
        self._complete(fields)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def _complete(self, fields: dict[str, Any]) -> None:
        """Add the tables that are not there yet."""
        if "_non_persistent_buffers_set" not in fields:
            fields["_non_persistent_buffers_set"] = set()
        for table in _HOOK_TABLES:
            if table not in fields:
                fields[table] = OrderedDict()
        fields.setdefault("_is_full_backward_hook", None)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A file may come from a version that knew fewer kinds of hooks.
        self.__dict__.update(state)
        self._complete(self.__dict__)

    def __getattr__(self, name: str) -> Any:
        # Reached only when the ordinary look-up found nothing.
        fields = self.__dict__
        if "_parameters" in fields:
            if name in fields["_parameters"]:
                return fields["_parameters"][name]
            if name in fields["_buffers"]:
                return fields["_buffers"][name]
            if name in fields["_modules"]:
                return fields["_modules"][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._need_init("parameters")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
        elif isinstance(value, ModuleAttributes):
            if self._is_member("_parameters", name):
                self._refuse(value, "parameter", name, "torch.nn.Parameter or None")
            self._need_init("module")
            self._forget(name, "_parameters", "_buffers")
            self._modules[name] = _global_hooks.registered(
                _global_hooks.module_hooks, self, name, value
            )
        elif name in self.__dict__ and not isinstance(value, Buffer):  # the usual case
            object.__setattr__(self, name, value)
        elif self._is_member("_parameters", name):
            if value is not None:
                self._refuse(value, "parameter", name, "torch.nn.Parameter or None")
            self.register_parameter(name, None)
        elif self._is_member("_modules", name):
            if value is not None:
                self._refuse(value, "child module", name, "torch.nn.Module or None")
            self._modules[name] = _global_hooks.registered(
                _global_hooks.module_hooks, self, name, value
            )
        elif isinstance(value, Buffer) or self._is_member("_buffers", name):
            self._set_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for table in _TABLES:
            if self._is_member(table, name):
                del self.__dict__[table][name]
                if table == "_buffers":
                    self._non_persistent_buffers_set.discard(name)
                return
        if name not in self.__dict__ and not hasattr(type(self), name):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = [*object.__dir__(self), *self._parameters, *self._modules, *self._buffers]
        # Children of containers are named "0", "1", ...: not attributes that one could type.
        return sorted({name for name in names if not name[:1].isdigit()})

    def _is_member(self, table: str, name: str) -> bool:
        members = self.__dict__.get(table)
        return members is not None and name in members

    def _need_init(self, what: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")

    def _forget(self, name: str, *tables: str) -> None:
        """Drop every other meaning of a name that is about to be registered."""
        self.__dict__.pop(name, None)
        for table in tables:
            self.__dict__[table].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _refuse(self, value: Any, kind: str, name: str, wanted: str) -> NoReturn:
        raise TypeError(f"cannot assign '{typename(value)}' as {kind} '{name}' ({wanted} expected)")

    def _set_buffer(self, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            self._refuse(value, "buffer", name, "torch.nn.Buffer, torch.Tensor or None")
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        # A subclass's own register_buffer need not know of the third argument.
        self.register_buffer(name, value, *(() if persistent else (False,)))

    def _check_name(self, kind: str, name: Any, table: str) -> None:
        """Raise unless ``name`` can name a new member of ``table``."""
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if kind == "module":
            self._check_free(name, table)
        if "." in name:
            got = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if kind != "module":
            self._check_free(name, table)

    def _check_free(self, name: str, table: str) -> None:
        if hasattr(self, name) and name not in self.__dict__[table]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``; ``None`` reserves the name, as ``bias=False`` does.

        Raises: KeyError for a name that is taken, empty or dotted, TypeError for a plain tensor.

        >>> import minigrad as torch
        >>> module = torch.nn.Module()
        >>> module.register_parameter("scale", torch.nn.Parameter(torch.ones(1)))
        >>> [name for name, _ in module.named_parameters()]
        ['scale']
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        if param is not None:
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            hooks = _global_hooks.parameter_hooks
            param = _global_hooks.registered(hooks, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that moves and is saved with the module but is not trained.

        ``persistent=False`` leaves it out of ``state_dict()``.

        >>> import minigrad as torch
        >>> module = torch.nn.Module()
        >>> module.register_buffer("count", torch.zeros(1))
        >>> module.count
        tensor([0.])
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        hooks = _global_hooks.buffer_hooks
        self._buffers[name] = _global_hooks.registered(hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Any) -> None:
        """Add a submodule under ``name``, which may hold blanks but no dot.

        >>> import minigrad as torch
        >>> net = torch.nn.Sequential()
        >>> net.add_module("block 0", torch.nn.ReLU())
        >>> net
        Sequential(
          (block 0): ReLU()
        )
        """
        if module is not None and not isinstance(module, ModuleAttributes):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        hooks = _global_hooks.module_hooks
        self._modules[name] = _global_hooks.registered(hooks, self, name, module)

    def register_module(self, name: str, module: Any) -> None:
        """Another name of ``add_module``.

        >>> import minigrad as torch
        >>> net = torch.nn.Module()
        >>> net.register_module("act", torch.nn.ReLU())
        """
        self.add_module(name, module)

    def get_submodule(self, target: str) -> Any:
        """The submodule at a dotted path; the empty path is the module itself.

        >>> import minigrad as torch
        >>> net = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Tanh()))
        >>> net.get_submodule("0.0")
        Tanh()
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, ModuleAttributes):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put ``module`` at a dotted path; ``strict`` asks that something is there already.

        >>> import minigrad as torch
        >>> net = torch.nn.Sequential(torch.nn.Tanh())
        >>> net.set_submodule("0", torch.nn.ReLU())
        >>> net[0]
        ReLU()
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, ModuleAttributes):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), ModuleAttributes):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        >>> import minigrad as torch
        >>> torch.nn.Sequential(torch.nn.Linear(2, 3)).get_parameter("0.weight").shape
        torch.Size([3, 2])
        """
        found = self._get_tensor(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{target.rpartition('.')[2]}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path.

        >>> import minigrad as torch
        >>> torch.nn.BatchNorm1d(2).get_buffer("running_mean")
        tensor([0., 0.])
        """
        path, _, name = target.rpartition(".")
        found = self._get_tensor(target)
        if name not in self.get_submodule(path)._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        buffer: Tensor = found
        return buffer

    def _get_tensor(self, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        return getattr(module, name)
