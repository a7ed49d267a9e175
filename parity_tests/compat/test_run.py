"""Programs written for torch, run unmodified in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import argparse
import torch, torchvision
import torch.nn as nn, torch.nn.functional as F, torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset
from torch.optim.lr_scheduler import StepLR
from torchvision import transforms

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.two(F.relu(self.one(x)))

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(32, 4), torch.randn(32, 1))
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, 1)
    for epoch in range(args.epochs):
        for x, y in DataLoader(data, 8, shuffle=True):
            optimizer.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
        scheduler.step()
        print(f"{epoch} {loss.item():.5f}")
    print(type(net.one.weight).__module__, torch.__version__.split("+")[0])

if __name__ == "__main__":
    main()
"""


def python(
    *arguments: str, folder: Path | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that finds this minigrad."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        input=text,
        env=environment,
    )


def script(folder: Path, text: str, name: str = "program.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "minigrad", "run", script(folder, text), *arguments)


def test_a_program_gives_what_torch_gives(tmp_path: Path) -> None:
    text = PROGRAM.replace("import torch, torchvision\n", "import torch\n").replace(
        "from torchvision import transforms\n", ""
    )
    theirs = python(script(tmp_path, text, "theirs.py"), "--epochs", "3")
    ours = run(tmp_path, PROGRAM, "--epochs", "3")
    assert ours.returncode == theirs.returncode == 0, ours.stderr
    assert ours.stdout.splitlines()[:3] == theirs.stdout.splitlines()[:3]
    assert ours.stdout.splitlines()[3] == "minigrad.nn.parameter 2.13.0"


def test_arguments_that_minigrad_has_too_reach_the_script(tmp_path: Path) -> None:
    done = run(tmp_path, PROGRAM, "--help")
    assert "--epochs" in done.stdout and "program.py" in done.stdout


def test_a_folder_of_modules_is_found_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text("import torch.nn as nn\nclass Mine(nn.ReLU): pass\n")
    done = run(tmp_path, "from layers import Mine\nprint(Mine())")
    assert done.stdout == "Mine()\n", done.stderr


@pytest.mark.parametrize(
    ("line", "wanted", "reason"),
    [
        ("import torch.fx", "torch.fx", "compiler"),
        ("from torch import sparse_coo_tensor", "torch.sparse_coo_tensor", "sparse"),
        ("import torch; torch.stft(0)", "torch.stft", "complex"),
        ("import torch; torch.ones(1).to_sparse()", "torch.Tensor.to_sparse", "sparse"),
        ("import torchvision.prototype_of_things", "torchvision.prototype_of_things", ""),
        ("import torch\nclass A(torch.nn.NoLayer): pass", "torch.nn.NoLayer", ""),
        ("from torch.nn import NoLayer", "torch.nn.NoLayer", ""),
    ],
)
def test_what_is_missing_is_named_with_its_line(
    tmp_path: Path, line: str, wanted: str, reason: str
) -> None:
    done = run(tmp_path, f"x = 1\n{line}")
    number = 2 + line.count("\n")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert f"minigrad has no {wanted}, which" in last and f"program.py, line {number}" in last
    assert reason in last and ("left out on purpose" in last) == bool(reason)


def test_a_program_that_looks_for_optional_modules_goes_on(tmp_path: Path) -> None:
    text = (
        "import torch\n"
        "try:\n    import torch.fx\nexcept ImportError:\n    print('none')\n"
        "print(hasattr(torch, 'sparse_coo_tensor'), hasattr(torch, 'ones'))\n"
    )
    assert run(tmp_path, text).stdout == "none\nFalse True\n"


def test_errors_of_the_program_show_its_own_lines_only(tmp_path: Path) -> None:
    done = run(tmp_path, "def f():\n    raise ValueError('mine')\nf()\n")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and "ValueError: mine" in done.stderr
    assert "compat" not in done.stderr and "minigrad:" not in done.stderr


def test_exit_codes_are_the_scripts(tmp_path: Path) -> None:
    assert run(tmp_path, "import sys; sys.exit(7)").returncode == 7
    done = run(tmp_path, "import sys; sys.exit('no data')")
    assert (done.returncode, done.stderr) == (1, "no data\n")
    assert run(tmp_path, "import sys; sys.exit()").returncode == 0


def test_a_script_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = python("-m", "minigrad", "run", str(tmp_path / "nothing.py"))
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


SPAWN = """
import multiprocessing as mp
import torch

def work(x):
    return float((x * 2).sum()), torch.nn.Linear.__module__.split(".")[0]

if __name__ == "__main__":
    with mp.get_context("{how}").Pool(1) as pool:
        print(pool.apply(work, (torch.ones(3),)))
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_processes_that_a_program_starts_find_minigrad_too(tmp_path: Path, how: str) -> None:
    done = run(tmp_path, SPAWN.replace("{how}", how))
    assert done.stdout == "(6.0, 'minigrad')\n", done.stderr


def test_the_real_torch_is_not_imported(tmp_path: Path) -> None:
    text = "import sys, torch\nprint('torch._C' in sys.modules, torch.nn.Module.__module__)"
    assert run(tmp_path, text).stdout == "False minigrad.nn.modules.module\n"


INSTALL = """
import sys, minigrad
before = minigrad.__spec__, minigrad.nn.__spec__, dict(sys.modules)
import minigrad.compat
minigrad.compat.install()
minigrad.compat.install()
import torch, torch.nn, torch.nn.functional as F, torch.utils.data.dataset
from torch.autograd.functional import jacobian
from torch.optim import lr_scheduler
assert torch.nn is minigrad.nn and sys.modules["torch.nn"] is minigrad.nn
assert torch.Tensor is minigrad.Tensor and F is minigrad.nn.functional
assert torch.utils.data.dataset is minigrad.utils.data.dataset
assert (minigrad.__spec__, minigrad.nn.__spec__) == before[:2]
from torch.multiprocessing.spawn import ProcessRaisedException
import torch.multiprocessing.spawn
assert torch.multiprocessing.spawn(print, nprocs=0) is None
from torch import *
assert zeros is minigrad.zeros
minigrad.compat.uninstall()
assert not [name for name in sys.modules if name.split(".")[0] == "torch"]
import torch
assert torch.__version__.startswith("2.") and "minigrad" not in torch.__version__
try:
    minigrad.compat.install()
except RuntimeError as error:
    print(error)
"""


def test_install_and_uninstall_in_one_process() -> None:
    done = python("-c", INSTALL)
    assert "torch itself is imported already" in done.stdout, done.stderr


def test_a_syntax_error_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    done = run(tmp_path, "x = (1,\n")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr and "minigrad" not in done.stderr


@pytest.mark.parametrize(("line", "near"), [("torch.zeroes(2)", "zeros"), ("torch.nn.Linaer", "")])
def test_a_slip_is_told_from_what_is_missing(tmp_path: Path, line: str, near: str) -> None:
    done = run(tmp_path, f"import torch\n{line}")
    assert f"did you mean {near or 'Linear'}?" in done.stderr.splitlines()[-1]
