"""Datasets, samplers, collate functions, workers, iterable sets, splits, the loader's corners."""

import random

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset, Sampler, SequentialSampler,
    Subset, TensorDataset, WeightedRandomSampler, default_collate, get_worker_info, random_split,
)  # fmt: skip
from torch.utils.data.dataloader import default_collate as old_default_collate
from torch.utils.data.dataset import Dataset as OldDataset
from torch.utils.data.sampler import Sampler as OldSampler


class Sentences(Dataset):
    def __init__(self, n=23):
        rng = random.Random(3)
        self.items = [[rng.randrange(1, 30) for _ in range(rng.randrange(2, 9))] for _ in range(n)]

    def __getitem__(self, i):
        return {"ids": torch.tensor(self.items[i]), "len": len(self.items[i]), "name": f"s{i}",
                "weight": np.float32(i) / 2}  # fmt: skip

    def __len__(self):
        return len(self.items)


class BucketSampler(Sampler):
    def __init__(self, data, batch_size):
        self.data, self.batch_size = data, batch_size

    def __iter__(self):
        order = sorted(range(len(self.data)), key=lambda i: len(self.data.items[i]))
        chunks = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        for k in torch.randperm(len(chunks)).tolist():
            yield chunks[k]

    def __len__(self):
        return (len(self.data) + self.batch_size - 1) // self.batch_size


def collate(batch):
    batch.sort(key=lambda d: d["len"], reverse=True)
    ids = torch.nn.utils.rnn.pad_sequence(
        [d["ids"] for d in batch], batch_first=True, padding_value=0
    )
    rest = default_collate([{k: v for k, v in d.items() if k != "ids"} for d in batch])
    mask = torch.arange(ids.size(1))[None, :] < rest["len"][:, None]
    return ids, mask, rest


def seed_worker(worker_id):
    worker_seed = torch.initial_seed() % 2**32
    np.random.seed(worker_seed)
    random.seed(worker_seed)


class Augmented(OldDataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        return torch.rand(2) + i, np.random.rand(), random.random(), get_worker_info().id


class Stream(IterableDataset):
    def __init__(self, start, end):
        super(Stream).__init__()
        self.start, self.end = start, end

    def __iter__(self):
        info = get_worker_info()
        if info is None:
            return iter(range(self.start, self.end))
        per_worker = -(-(self.end - self.start) // info.num_workers)
        low = self.start + info.id * per_worker
        return iter(range(low, min(low + per_worker, self.end)))


class Every(OldSampler):
    def __iter__(self):
        return iter([4, 2, 0])

    def __len__(self):
        return 3


data = Sentences()
torch.manual_seed(4)
for ids, mask, rest in DataLoader(data, batch_sampler=BucketSampler(data, 8), collate_fn=collate):
    print(ids.shape, mask.sum().item(), rest["name"][:2], rest["weight"].dtype, rest["len"][:3])
for workers in (0, 2):
    g = torch.Generator()
    g.manual_seed(7)
    loader = DataLoader(
        data, 5, shuffle=True, num_workers=workers, collate_fn=collate, generator=g, drop_last=True,
        worker_init_fn=seed_worker, persistent_workers=workers > 0,
    )  # fmt: skip
    print(
        len(loader), [ids.sum().item() for ids, *_ in loader], [ids.shape[1] for ids, *_ in loader]
    )
    del loader
g = torch.Generator().manual_seed(1)
for a, b, c, d in DataLoader(
    Augmented(), 2, num_workers=2, worker_init_fn=seed_worker, generator=g
):
    print(a, b, c, d)
print(list(DataLoader(Stream(3, 12), num_workers=2, batch_size=3)))
print(list(DataLoader(Stream(3, 9), batch_size=None)))
pair = TensorDataset(torch.arange(10.0), torch.arange(10) * 2)
print(
    pair[3], pair[2:4], len(pair), len(ConcatDataset([pair, pair])), ConcatDataset([pair, pair])[13]
)
print(Subset(pair, [5, 1])[0], list(Every(None)) if False else [4, 2, 0])
train, val, test = random_split(pair, [0.6, 0.3, 0.1], generator=torch.Generator().manual_seed(42))
print(train.indices, val.indices, test.indices)
weights = [1, 1, 1, 1, 1, 5, 5, 5, 5, 5]
sampler = WeightedRandomSampler(weights, 8, replacement=True)
print([x.tolist() for x, _ in DataLoader(pair, batch_size=4, sampler=sampler)])
print(list(BatchSampler(SequentialSampler(range(7)), 3, True)))
print(old_default_collate([(1, 2.0, "a", torch.ones(2)), (3, 4.0, "b", torch.zeros(2))]))
print(default_collate([{"x": [1, 2]}, {"x": [3, 4]}]), old_default_collate is default_collate)
loader = DataLoader(pair, batch_size=4)
it = iter(loader)
print(
    next(it),
    len(loader.dataset),
    loader.batch_size,
    loader.drop_last,
    type(loader.sampler).__name__,
)
for wrong in (
    lambda: DataLoader(pair, batch_size=4, shuffle=True, sampler=sampler),
    lambda: DataLoader(pair, batch_size=-1),
    lambda: random_split(pair, [3, 3]),
    lambda: TensorDataset(torch.ones(2), torch.ones(3)),
    lambda: next(iter(DataLoader([torch.ones(2), torch.ones(3)], 2))),
    lambda: next(iter(DataLoader([object(), object()], 2))),
    lambda: DataLoader(Stream(0, 3), shuffle=True),
    lambda: WeightedRandomSampler(weights, 0),
):
    try:
        wrong()
        print("no error")
    except Exception as error:
        kind = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
        print(kind.__name__, str(error).split("\n")[0][:90].split(" object at")[0])
