"""Which of equal elements a selection of the k first takes: the order that torch's leaves them in.

torch selects by the C++ library's `nth_element` and `sort`, or by `partial_sort` where few of many
are wanted. None is stable, but all are determined; here they run on ranks, equal ranks for equal
elements.

Source: Musser, Introspective sorting and selection algorithms, 1997, in the form of GNU libstdc++.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.backend import Array

SHORT = 16  # what is not longer is left to one insertion sort at the end
MANY = 1 << 16  # elements of rows with ties; where there are more, the first of equal ones wins


def as_torch_ties(x: Array, places: Array, dim: int, largest: bool) -> Array:
    """The places of the k first along an axis, with those of equal elements as torch picks them."""
    if not places.size:
        return places
    rows, found = _rows(x, dim), _rows(places, dim)
    if rows.dtype.itemsize == 2 and rows.dtype.kind in "fV":
        rows = rows.astype(np.float32)
    taken = rows[np.arange(len(rows))[:, None], found]
    if not _tied(rows, taken, None):  # the usual answer, sooner than one for each row
        return places
    tied = _tied(rows, taken, 1)
    if tied.sum() * rows.shape[1] > MANY:
        return places
    found = found.copy()
    for row in np.flatnonzero(tied):
        ranks: Any = np.unique(rows[row], return_inverse=True)[1].reshape(-1)  # NaNs are the last
        ranks = ranks.max() - ranks if largest else ranks
        found[row] = select(ranks.tolist(), found.shape[1]) or found[row]
    shape = np.moveaxis(places, dim, -1).shape
    return np.moveaxis(found.reshape(shape), -1, dim)


def _rows(x: Array, dim: int) -> Array:
    """The lines along an axis, below each other."""
    last = x if dim == x.ndim - 1 else np.moveaxis(x, dim, -1)
    return last.reshape(-1, x.shape[dim])


def _tied(rows: Array, taken: Array, axis: int | None) -> Any:
    """In which rows (axis 1), or whether in any (None), what was taken is NaN or has an equal.

    >>> rows = np.array([[3, 2, 2], [3, 2, 1]])
    >>> _tied(rows, rows[:, :2], 1)
    array([ True, False])
    """
    least = taken[:, -1:]
    within = np.count_nonzero(taken[:, 1:] == taken[:, :-1], axis)
    within += np.count_nonzero(taken != taken, axis)
    equal, chosen = np.count_nonzero(rows == least, axis), np.count_nonzero(taken == least, axis)
    return within + equal > chosen


def select(ranks: list[int], k: int) -> list[int] | None:
    """The places of the k lowest ranks in order; None where the C++ library would give up halving.

    >>> select([1, 0, 1, 0], 2), select([2, 1, 1, 2, 2], 3)
    ([1, 3], [1, 2, 0])
    """
    pairs = list(zip(ranks, range(len(ranks)), strict=True))
    if 64 * k <= len(pairs):
        _partial_sort(pairs, k)
    elif not (_nth_element(pairs, k - 1) and _sort(pairs, k - 1)):
        return None
    return [place for _, place in pairs[:k]]


_Pairs = list[tuple[int, int]]


def _limit(count: int) -> int:
    return 2 * (count.bit_length() - 1)


def _nth_element(a: _Pairs, nth: int) -> bool:
    """Put the element in place that belongs there; whether that went without a heap."""
    first, last, depth = 0, len(a), _limit(len(a))
    while last - first > 3:
        if depth == 0:
            return False
        depth -= 1
        cut = _partition(a, first, last)
        if cut <= nth:
            first = cut
        else:
            last = cut
    _insertion_sort(a, first, last)
    return True


def _sort(a: _Pairs, count: int) -> bool:
    """Sort the first elements; whether that went without a heap."""
    waiting = [(0, count, _limit(count) if count else 0)]
    while waiting:
        first, last, depth = waiting.pop()
        while last - first > SHORT:
            if depth == 0:
                return False
            depth -= 1
            cut = _partition(a, first, last)
            waiting.append((cut, last, depth))
            last = cut
    _insertion_sort(a, 0, count)
    return True


def _partition(a: _Pairs, first: int, last: int) -> int:
    """Part a range at the median of three of its elements."""
    middle = _median(a, first + 1, first + (last - first) // 2, last - 1)
    a[first], a[middle] = a[middle], a[first]
    pivot = a[first][0]
    low, high = first + 1, last
    while True:
        while a[low][0] < pivot:
            low += 1
        high -= 1
        while pivot < a[high][0]:
            high -= 1
        if low >= high:
            return low
        a[low], a[high] = a[high], a[low]
        low += 1


def _median(a: _Pairs, x: int, y: int, z: int) -> int:
    """The place of the median, asked in the C++ library's order."""
    if a[x][0] < a[y][0]:
        return y if a[y][0] < a[z][0] else z if a[x][0] < a[z][0] else x
    return x if a[x][0] < a[z][0] else z if a[y][0] < a[z][0] else y


def _insertion_sort(a: _Pairs, first: int, last: int) -> None:
    a[first:last] = sorted(a[first:last], key=lambda pair: pair[0])  # both are stable


def _partial_sort(a: _Pairs, k: int) -> None:
    """Sort the k first to the front, by a heap of k."""
    for parent in reversed(range(k // 2)):
        _sift(a, parent, k, a[parent])
    for i in range(k, len(a)):
        if a[i][0] < a[0][0]:
            value, a[i] = a[i], a[0]
            _sift(a, 0, k, value)
    for end in range(k - 1, 0, -1):
        value, a[end] = a[end], a[0]
        _sift(a, 0, end, value)


def _sift(a: _Pairs, hole: int, count: int, value: tuple[int, int]) -> None:
    """Let a hole sink to a leaf of the heap, and a value rise from there."""
    top, child = hole, hole
    while child < (count - 1) // 2:
        child = 2 * (child + 1)
        if a[child][0] < a[child - 1][0]:
            child -= 1
        a[hole], hole = a[child], child
    if count % 2 == 0 and child == (count - 2) // 2:
        child = 2 * child + 1
        a[hole], hole = a[child], child
    parent = (hole - 1) // 2
    while hole > top and a[parent][0] < value[0]:
        a[hole], hole = a[parent], parent
        parent = (hole - 1) // 2
    a[hole] = value
