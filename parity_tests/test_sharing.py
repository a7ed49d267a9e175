"""Memory of several processes: who looks at it, and what a process makes of what it is sent."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import segments, sharing
from parity_tests.both import both_raise, same_as_torch

ROOT = Path(__file__).parent.parent


@same_as_torch
def test_all_that_looks_at_a_memory_follows_it(torch: Any) -> Any:
    x = torch.arange(6.0)
    p, row, last = torch.nn.Parameter(x), x.view(2, 3)[1], x[::2]
    others = [x.data, p.detach(), p, row, last, row.t(), x.untyped_storage(), x.view(torch.int32)]
    copy = x.clone()
    before = [o.is_shared() for o in (x, *others)]
    found = [x.share_memory_() is x, *(o.is_shared() for o in (x, *others, copy, x + 0))]
    row.add_(10)
    x.data[0] = -1
    places = [(o.data_ptr() - x.data_ptr()) for o in (row, last, p, x.untyped_storage())]
    strides = [o.stride() for o in (row, last)]
    return [before, found, places, strides, x, p, last, row, p.requires_grad, p.is_leaf, x._version]


@same_as_torch
def test_the_graph_goes_on_after_its_memory_has_moved(torch: Any) -> Any:
    w = torch.ones(3, requires_grad=True)
    y = w * w
    z = (y * 2).share_memory_()
    w.share_memory_()
    w.data.fill_(5)
    z.sum().backward()
    return [z.is_shared(), z.grad_fn.name(), w.grad, w.grad.is_shared(), w.is_leaf]


@same_as_torch
def test_a_write_to_what_is_saved_is_noticed_after_the_move(torch: Any) -> Any:
    x = torch.ones(3)
    y = torch.ones(3, requires_grad=True) * x
    x.share_memory_()
    x.add_(1)
    try:
        y.sum().backward()
    except RuntimeError as error:
        return "modified by an inplace operation" in str(error)


@same_as_torch
def test_storage_objects_share(torch: Any) -> Any:
    x = torch.zeros(3)
    for storage in (x.untyped_storage(), torch.ones(2).storage()):
        assert storage.share_memory_() is storage and storage.is_shared()
    assert x.is_shared() and x.untyped_storage().data_ptr() == x.data_ptr()
    new = [torch.UntypedStorage._new_shared(8), torch.zeros(1).storage()._new_shared(4)]
    return [(s.is_shared(), s.size(), s.nbytes(), s.tolist()) for s in new]


@same_as_torch
def test_tensors_without_elements_and_of_any_form_share(torch: Any) -> Any:
    forms = [
        torch.zeros(0), torch.zeros(2, 0), torch.tensor(3), torch.tensor([True]),
        torch.ones(1, 3).expand(4, 3), torch.zeros(2, 3).t(), torch.arange(9)[2:7:2],
        torch.ones(2, dtype=torch.bfloat16),
    ]  # fmt: skip
    return [
        [t.share_memory_().is_shared(), t.tolist(), t.stride(), t.storage_offset()] for t in forms
    ]


@same_as_torch
def test_numpys_array_keeps_the_former_memory(torch: Any) -> Any:
    array = np.zeros(3)
    x = torch.from_numpy(array).share_memory_()
    x += 1
    x.numpy()[0] = 7
    return [array, x, x.is_shared()]


@same_as_torch
def test_a_module_shares_weights_buffers_and_gradients(torch: Any) -> Any:
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    net(torch.randn(4, 3)).sum().backward()
    net.tied = net[0]
    kept = net.state_dict()
    assert net.share_memory() is net
    found = [*net.parameters(), *net.buffers(), *kept.values(), net[0].weight.grad]
    return [all(t.is_shared() for t in found), [type(p).__name__ for p in net.parameters()]]


@both_raise
def test_a_module_without_shapes_does_not_share(torch: Any) -> Any:
    return torch.nn.LazyLinear(2).share_memory()


OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam",
              "Rprop", "ASGD", "Adafactor", "LBFGS"]  # fmt: skip


def words(x: Any) -> Any:
    """The bytes at a tensor's address, as another process would read them."""
    import ctypes

    return np.frombuffer((ctypes.c_float * x.numel()).from_address(x.data_ptr()), "f4").copy()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_written_into_the_memory_that_is_shared(name: str) -> None:
    torch = minigrad
    big = torch.nn.Parameter(torch.ones(100, 100))
    params = [torch.nn.Parameter(torch.ones(n)) for n in (2, 3)] + [big]
    optimizer = getattr(torch.optim, name)(params, lr=0.01)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = sum((p * p).sum() for p in params)
        loss.backward()
        return loss

    optimizer.step(closure)  # what it knows of the former memory does no harm
    for p in params:
        p.share_memory_()
    places, before = [p.data_ptr() for p in params], [words(p) for p in params]
    optimizer.step(closure)
    optimizer.step(closure)
    assert [p.data_ptr() for p in params] == places
    for p, old in zip(params, before, strict=True):
        assert p.is_shared() and (words(p) != old).all()
        assert (words(p) == p.detach().numpy().reshape(-1)).all()


@same_as_torch
def test_writes_stay_in_the_memory_that_is_shared(torch: Any) -> Any:
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3), torch.nn.LSTM(3, 2))
    net.share_memory()
    net[:2](torch.randn(5, 3)).sum().backward()
    net.load_state_dict({k: torch.ones_like(v) for k, v in net.state_dict().items()})
    torch.nn.init.normal_(net[0].weight)
    with torch.no_grad():
        net[0].weight.copy_(torch.ones(3, 3))[0] = 4
        net[0].bias -= 1
        net[0].bias.data.clamp_(0).t()[1:].zero_()
        torch.add(net[0].bias, 1, out=net[0].bias)
    net.zero_grad(set_to_none=False)
    found = [all(t.is_shared() for t in net.state_dict().values()), net[0].weight, net[0].bias]
    net[0].weight.data = torch.zeros(3, 3)  # another memory, as the program says
    return [*found, net[0].weight.is_shared()]


def test_shared_memory_does_not_grow_and_stays_where_it_is() -> None:
    x = minigrad.arange(4).share_memory_()
    place = x.data_ptr()
    assert (
        x.resize_(2).is_shared() and x.data_ptr() == place and x.resize_(2, 2).tolist()[1][1] == 3
    )
    with pytest.raises(RuntimeError, match="Trying to resize storage that is not resizable"):
        x.resize_(5)  # torch dies


@same_as_torch
def test_adagrads_sums_share(torch: Any) -> Any:
    optimizer = torch.optim.Adagrad([torch.nn.Parameter(torch.ones(2))])
    optimizer.share_memory()
    return [{k: v.is_shared() for k, v in state.items()} for state in optimizer.state.values()]


def test_whoever_is_alone_is_moved_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []
    everything = sharing._everything
    monkeypatch.setattr(sharing, "_everything", lambda: searches.append(1) or everything())
    net = minigrad.nn.Linear(3, 2)
    alone = [minigrad.ones(3), minigrad.eye(2), minigrad.nn.Parameter(minigrad.ones(2))]
    for x in (*alone, net, minigrad.ones(2).untyped_storage()):
        (x.share_memory if x is net else x.share_memory_)()
    assert not searches
    for look in ("detach()", "[:]", "untyped_storage()", "as_strided((2,), (1,))[1:]"):
        x = minigrad.ones(3)
        other = eval(f"x{'' if look[0] == '[' else '.'}{look}", {"x": x})
        x.share_memory_()
        assert len(searches) == 1 and other.is_shared()
        searches.clear()


def test_the_search_finds_objects_that_are_frozen() -> None:
    x = minigrad.ones(3)
    other = x.detach()
    gc.freeze()
    x.share_memory_()
    assert other.is_shared()


def test_files_are_closed_when_nobody_looks_at_the_memory() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    minigrad.ones(3).share_memory_()
    gc.collect()
    before = count()
    kept = [minigrad.nn.Linear(3, 3).share_memory() for _ in range(10)]
    assert before < count() <= before + 20  # a few per module, however many tensors it has
    del kept
    gc.collect()
    assert count() == before


def test_systems_without_such_memory_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments.os, "name", "nt")
    with pytest.raises(RuntimeError, match="takes Linux or macOS"):
        minigrad.ones(1).share_memory_()


# --- with other processes: one program, which prints the same whatever starts its processes ------

PROGRAM = '''
import pickle, sys, warnings
sys.path.insert(0, {root!r})
warnings.simplefilter("ignore")
from importlib import import_module
torch = import_module("{package}")
mp = import_module("{package}.multiprocessing")

class Length(torch.Tensor):
    pass

class Counts(torch.utils.data.Dataset):
    def __init__(self):
        self.seen = torch.zeros(4, dtype=torch.int64).share_memory_()
    def __len__(self):
        return 4
    def __getitem__(self, i):
        self.seen[i] += 1
        return torch.tensor([i])

def write(x, row, p, counter, lock):
    x[0] = 5
    row += 1
    with torch.no_grad():
        p.mul_(2)
    for _ in range(20):
        with lock:
            counter += 1

def facts(t):
    return [type(t).__name__, t.is_shared(), t.requires_grad, t.is_leaf, t.grad, vars(t)]

def answer(conn):
    """Says what came, and writes to it."""
    kept = []
    while (got := conn.recv()) is not None:
        ts = got if isinstance(got, tuple) else (got,)
        kept.append(ts)
        distances = [t.data_ptr() - ts[0].data_ptr() for t in ts]
        same = ts[0].data_ptr() == kept[0][0].data_ptr()
        with torch.no_grad():
            for t in ts:
                t += 1
        conn.send((str([facts(t) for t in ts]), distances, same))
    mine = torch.zeros(3)
    conn.send(mine)
    conn.recv()
    conn.send(mine.tolist())

def put(inbox, outbox):
    while (got := inbox.get()) is not None:
        got["x"].mul_(3)
        outbox.put(float(got["x"].sum()))

def train(net, lock, steps):
    """Steps that commute: the gradient is constant."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(steps):
        with lock:
            optimizer.zero_grad()
            net(torch.ones(4, 3)).sum().backward()
            optimizer.step()

def fail(i, kind):
    if i == 1:
        if kind == "raise":
            raise ValueError("of one")
        import os
        os._exit(3) if kind == "exit" else os.kill(os.getpid(), 9)

def begin(target, *args):
    process = mp.Process(target=target, args=args)
    process.start()
    return process

def end(*processes):
    for process in processes:
        process.join(100)
    print([process.exitcode for process in processes])

def arguments():
    lock = mp.Lock()
    x = torch.zeros(4).share_memory_()
    p = torch.nn.Parameter(torch.ones(2)).share_memory_()
    counter = torch.tensor(0).share_memory_()
    end(*[begin(write, x, x[2:], p, counter, lock) for _ in range(2)])
    print(x, p, counter)

def messages():
    here, there = mp.Pipe()
    child = begin(answer, there)
    x, p, s = torch.zeros(6), torch.nn.Parameter(torch.zeros(2)), torch.zeros(2).as_subclass(Length)
    x.note = p.note = s.note = 1
    p.grad = torch.ones(2)
    for sent in (x, x, p, s, (x, x.view(2, 3)[1], x[::2]), torch.ones(2, 0),
                 torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, 3).t(),
                 torch.zeros(3, requires_grad=True), torch.nn.Parameter(torch.ones(1), False)):
        here.send(sent)
        print(here.recv(), sent, [t.is_shared() for t in (sent if type(sent) is tuple else [sent])])
    for wrong in (p * 2, [1, p.sum()]):
        try:
            here.send(wrong)
        except RuntimeError as error:
            print(error)
    here.send(None)
    theirs = here.recv()
    theirs[1] = 4
    here.send(None)
    print(theirs.is_shared(), here.recv())
    end(child)
    first, second = pickle.loads(bytes(ForkingPickler.dumps((x, x.untyped_storage()))))
    print(first.data_ptr() == second.data_ptr() == x.data_ptr(), second.nbytes())
    print(pickle.loads(pickle.dumps(x)).is_shared())

def queues():
    for kind in (mp.Queue, mp.SimpleQueue):
        inbox, outbox = kind(), kind()
        child = begin(put, inbox, outbox)
        x = torch.ones(3)
        for _ in range(2):
            inbox.put({{"x": x, "n": 1}})
            print(outbox.get(), x, x.is_shared())
        inbox.put(None)
        end(child)

def training():
    net, lock = torch.nn.Linear(3, 2), mp.Lock()
    for q in net.parameters():
        torch.nn.init.constant_(q, 100.)
    net.share_memory()
    end(*[begin(train, net, lock, n) for n in (3, 5)])
    print(net.weight, net.bias, net.weight.grad)

def loading():
    data = Counts()
    loader = torch.utils.data.DataLoader(data, 2, num_workers=2)
    print(list(loader), data.seen)

def failing():
    for kind in ("raise", "exit", "kill"):
        try:
            mp.start_processes(fail, args=(kind,), nprocs=2, start_method=mp.get_start_method())
        except Exception as error:
            text = str(error).strip().splitlines()
            print(type(error).__name__, text[0], text[-1], error.error_index)
            print(pickle.loads(pickle.dumps(error)).args == error.args)
    method = mp.get_start_method()
    context = mp.start_processes(fail, args=("",), start_method=method, join=False)
    print(context.join(), context.join(), len(context.pids()))

if __name__ == "__main__":
    from multiprocessing.reduction import ForkingPickler
    mp.set_start_method(sys.argv[1])
    for part in sys.argv[2:]:
        print("==", part)
        globals()[part]()
'''


PARTS = ["arguments", "messages", "queues", "training", "loading", "failing"]


def printed(package: str, method: str, parts: list[str], folder: Path) -> dict[str, str]:
    """What the program prints in each of its parts."""
    file = folder / f"of_{package}_{method}.py"
    file.write_text(PROGRAM.format(root=str(ROOT), package=package))
    done = subprocess.run(
        [sys.executable, str(file), method, *parts],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(part.split("\n", 1) for part in done.stdout.split("== ")[1:])


@pytest.fixture(scope="module")
def torchs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return printed("torch", "fork", PARTS, tmp_path_factory.mktemp("torch"))


@pytest.mark.parametrize(
    ("method", "parts"), [("fork", PARTS), ("spawn", PARTS[:4]), ("forkserver", PARTS[:2])]
)
def test_processes_share_what_they_share_in_torch(
    method: str, parts: list[str], torchs: dict[str, str], tmp_path: Path
) -> None:
    mine = printed("minigrad", method, parts, tmp_path)
    assert mine == {part: torchs[part] for part in parts}


def test_what_a_loader_gives_to_new_processes_is_shared() -> None:
    data = minigrad.utils.data.TensorDataset(minigrad.arange(4.0))
    loader = minigrad.utils.data.DataLoader(data, num_workers=1, multiprocessing_context="spawn")
    assert [batch.item() for (batch,) in loader] == [0, 1, 2, 3]
    assert data.tensors[0].is_shared()
