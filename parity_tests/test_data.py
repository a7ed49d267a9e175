"""utils.data: orders, batches and messages are torch's for the same seed."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections import OrderedDict, UserDict, namedtuple
from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.sidebyside import both_agree, raised

Point = namedtuple("Point", ["x", "y"])


def rows(torch: Any, count: int = 17) -> Any:
    return torch.utils.data.TensorDataset(torch.arange(float(count)), torch.arange(count))


def seeded(torch: Any, seed: int = 5) -> Any:
    generator = torch.Generator()
    generator.manual_seed(seed)
    return generator


class PlainRows:
    """A dataset that is not made of tensors, so that no loader can take a short cut."""

    def __init__(self, torch: Any, count: int = 17) -> None:
        self.torch, self.count = torch, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Any:
        return self.torch.full((2,), float(i)), i, {"name": str(i)}


LOADERS = [
    "batch_size=3",
    "batch_size=3, shuffle=True",
    "batch_size=3, shuffle=True, drop_last=True",
    "batch_size=3, shuffle=True, generator=G",
    "batch_size=None",
    "batch_size=None, shuffle=True",
    "sampler=D.SubsetRandomSampler([4, 1, 9, 3]), batch_size=2",
    "sampler=D.SubsetRandomSampler([4, 1, 9, 3], generator=G)",
    "sampler=[3, 1, 3], batch_size=2",
    "sampler=D.RandomSampler(data, replacement=True, num_samples=70), batch_size=16",
    "sampler=D.RandomSampler(data, num_samples=40), batch_size=16",
    "sampler=D.RandomSampler(data, num_samples=5, generator=G)",
    "batch_sampler=D.BatchSampler(D.RandomSampler(data), 4, True)",
    "batch_sampler=[[3, 1], [2]]",
    "shuffle=True, batch_size=4, collate_fn=lambda batch: [len(batch), type(batch[0]).__name__]",
]


@pytest.mark.parametrize("make", [rows, PlainRows])
@pytest.mark.parametrize("seed", [0, 2023])
@pytest.mark.parametrize("options", LOADERS)
@both_agree
def test_batches_of_two_epochs(torch: Any, options: str, seed: int, make: Any) -> Any:
    D = torch.utils.data
    data = make(torch)
    torch.manual_seed(seed)
    names = {"D": D, "data": data, "G": seeded(torch)}
    loader = eval(f"D.DataLoader(data, {options})", names)
    epochs = [list(loader), list(loader)]
    return [len(loader), epochs, torch.rand(1).item()]


@both_agree
def test_a_loader_that_is_left_early_uses_the_same_draws(torch: Any) -> Any:
    torch.manual_seed(1)
    loader = torch.utils.data.DataLoader(rows(torch), 4, shuffle=True)
    first = next(iter(loader))
    iter(loader)
    return [first, next(iter(loader)), torch.rand(1).item()]


SAMPLERS = [
    "SequentialSampler(data)",
    "RandomSampler(data)",
    "RandomSampler(data, generator=G)",
    "RandomSampler(data, True, 70)",
    "RandomSampler(data, True, 64, G)",
    "RandomSampler(data, False, 40)",
    "RandomSampler(data, False, 34, G)",
    "SubsetRandomSampler([3, 5, 7, 9])",
    "WeightedRandomSampler([0.1, 0.3, 0.6], 20)",
    "WeightedRandomSampler([1.0, 2.0, 3.0], 3, False, G)",
    "BatchSampler(RandomSampler(data), 5, False)",
    "BatchSampler(range(17), 5, True)",
]


@pytest.mark.parametrize("made", SAMPLERS)
@both_agree
def test_samplers(torch: Any, made: str) -> Any:
    torch.manual_seed(3)
    names = {**vars(torch.utils.data), "data": rows(torch), "G": seeded(torch)}
    sampler = eval(made, names)
    return [len(sampler), list(sampler), list(sampler), torch.rand(1).item()]


@pytest.mark.parametrize(
    "lengths", [[10, 7], [0.5, 0.5], [0.3, 0.3, 0.4], [0, 17], [3, 3], [1.5, -0.5]]
)
@both_agree
def test_random_split(torch: Any, lengths: list[Any]) -> Any:
    D, data = torch.utils.data, rows(torch)
    if raised(lambda: D.random_split(data, lengths)) != "no error":
        return raised(lambda: D.random_split(data, lengths))
    torch.manual_seed(2)
    parts = [D.random_split(data, lengths), D.random_split(data, lengths, generator=seeded(torch))]
    return [[list(part.indices) for part in split] for split in parts]


@both_agree
def test_random_split_warns_of_an_empty_part(torch: Any) -> Any:
    with pytest.warns(UserWarning, match="Length of split at index 2 is 0"):
        parts = torch.utils.data.random_split(rows(torch, 3), [0.6, 0.4, 0.0])
    return [len(part) for part in parts]


@both_agree
def test_datasets(torch: Any) -> Any:
    D, data = torch.utils.data, rows(torch, 5)
    joined = data + D.Subset(data, [4, 2])
    nested = D.Subset(D.Subset(data, [3, 1, 2]), [2, 0])
    torch.manual_seed(0)
    return [
        [len(data), data[1], data[-1], data[1:3]],
        [len(joined), joined[5], joined[-1], joined.cumulative_sizes],
        [len(nested), nested[0], list(D.DataLoader(nested, batch_size=2, shuffle=True))],
        D.Subset(data, [4, 2, 0])[[0, 2]],
        list(D.DataLoader(joined, batch_size=3)),
        [x for x, _ in D.Subset(data, [0, 1])],
        raised(lambda: joined[-20]),
        raised(lambda: D.ConcatDataset([])),
        raised(lambda: D.TensorDataset(torch.ones(2), torch.ones(3))),
        raised(lambda: D.Dataset()[0]),
    ]


@both_agree
def test_iterable_datasets(torch: Any) -> Any:
    D = torch.utils.data

    class Stream(D.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(5))

    class Sized(Stream):
        def __len__(self) -> int:
            return 5

    loaders = [
        D.DataLoader(Stream(), batch_size=2),
        D.DataLoader(Stream(), batch_size=2, drop_last=True),
        D.DataLoader(Stream(), batch_size=None),
        D.DataLoader(Sized(), batch_size=2),
        D.DataLoader(Sized(), batch_size=2, drop_last=True),
    ]
    torch.manual_seed(0)
    return [
        [list(loader) for loader in loaders],
        [len(loader) for loader in loaders[3:]],
        raised(lambda: len(loaders[0])),
        raised(lambda: D.DataLoader(Stream(), shuffle=True)),
        raised(lambda: D.DataLoader(Stream(), sampler=[1])),
        raised(lambda: D.DataLoader(Stream(), batch_sampler=[[1]])),
        raised(lambda: D.ConcatDataset([Stream()])),
        torch.rand(1).item(),
    ]


@both_agree
def test_streams_one_after_the_other(torch: Any) -> Any:
    D = torch.utils.data

    class Stream(D.IterableDataset):
        def __init__(self, size: int) -> None:
            self.size = size

        def __iter__(self) -> Any:
            return iter(range(self.size))

        def __len__(self) -> int:
            return self.size

    chain = Stream(3) + Stream(2)
    mixed = D.ChainDataset([Stream(1), rows(torch)])
    return [
        type(chain).__name__,
        [list(chain), list(chain), len(chain)],
        list(D.DataLoader(chain, batch_size=2)),
        raised(lambda: list(mixed)),
        raised(lambda: len(mixed)),
        raised(lambda: D.ChainDataset([[1]]) + 1),
    ]


@both_agree
def test_a_stream_longer_than_it_said(torch: Any) -> Any:
    D = torch.utils.data

    class Stream(D.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(5))

        def __len__(self) -> int:
            return 3

        def __repr__(self) -> str:
            return "Stream"

    loader = D.DataLoader(Stream(), batch_size=None)
    quiet = list(loader)
    said = len(loader)
    with pytest.warns(UserWarning) as warned:
        loud = list(loader)
    return [quiet, said, loud, [str(w.message) for w in warned]]


@both_agree
def test_datasets_side_by_side(torch: Any) -> Any:
    D, data = torch.utils.data, rows(torch, 5)

    class Fast(list):
        def __getitems__(self, indices: list[int]) -> list[Any]:
            return [self[i] * 10 for i in indices]

    class Wrong(list):
        def __getitems__(self, indices: list[int]) -> list[Any]:
            return []

    stacks = [
        D.StackDataset(data, range(5)),
        D.StackDataset(a=data, b=[7, 8, 9, 10, 11]),
        D.StackDataset(Fast(range(5)), D.Subset(data, [4, 3, 2, 1, 0])),
        D.StackDataset(x=Fast(range(5))),
    ]
    return [
        [len(stack) for stack in stacks],
        [stack[-2] for stack in stacks],
        [stack.__getitems__([3, 0]) for stack in stacks],
        [list(D.DataLoader(stack, 3)) for stack in stacks],
        raised(lambda: D.StackDataset()),
        raised(lambda: D.StackDataset(data, a=data)),
        raised(lambda: D.StackDataset(data, [1])),
        raised(lambda: D.StackDataset(a=data, b=[1])),
        raised(lambda: D.StackDataset(Wrong(range(5))).__getitems__([1])),
        raised(lambda: D.StackDataset(a=Wrong(range(5))).__getitems__([1])),
    ]


@both_agree
def test_a_subset_that_overrides_half(torch: Any) -> Any:
    class Half(torch.utils.data.Subset):
        def __getitem__(self, i: int) -> Any:
            return 0

    class Whole(Half):
        def __getitems__(self, indices: list[int]) -> Any:
            return [self[i] for i in indices]

    loader = torch.utils.data.DataLoader(Whole([5, 6], [1, 0]), 2)
    return [raised(lambda: Half([5, 6], [1])), list(loader)]


@pytest.mark.parametrize("indices", ["range(4)", "np.array([3, 1])", "torch.tensor([3, 1])"])
@both_agree
def test_rows_by_other_kinds_of_indices(torch: Any, indices: str) -> Any:
    D = torch.utils.data
    part = D.Subset(rows(torch), eval(indices, {"np": np, "torch": torch}))
    batches = [[0, 1], [np.int64(1)], [torch.tensor(0)], [-1], [True]]
    wrong = D.DataLoader(rows(torch), batch_sampler=[[1, 17]])
    empty = D.DataLoader(rows(torch), batch_sampler=[[]])
    names = [D.DataLoader(rows(torch), batch_sampler=[["a"]])]
    return [
        list(D.DataLoader(part, batch_sampler=batches)),
        list(D.DataLoader(rows(torch), batch_sampler=batches)),
        raised(lambda: list(wrong)),
        raised(lambda: list(empty)),
        raised(lambda: list(names[0])).split(":")[0],
    ]


@both_agree
def test_rows_of_every_layout(torch: Any) -> Any:
    D, x = torch.utils.data, torch.arange(24.0).reshape(2, 3, 4)
    forms = [x.permute(2, 0, 1), x.transpose(0, 1), x[:, ::2], x.expand(2, 3, 4), x.flip(0)]
    forms += [x.bool(), x.half(), x.bfloat16(), x.reshape(-1), x[:, :0]]
    batches = [next(iter(D.DataLoader(D.TensorDataset(f), 2, shuffle=True))) for f in forms]
    return [[b.float(), list(b.stride()), str(b.dtype)[-8:]] for (b,) in batches]


SAMPLES = [
    "[1, 2]",
    "[1.5, 2]",
    "[True, False]",
    "['a', 'b']",
    "[b'a']",
    "[(1, 2.0), (3, 4.0)]",
    "[[1, 2], [3, 4]]",
    "[{'a': 1, 'b': [1, 2]}, {'a': 2, 'b': [3, 4]}]",
    "[OrderedDict(a=1), OrderedDict(a=2)]",
    "[UserDict(a=1), UserDict(a=2)]",
    "[Point(1, torch.ones(2)), Point(2, torch.zeros(2))]",
    "[np.ones(2), np.zeros(2)]",
    "[np.float32(1), np.float64(2)]",
    "[np.int32(1)]",
    "[np.bool_(True)]",
    "[np.array(1)]",
    "[np.array(['a'])]",
    "[torch.ones(1), torch.zeros(1)]",
    "[torch.tensor(1), torch.tensor(2)]",
    "[torch.ones(2, 3, dtype=torch.float64)]",
    "[range(2), range(2)]",
    "[(), ()]",
    "[None]",
    "[[1], [1, 2]]",
    "[torch.ones(2), torch.ones(3)]",
    "[torch.ones(2, 3), torch.ones(3, 2)]",
    "[torch.ones(3, 1), torch.ones(1, 3)]",
    "[torch.ones(1), torch.ones(1, dtype=torch.float64)]",
    "[torch.ones(1), torch.tensor(1)]",
    "[torch.tensor(1), torch.tensor(1.5)]",
    "[torch.ones(3)[::2], torch.ones(4)[:2]]",
    "[np.ones(2), np.zeros(3)]",
    "[np.ones(2), np.zeros(2, np.float32)]",
    "[np.ones(2, '>f4').astype('<f4'), np.ones(2, np.float32)]",
    "[np.ones(2, np.uint16), np.ones(2, np.uint16)]",
    "[2**70, 1]",
    "[True, 2]",
    "[1, 2.5]",
    "[2.5, 1]",
    "[np.float64(1), 2.0]",
]


@pytest.mark.parametrize("samples", SAMPLES)
@both_agree
def test_collating(torch: Any, samples: str) -> Any:
    names = {"Point": Point, "OrderedDict": OrderedDict, "UserDict": UserDict, "np": np}
    batch = eval(samples, {**names, "torch": torch})
    D = torch.utils.data
    error = raised(lambda: D.default_collate(batch))
    converted = [D.default_convert(sample) for sample in batch]
    return [D.default_collate(batch) if error == "no error" else error, converted]


@both_agree
def test_a_batch_of_gradients_flows_back(torch: Any) -> Any:
    x = torch.ones(4, requires_grad=True)
    data = torch.utils.data.TensorDataset(x)
    for (batch,) in torch.utils.data.DataLoader(data, batch_size=3):
        (batch * 2).sum().backward()
    return x.grad


ERRORS = [
    "DataLoader(data, num_workers=-1)",
    "DataLoader(data, timeout=-1)",
    "DataLoader(data, prefetch_factor=2)",
    "DataLoader(data, persistent_workers=True)",
    "DataLoader(data, shuffle=True, sampler=[1])",
    "DataLoader(data, batch_sampler=[[1]], batch_size=2)",
    "DataLoader(data, batch_size=None, drop_last=True)",
    "DataLoader(data, batch_size=0)",
    "DataLoader(data, batch_size=2.5)",
    "DataLoader(data, drop_last=3)",
    "DataLoader([], shuffle=True)",
    "setattr(DataLoader(data), 'batch_size', 3)",
    "RandomSampler(data, replacement=3)",
    "RandomSampler(data, num_samples=0)",
    "WeightedRandomSampler([1, 2], 0)",
    "WeightedRandomSampler([[1.0]], 1)",
    "WeightedRandomSampler([1.0], 1, 3)",
    "DataLoader(data, prefetch_factor=-1, num_workers=1)",
    "list(DataLoader(data, timeout=1))",
    "DataLoader(data, multiprocessing_context='fork')",
    "DataLoader(data, multiprocessing_context='spork', num_workers=1)",
    "DataLoader(data, multiprocessing_context=3, num_workers=1)",
    "setattr(DataLoader(data), 'persistent_workers', True)",
    "iter(DataLoader(data)).__getstate__()",
    "DistributedSampler(data, 2, 2)",
    "DistributedSampler(data, 2, -1)",
    "len(DataLoader(data, sampler=iter([1])))",
]


@pytest.mark.parametrize("call", ERRORS)
@both_agree
def test_errors(torch: Any, call: str) -> Any:
    return raised(lambda: eval(call, {**vars(torch.utils.data), "data": rows(torch)}))


@pytest.mark.parametrize("make", [rows, PlainRows])
def test_an_epoch_dies_without_the_garbage_collector(make: Any) -> None:
    loader = minigrad.utils.data.DataLoader(make(minigrad), 4, shuffle=True)
    gc.collect()
    gc.disable()
    try:
        epoch = iter(loader)
        gone = weakref.ref(epoch)
        list(epoch)
        del epoch
        assert gone() is None
    finally:
        gc.enable()


def test_a_list_is_a_dataset_and_batches_are_lists() -> None:
    torch = minigrad
    loader = torch.utils.data.DataLoader([(torch.ones(2), 1), (torch.zeros(2), 0)], batch_size=64)
    images, labels = next(iter(loader))
    assert type(next(iter(loader))) is list
    assert images.shape == (2, 2) and labels.tolist() == [1, 0] and labels.dtype == torch.int64


def test_setting_a_free_option_later_is_allowed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = minigrad.utils.data.DataLoader(rows(minigrad))
        loader.num_workers = 0
