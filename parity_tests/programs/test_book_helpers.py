"""The helpers of the newer edition beyond what the programs show: files, pictures, odd calls."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import minigrad as torch
from minigrad import d2l
from minigrad.d2l import text as texts
from parity_tests.programs import course
from parity_tests.vision.site import serving


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, with its pictures in ``figures`` and the book's data beside it."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(work)
    d2l.figure_folder("figures")
    return tmp_path


def test_texts_are_asked_for_by_address_folder_and_checksum(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    course.write_texts(folder / "data")
    with zipfile.ZipFile(folder / "data" / "fra-eng.zip", "w") as archive:
        archive.writestr("fra-eng/fra.txt", (folder / "data/fra-eng/fra.txt").read_bytes())
    (folder / "data/fra-eng/fra.txt").unlink()

    def there(url: str, root: str, sha1: str) -> str:
        asked.append((url.rpartition("/")[2], root, len(sha1)))
        return str(Path(root, url.rpartition("/")[2]))

    monkeypatch.setattr(texts, "download", there)
    assert len(d2l.TimeMachine(2, 10).vocab) > 10
    assert d2l.MTFraEng(2, num_train=10, num_val=2).arrays[0].shape == (12, 9)
    assert asked == [("timemachine.txt", "../data", 40), ("fra-eng.zip", "../data", 40)]


def test_a_download_is_checked_and_not_repeated(folder: Path, capsys: Any) -> None:
    content = b"a text"
    with serving(content=content) as site:
        path = d2l.download(site.url, "there", hashlib.sha1(content).hexdigest())
        assert Path(path) == Path("there/file.bin")
        assert Path(path).read_bytes() == content
        d2l.download(site.url, "there", hashlib.sha1(content).hexdigest())
        assert len(site.asked) == 1
        with pytest.raises(RuntimeError, match=r"(?i)sha-?1"):
            d2l.download(site.url, "elsewhere", "0" * 40)
    assert capsys.readouterr().out.count("Downloading there/file.bin from http") == 1


def test_a_board_writes_its_curves_to_a_file(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    board = d2l.ProgressBoard(xlabel="epoch", ylabel="loss", xlim=[0, 2], ylim=[0, 3])
    for x in (1, 2):
        board.draw(x, float(x), "train_loss")
        board.draw(x, 2.0 * x, "val_loss")
    axes = board.axes
    d2l.figure_folder("figures")  # what still waits is written
    assert Path("figures/1.png").read_bytes()[:4] == b"\x89PNG"
    assert [line.get_label() for line in axes.get_lines()] == ["train_loss", "val_loss"]
    assert axes.get_lines()[1].get_ydata().tolist() == [2.0, 4.0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim()) == ("epoch", "loss", (0, 2))
    assert [line.get_linestyle() for line in axes.get_lines()] == ["-", "--"]
    d2l.plt.close("all")


def test_a_board_that_is_not_displayed_draws_nothing(folder: Path) -> None:
    board = d2l.ProgressBoard(display=False)
    board.draw(1, 2.0, "a")
    assert board.fig is None and board.data["a"] == [(1.0, 2.0)] and not Path("figures").exists()


def test_a_board_draws_in_a_figure_that_is_given(folder: Path) -> None:
    figure, axes = d2l.plt.subplots(1, 2)
    board = d2l.ProgressBoard(fig=figure, axes=axes[1])
    board.draw(1, 2.0, "a")
    assert board.axes is axes[1] and len(axes[1].get_lines()) == 1 and not axes[0].get_lines()
    d2l.plt.close("all")


def test_all_local_names_are_kept_but_those_that_are_hidden() -> None:
    class Kept(d2l.HyperParameters):
        def __init__(self, a: int, *rest: int, b: int = 2, **more: int) -> None:
            super().__init__()
            c = _hidden = a + b
            self.save_hyperparameters(ignore=["more"])
            assert c == _hidden

    kept: Any = Kept(1, 5, b=3, z=9)
    assert kept.hparams == {"a": 1, "rest": (5,), "b": 3, "c": 4}
    assert (kept.c, kept.rest) == (4, (5,)) and not hasattr(kept, "more")


def test_a_model_keeps_layers_that_it_is_given_as_its_own() -> None:
    model = d2l.RNNLM(d2l.RNN(5, 4), vocab_size=5, lr=0.5)
    names = [name for name, _ in model.named_parameters()]
    assert names[0] == "rnn.rnn.weight_ih_l0" and names[-1] == "linear.bias"
    assert model.hparams.keys() == {"rnn", "vocab_size", "lr"}
    assert model.configure_optimizers().param_groups[0]["lr"] == 0.5


def test_a_model_without_a_network_or_a_trainer_says_so() -> None:
    with pytest.raises(AssertionError, match="Neural network is defined"):
        d2l.Module()(torch.ones(1))
    with pytest.raises(AssertionError, match="Trainer is not inited"):
        d2l.Module().plot("loss", torch.ones(()), train=True)


@pytest.mark.parametrize("there", [0, 1, 3])
def test_a_trainer_takes_no_more_cards_than_there_are(
    there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    assert d2l.Trainer(1, num_gpus=2).gpus == [d2l.gpu(i) for i in range(min(2, there))]


RESIDUALS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((6, True, 2), {}),
    ((6, True), {"strides": 2}),
    ((6,), {"use_1x1conv": True, "strides": 2}),
    ((), {"num_channels": 6, "use_1x1conv": True, "strides": 2}),
    ((3, 6, True, 2), {}),
    ((3, 6), {"use_1x1conv": True, "strides": 2}),
]


@pytest.mark.parametrize(("args", "named"), RESIDUALS, ids=str)
def test_residual_blocks_of_both_editions(args: Any, named: Any) -> None:
    block = d2l.Residual(*args, **named)
    assert block(torch.rand(4, 3, 6, 6)).shape == (4, 6, 3, 3)
    assert block.conv3.weight.shape == (6, 3, 1, 1)


@pytest.mark.parametrize(
    ("args", "named"), [((), {}), ((1, 2, True, 1, 0), {}), ((3,), {"stride": 2})], ids=str
)
def test_residual_blocks_refuse_other_arguments(args: Any, named: Any) -> None:
    with pytest.raises(TypeError, match=r"Residual takes (input_channels, )?num_channels"):
        d2l.Residual(*args, **named)
