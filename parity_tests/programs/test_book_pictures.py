"""The book's anchor boxes and picture data: the helpers' text runs on both engines, and agrees."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as oracle

import minigrad
from minigrad import d2l
from parity_tests.programs.stand_in import on_torch
from parity_tests.sidebyside import agree

OBJECTS = [[[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]]]
ANCHORS = [
    [0, 0.1, 0.2, 0.3],
    [0.15, 0.2, 0.4, 0.4],
    [0.63, 0.05, 0.88, 0.98],
    [0.66, 0.45, 0.8, 0.8],
    [0.57, 0.3, 0.92, 0.9],
]


def both(test: Any) -> tuple[Any, Any]:
    """What ``test(d2l, torch)`` gives on either engine."""
    helpers = on_torch("minigrad.d2l")
    return test(d2l, minigrad), test(helpers, oracle)


def drawn(torch: Any, *shape: int) -> Any:
    """Boxes at random, in order of their edges."""
    torch.manual_seed(1)
    places = torch.rand(*shape, 4)
    return torch.cat((places[..., :2], places[..., :2] + 0.05 + places[..., 2:]), -1)


@pytest.mark.parametrize(
    "size, sizes, ratios", [((4, 6), [0.75, 0.5], [1, 2, 0.5]), ((1, 1), [0.4], [2])]
)
def test_anchors(size: Any, sizes: Any, ratios: Any) -> None:
    agree(*both(lambda d2l, torch: d2l.multibox_prior(torch.zeros(1, 3, *size), sizes, ratios)))


def test_the_first_anchors_are_as_in_the_book() -> None:
    """A picture of 561 by 728 pixels; what the book prints of the pixel (250, 250)."""
    boxes = d2l.multibox_prior(minigrad.rand(1, 3, 561, 728), [0.75, 0.5, 0.25], [1, 2, 0.5])
    assert boxes.shape == (1, 2042040, 4)
    at = boxes.reshape(561, 728, 5, 4)[250, 250, 0]
    assert np.allclose(at.numpy(), [0.06, 0.07, 0.63, 0.82], atol=0.01)


def test_other_forms_of_boxes_overlaps_and_offsets() -> None:
    def run(d2l: Any, torch: Any) -> Any:
        boxes, others = drawn(torch, 7), drawn(torch, 5).flip(0)
        offsets = d2l.offset_boxes(boxes[:5], others)
        centres = d2l.box_corner_to_center(boxes)
        back = d2l.offset_inverse(boxes[:5], offsets)
        assert torch.allclose(back, others, atol=1e-5)
        return centres, d2l.box_center_to_corner(centres), d2l.box_iou(boxes, others), offsets

    agree(*both(run))


def test_what_anchors_are_to_find() -> None:
    mine, theirs = both(
        lambda d2l, torch: d2l.multibox_target(
            torch.tensor(ANCHORS).unsqueeze(0), torch.tensor(OBJECTS)
        )
    )
    agree(mine, theirs)
    assert mine[2].tolist() == [[0, 1, 2, 0, 2]]  # as the book prints it
    assert mine[1].reshape(5, 4)[:, 0].tolist() == [0, 1, 1, 0, 1]

    def many(d2l: Any, torch: Any) -> Any:
        anchors = d2l.multibox_prior(torch.zeros(1, 3, 5, 5), [0.3, 0.6], [1, 2])
        labels = torch.cat((torch.arange(3.0).repeat(2)[:, None], drawn(torch, 6)), 1)
        return d2l.multibox_target(anchors, labels.reshape(2, 3, 5))

    agree(*both(many))


def test_what_a_network_found() -> None:
    def run(d2l: Any, torch: Any) -> Any:
        rows = "0.1 0.08 0.52 0.92 0.08 0.2 0.56 0.95 0.15 0.3 0.62 0.91 0.55 0.2 0.9 0.88"
        anchors = torch.tensor([float(edge) for edge in rows.split()]).reshape(4, 4)
        chances = torch.tensor([[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]])
        return d2l.multibox_detection(
            chances.unsqueeze(0), torch.zeros(1, 16), anchors.unsqueeze(0), nms_threshold=0.5
        )

    mine, theirs = both(run)
    agree(mine, theirs)
    assert mine[0, :, 0].tolist() == [0, 1, -1, -1]  # as the book prints it


def test_the_best_of_overlapping_boxes_are_kept() -> None:
    def run(d2l: Any, torch: Any) -> Any:
        boxes, scores = drawn(torch, 30), torch.rand(30)
        return d2l.nms(boxes, scores, 0.3), d2l.nms(boxes[:1], scores[:1], 0.3)

    agree(*both(run))


def test_a_step_of_an_object_detector() -> None:
    """Classes and offsets of the book's single-shot detector, in small, with its two losses."""

    def run(d2l: Any, torch: Any) -> Any:
        torch.manual_seed(2)
        net = torch.nn.Conv2d(3, 2 * 3 + 2 * 4, 3, padding=1)
        X = torch.rand(2, 3, 4, 4)
        anchors = d2l.multibox_prior(X, [0.4], [1, 2])
        said = net(X).permute(0, 2, 3, 1)
        classes, offsets = said[..., :6].reshape(2, -1, 3), said[..., 6:].reshape(2, -1)
        labels = torch.cat((torch.ones(2, 1, 1), drawn(torch, 2, 1)), -1)
        wanted, mask, numbers = d2l.multibox_target(anchors, labels)
        cls = torch.nn.functional.cross_entropy(classes.reshape(-1, 3), numbers.reshape(-1))
        loss = cls + torch.nn.functional.l1_loss(offsets * mask, wanted * mask)
        loss.backward()
        found = d2l.multibox_detection(classes.softmax(-1).permute(0, 2, 1), offsets, anchors)
        return loss.detach(), net.weight.grad, found.detach()

    agree(*both(run))


def test_boxes_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    d2l.figure_folder(tmp_path)
    axes = d2l.plt.imshow(minigrad.zeros(8, 8)).axes
    d2l.show_bboxes(axes, minigrad.tensor(ANCHORS) * 8, ["a", "b"], ["w", "r"])
    assert [p.get_xy() for p in axes.patches][2] == pytest.approx((5.04, 0.4))
    assert [(t.get_text(), t.get_color()) for t in axes.texts] == [("a", "k"), ("b", "w")]
    d2l.plt.close("all")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder beside which the book keeps its data; nothing is fetched."""
    pytest.importorskip("PIL")
    (tmp_path / "work").mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for module in (d2l, on_torch("minigrad.d2l")):
        monkeypatch.setattr(
            module.data, "download", lambda name: str(tmp_path / "data" / f"{name}.zip")
        )
    return tmp_path / "data"


def picture(seed: int, height: int, width: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_bananas(folder: Path, archive: Path) -> None:
    """A few pictures in the layout of ``banana-detection.zip``."""
    from PIL import Image

    for part, count in (("bananas_train", 3), ("bananas_val", 2)):
        images = folder / "banana-detection" / part / "images"
        images.mkdir(parents=True)
        with (images.parent / "label.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["img_name", "label", "xmin", "ymin", "xmax", "ymax"])
            for number in range(count):
                Image.fromarray(picture(number, 16, 16)).save(images / f"{number}.png")
                table.writerow([f"{number}.png", 0, 1 + number, 2, 13, 14])
    with zipfile.ZipFile(archive, "w") as packed:
        for path in (folder / "banana-detection").rglob("*.*"):
            packed.write(path, path.relative_to(folder))


def test_the_bananas(folder: Path, tmp_path: Path, capsys: Any) -> None:
    write_bananas(tmp_path / "made", folder / "banana-detection.zip")

    def run(d2l: Any, torch: Any) -> Any:
        torch.manual_seed(0)
        train, val = d2l.load_data_bananas(2)
        return [*train], [*val], len(train.dataset), train.dataset[1]

    mine, theirs = both(run)
    agree(mine, theirs)
    assert mine[0][0][1].shape == (2, 1, 5)
    text = "read 3 training examples\nread 2 validation examples\n"
    assert capsys.readouterr().out == text * 2


def write_voc(folder: Path) -> Path:
    """Three pictures in the layout of Pascal VOC, with labels of palette colours; one too small."""
    from PIL import Image

    for name in ("ImageSets/Segmentation", "JPEGImages", "SegmentationClass"):
        (folder / name).mkdir(parents=True)
    palette = [channel for color in d2l.VOC_COLORMAP for channel in color]
    for number, size in enumerate([(20, 24), (22, 21), (8, 30)]):
        Image.fromarray(picture(number, *size)).save(folder / "JPEGImages" / f"p{number}.jpg")
        classes = np.random.default_rng(number).integers(0, 21, size, dtype=np.uint8)
        label = Image.fromarray(classes, "P")
        label.putpalette(palette)
        label.save(folder / "SegmentationClass" / f"p{number}.png")
        np.save(folder / f"p{number}.npy", classes)
    for part, names in (("train", "p0\np1\np2\n"), ("val", "p1\n")):
        (folder / "ImageSets" / "Segmentation" / f"{part}.txt").write_text(names)
    return folder


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_voc(tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("PIL")
    folder = write_voc(tmp_path / "VOCdevkit" / "VOC2012")

    def run(d2l: Any, torch: Any) -> Any:
        torch.manual_seed(3)
        features, labels = d2l.read_voc_images(folder)
        classes = [d2l.voc_label_indices(y, d2l.voc_colormap2label()) for y in labels]
        parts = d2l.VOCSegDataset(True, (16, 18), folder)
        return features, labels, classes, [parts[i] for i in range(len(parts))]

    mine, theirs = both(run)
    agree(mine, theirs)
    for number, classes in enumerate(mine[2]):
        assert np.array_equal(classes.numpy(), np.load(folder / f"p{number}.npy"))
    assert [y.shape for _, y in mine[3]] == [(16, 18), (16, 18)]
    assert capsys.readouterr().out == "read 2 examples\n" * 2


def test_voc_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    folder = write_voc(tmp_path / "VOC2012")
    monkeypatch.setattr(d2l.pictures, "download_extract", lambda *asked: str(folder))
    monkeypatch.setattr(d2l.pictures, "get_dataloader_workers", lambda: 0)
    train, test = d2l.load_data_voc(1, (16, 18))
    assert [x.shape for x, _ in train] == [(1, 3, 16, 18)] * 2
    assert [y.dtype for _, y in test] == [minigrad.int64]


def test_the_colours_are_those_of_pascal_voc() -> None:
    assert d2l.VOC_COLORMAP[:4] == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert d2l.VOC_COLORMAP[8] == [64, 0, 0] and d2l.VOC_COLORMAP[20] == [0, 64, 128]
    assert dict(zip(d2l.VOC_CLASSES, d2l.VOC_COLORMAP, strict=True))["person"] == [192, 128, 128]


def test_a_contest_is_sorted_into_folders(tmp_path: Path) -> None:
    labels = {str(n): "frog" if n % 3 else "truck" for n in range(10)}
    for part, names in (("train", [f"{n}.png" for n in labels]), ("test", ["a.png"])):
        (tmp_path / part).mkdir()
        for name in names:
            (tmp_path / part / name).write_text(name)
    table = tmp_path / "trainLabels.csv"
    table.write_text("id,label\n" + "".join(f"{n},{label}\n" for n, label in labels.items()))
    assert d2l.read_csv_labels(table) == labels
    assert d2l.reorg_train_valid(tmp_path, labels, 0.5) == 2
    d2l.reorg_test(tmp_path)
    made = tmp_path / "train_valid_test"
    counts = {
        part: {c.name: len([*c.iterdir()]) for c in sorted((made / part).iterdir())}
        for part in ("train_valid", "train", "valid", "test")
    }
    assert counts == {
        "train_valid": {"frog": 6, "truck": 4},
        "train": {"frog": 4, "truck": 2},
        "valid": {"frog": 2, "truck": 2},
        "test": {"unknown": 1},
    }
    assert (made / "valid" / "frog" / "1.png").read_text() == "1.png"
