"""How a list of samples becomes a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad import functions
from minigrad.backend.native import join_rows
from minigrad.dtypes import float64
from minigrad.tensor import Tensor
from minigrad.utils.data.worker_info import Here

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

CollateMap = dict[Any, Callable[..., Any]]


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples: tensors, arrays and numbers along a new first axis, containers entry-wise.

    Tuples and lists become lists, named tuples and mappings stay what they are, text is kept.
    Python floats give float64 tensors, as in torch.

    Raises: TypeError for samples of another type, RuntimeError for sequences of unequal length.

    >>> import minigrad as torch
    >>> torch.utils.data.default_collate([(torch.ones(2), 0), (torch.zeros(2), 1)])
    [tensor([[1., 1.],
            [0., 0.]]), tensor([0, 1])]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Collate with a rule per type; containers are gone through as by ``default_collate``.

    >>> import minigrad as torch
    >>> rules = {int: lambda batch, *, collate_fn_map: sum(batch)}
    >>> torch.utils.data.collate.collate([(1, 2), (3, 4)], collate_fn_map=rules)
    [4, 6]
    """
    first = batch[0]
    rule = _rule_for(first, collate_fn_map)
    if rule is not None:
        return rule(batch, collate_fn_map=collate_fn_map)

    def again(samples: Sequence[Any]) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _rebuild_mapping(first, {key: again([d[key] for d in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(again(samples) for samples in zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        entries = [again(samples) for samples in zip(*batch, strict=True)]
        # Tuples come out as lists: programs unpack and index batches, and torch made them so.
        return entries if isinstance(first, tuple) else _rebuild_sequence(first, entries)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def _rule_for(sample: Any, rules: CollateMap | None) -> Callable[..., Any] | None:
    if rules is None:
        return None
    exact = rules.get(type(sample))
    if exact is not None:
        return exact
    return next((rule for kind, rule in rules.items() if isinstance(sample, kind)), None)


def _rebuild_mapping(like: Any, entries: dict[Any, Any]) -> Any:
    """The entries in a mapping of the samples' type, or a dict where that is impossible."""
    try:
        if isinstance(like, MutableMapping):
            made: Any = copy.copy(like)  # a copy, because the type may carry more than its entries
            made.update(entries)
            return made
        return type(like)(entries)
    except TypeError:
        return entries


def _rebuild_sequence(like: Any, entries: list[Any]) -> Any:
    """The entries in a sequence of the samples' type, or a list where that is impossible."""
    try:
        if isinstance(like, MutableSequence):
            made: Any = copy.copy(like)
            for i, entry in enumerate(entries):
                made[i] = entry
            return made
        return type(like)(entries)
    except TypeError:
        return entries


def _stack_tensors(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Any:
    # Data without history is the usual case.
    arrays = [
        tensor._array
        for tensor in batch
        if isinstance(tensor, Tensor)
        and tensor._node is None
        and ((view := tensor._view) is None or view.base._node is None is view.base._view)
    ]
    rows = _joined(arrays) if len(arrays) == len(batch) else None
    return functions.stack(list(batch), 0) if rows is None else Tensor._wrap(rows)


def _stack_arrays(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    first = batch[0]
    if first.dtype.kind in "SaUO":
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
            f"found {first.dtype}"
        )
    kept = functions.as_tensor(first)._array.dtype is first.dtype  # or raises, for some dtypes
    if kept and collate_fn_map is not None and collate_fn_map.get(Tensor) is _stack_tensors:
        rows = _joined(list(batch))
        if rows is not None:
            return Tensor._wrap(rows)
    return collate([functions.as_tensor(b) for b in batch], collate_fn_map=collate_fn_map)


def _joined(arrays: list[Any]) -> Any:
    """Arrays stacked by one call, several times faster than by an op; None if they differ."""
    first = arrays[0]
    if type(first) is not np.ndarray:
        return None
    rows = Here.empty((len(arrays), *first.shape), first.dtype)
    if join_rows(arrays, rows):
        return rows
    if set(map(type, arrays)) != {np.ndarray}:
        return None
    if not first.shape:
        same = all(array.dtype is first.dtype and not array.shape for array in arrays)
        return np.array(arrays, first.dtype) if same else None
    try:  # which also compares dimensions and dtypes
        if set(map(len, arrays)) != {len(first)}:
            return None
        np.concatenate(arrays, out=rows.reshape(-1, *first.shape[1:]), casting="no")
    except (TypeError, ValueError):
        return None
    return rows


def _stack_array_scalars(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    return functions.as_tensor(np.array(batch))


def _stack_floats(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Any:
    if set(map(type, batch)) == {float}:
        return Tensor._wrap(np.array(batch))
    return functions.tensor(list(batch), dtype=float64)


def _stack_ints(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Any:
    if set(map(type, batch)) == {int}:
        with suppress(OverflowError):
            return Tensor._wrap(np.array(batch, np.int64))
    return functions.tensor(list(batch))


def _keep(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: _stack_tensors,
    np.ndarray: _stack_arrays,
    (np.bool_, np.number, np.object_): _stack_array_scalars,
    float: _stack_floats,
    int: _stack_ints,
    str: _keep,
    bytes: _keep,
}


def default_convert(data: Any) -> Any:
    """Turn the arrays in a sample into tensors, going through containers; the rest is kept.

    >>> import minigrad as torch, numpy as np
    >>> torch.utils.data.default_convert({"x": np.ones(2), "name": "a"})
    {'x': tensor([1., 1.], dtype=torch.float64), 'name': 'a'}
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        textual = isinstance(data, np.ndarray) and data.dtype.kind in "SaUO"
        return data if textual else functions.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuild_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple):
        entries = [default_convert(entry) for entry in data]
        return type(data)(*entries) if hasattr(data, "_fields") else entries
    if isinstance(data, Sequence):
        return _rebuild_sequence(data, [default_convert(entry) for entry in data])
    return data
