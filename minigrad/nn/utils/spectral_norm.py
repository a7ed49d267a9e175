"""A weight divided by its largest singular value, by a hook that estimates it before each forward.

The older form; ``parametrizations.spectral_norm`` is its successor.
Source: Miyato et al., Spectral normalization for generative adversarial networks, 2018.
"""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad import functions, linalg
from minigrad.autograd import no_grad
from minigrad.nn.functional import normalize
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter, is_lazy
from minigrad.tensor import Tensor

__all__ = [
    "SpectralNorm",
    "SpectralNormLoadStateDictPreHook",
    "SpectralNormStateDictHook",
    "remove_spectral_norm",
    "spectral_norm",
]

Kind = TypeVar("Kind", bound=Module)


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with one dimension as rows and all others as columns."""
    if dim != 0:
        weight = weight.permute(dim, *(d for d in range(weight.ndim) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def need_positive(n_power_iterations: int) -> None:
    """Raise torch's error for a number of iterations that is none."""
    if n_power_iterations <= 0:
        raise ValueError(
            "Expected n_power_iterations to be positive, but "
            f"got n_power_iterations={n_power_iterations}"
        )


def output_dim(module: Module) -> int:
    """The dimension of a layer's weight that counts its outputs."""
    # By name: transposed convolutions of one, two and three dimensions have no class in common.
    return int(any(kind.__name__.startswith("ConvTranspose") for kind in type(module).__mro__))


class SpectralNorm:
    """The hook that computes a weight from ``name_orig`` and two singular vectors.

    >>> from minigrad.nn.utils.spectral_norm import SpectralNorm
    >>> SpectralNorm().n_power_iterations
    1
    """

    _version: int = 1

    def __init__(
        self,
        name: str = "weight",
        n_power_iterations: int = 1,
        dim: int = 0,
        eps: float = 1e-12,
    ) -> None:
        self.name = name
        self.dim = dim
        need_positive(n_power_iterations)
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """The weight as a matrix with one row for each output."""
        return as_matrix(weight, self.dim)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The original weight over its largest singular value, u^T W v."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    # Into the buffers' own memory, which the replicas of a model may share.
                    v.copy_(normalize(functions.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(normalize(functions.mv(matrix, v), dim=0, eps=self.eps))
                # Backward needs the vectors of this call when the next has moved on.
                u, v = u.clone(), v.clone()
        sigma = functions.dot(u, functions.mv(matrix, v))
        divided: Tensor = weight / sigma
        return divided

    def remove(self, module: Module) -> None:
        """Make the quotient a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for suffix in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        """Set the weight before a forward."""
        setattr(module, self.name, self.compute_weight(module, module.training))

    def _solve_v_and_rescale(self, matrix: Tensor, u: Tensor, target_sigma: Tensor) -> Tensor:
        """The v that old files lack: the least-squares solution, scaled to the sigma they used."""
        solved = linalg.multi_dot(
            [matrix.t().mm(matrix).pinverse(), matrix.t(), u.unsqueeze(1)]
        ).squeeze(1)
        fitting: Tensor = solved * (target_sigma / functions.dot(u, functions.mv(matrix, solved)))
        return fitting

    @staticmethod
    def apply(
        module: Module, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Keep a parameter as ``name_orig``, draw the vectors and register the hooks."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        made = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make "
                "sure to run the dummy forward before applying spectral normalization"
            )
        with no_grad():
            sizes = made.reshape_weight_to_matrix(weight).shape
            u, v = (
                normalize(weight.new_empty(size).normal_(0, 1), dim=0, eps=eps) for size in sizes
            )
        delattr(module, name)
        module.register_parameter(f"{name}_orig", weight)
        # A plain attribute until the first forward, so that the module looks the same meanwhile.
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(made)
        module._register_state_dict_hook(SpectralNormStateDictHook(made))
        module._register_load_state_dict_pre_hook(SpectralNormLoadStateDictPreHook(made))
        return made


class SpectralNormLoadStateDictPreHook:
    """Brings files of before version 1, which had no v, up to date.

    >>> from minigrad.nn.utils.spectral_norm import SpectralNormLoadStateDictPreHook, SpectralNorm
    >>> hook = SpectralNormLoadStateDictPreHook(SpectralNorm())
    """

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Add v to the state dict if it is not there."""
        name = self.fn.name
        version = local_metadata.get("spectral_norm", {}).get(f"{name}.version")
        if version is not None and version >= 1:
            return
        key = prefix + name
        is_new = all(key + suffix in state_dict for suffix in ("_orig", "_u", "_v"))
        if version is None and is_new and key not in state_dict:
            return  # only the note of the version was lost
        missing = [key + s for s in ("_orig", "", "_u") if key + s not in state_dict]
        if missing:
            if strict:
                missing_keys.extend(missing)
            return
        with no_grad():
            original = state_dict[f"{key}_orig"]
            sigma = (original / state_dict.pop(key)).mean()
            matrix = self.fn.reshape_weight_to_matrix(original)
            u = state_dict[f"{key}_u"]
            state_dict[f"{key}_v"] = self.fn._solve_v_and_rescale(matrix, u, sigma)


class SpectralNormStateDictHook:
    """Notes the version in a state dict.

    >>> from minigrad.nn.utils.spectral_norm import SpectralNormStateDictHook, SpectralNorm
    >>> hook = SpectralNormStateDictHook(SpectralNorm())
    """

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(self, module: Any, state_dict: Any, prefix: str, local_metadata: Any) -> None:
        """Write the version into the metadata."""
        versions = local_metadata.setdefault("spectral_norm", {})
        key = f"{self.fn.name}.version"
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = self.fn._version


def spectral_norm(
    module: Kind,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Kind:
    """Keep a layer's weight at a largest singular value of one.

    w = W / sigma(W), where sigma is estimated by power iteration, one step for each forward in
    training mode. ``dim`` counts the outputs: 1 for transposed convolutions, else 0.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.spectral_norm(torch.nn.Linear(3, 2))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    rows = output_dim(module) if dim is None else dim
    SpectralNorm.apply(module, name, n_power_iterations, rows, eps)
    return module


def remove_spectral_norm(module: Kind, name: str = "weight") -> Kind:
    """Make a weight an ordinary parameter again.

    Raises: ValueError if ``spectral_norm`` had not been applied to it.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.spectral_norm(torch.nn.Linear(3, 2))
    >>> list(torch.nn.utils.remove_spectral_norm(layer).state_dict())
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    noted: Any = (SpectralNormStateDictHook, SpectralNormLoadStateDictPreHook)
    for table in (module._state_dict_hooks, module._load_state_dict_pre_hooks):
        for key, (hook, _) in list(table.items()):
            if isinstance(hook, noted) and hook.fn.name == name:
                del table[key]
    return module
