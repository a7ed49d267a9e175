"""Grids, image files, and boxes in pictures."""

from __future__ import annotations

import io as bytes_io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad import vision
from minigrad.vision import io, utils


def images(count: int, channels: int = 3, height: int = 4, width: int = 5) -> mg.Tensor:
    values = np.random.default_rng(0).random((count, channels, height, width))
    return mg.from_numpy(values.astype(np.float32))


@given(
    count=st.integers(2, 9),
    channels=st.sampled_from([1, 3]),
    nrow=st.integers(1, 10),
    padding=st.integers(0, 3),
)
def test_a_grid_holds_each_image_in_its_place(count, channels, nrow, padding) -> None:
    batch = images(count, channels)
    grid = utils.make_grid(batch, nrow, padding, pad_value=0.5).numpy()
    across = min(nrow, count)
    down = -(-count // across)
    assert grid.shape == (3, (4 + padding) * down + padding, (5 + padding) * across + padding)
    seen = np.full(grid.shape, 0.5, np.float32)
    for i in range(count):
        row, column = divmod(i, across)
        top, left = (4 + padding) * row + padding, (5 + padding) * column + padding
        seen[:, top : top + 4, left : left + 5] = batch[i].numpy()
    assert (grid == seen).all()


def test_what_a_grid_takes() -> None:
    one = images(1)
    assert (utils.make_grid(one) == one[0]).all(), "a single image has no border"
    assert utils.make_grid(one[0, 0]).shape == (3, 4, 5)
    assert utils.make_grid(one[0, :1]).shape == (3, 4, 5)
    several = [x for x in images(3)]
    assert (utils.make_grid(several) == utils.make_grid(images(3))).all()
    assert utils.make_grid((images(2) * 255).to(mg.uint8)).dtype == mg.uint8
    for wrong in (np.zeros((2, 3, 4, 5)), [np.zeros((3, 4, 5))]):
        with pytest.raises(TypeError, match="tensor or list of tensors expected"):
            utils.make_grid(wrong)
    with pytest.raises(TypeError, match="value_range has to be a tuple"):
        utils.make_grid(images(2), normalize=True, value_range=[0, 1])


def test_a_normalised_grid() -> None:
    batch = images(2) * 4 - 1
    before = batch.clone()
    values = batch.numpy()

    def scaled(x: np.ndarray, low: float, high: float) -> np.ndarray:
        return (x.clip(low, high) - low) / (high - low)

    def cells(grid: mg.Tensor) -> np.ndarray:
        return np.stack([grid.numpy()[:, :4, :5], grid.numpy()[:, :4, 5:]])

    whole = scaled(values, values.min(), values.max())
    each = np.stack([scaled(x, x.min(), x.max()) for x in values])
    ranged = scaled(values, 0, 1)
    for expected, options in (
        (whole, {}),
        (each, {"scale_each": True}),
        (ranged, {"value_range": (0, 1)}),
    ):
        grid = utils.make_grid(batch, padding=0, normalize=True, **options)
        np.testing.assert_allclose(cells(grid), expected, atol=1e-6)
    assert (batch == before).all()
    assert (utils.make_grid(mg.ones(2, 3, 2, 2), normalize=True, padding=0) == 0).all()


def test_save_image_rounds_to_the_nearest(tmp_path: Path) -> None:
    values = np.array([-0.1, 0.0, 0.4999 / 255, 0.5 / 255, 1.5 / 255, 1.0, 2.0], np.float32)
    x = mg.from_numpy(np.tile(values, (3, 1, 1)))
    utils.save_image(x, tmp_path / "a.png")
    expected = (values * np.float32(255) + np.float32(0.5)).clip(0, 255).astype(np.uint8)
    assert (np.asarray(Image.open(tmp_path / "a.png"))[0, :, 1] == expected).all()
    file = bytes_io.BytesIO()
    utils.save_image(images(5), file, format="JPEG", nrow=2, padding=1)
    assert Image.open(file).size == (2 * 6 + 1, 3 * 5 + 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_files_keep_every_value(tmp_path: Path, channels: int) -> None:
    x = (images(1, channels)[0] * 255).to(mg.uint8)
    io.write_png(x, tmp_path / "a.png", compression_level=9)
    assert (io.read_image(tmp_path / "a.png") == x).all()
    assert (io.decode_image(str(tmp_path / "a.png")) == x).all()
    assert (io.decode_png(io.read_file(tmp_path / "a.png")) == x).all()


def test_jpeg_files_keep_what_is_seen(tmp_path: Path) -> None:
    x = mg.arange(0, 256, 4).to(mg.uint8).expand(3, 64, -1)
    io.write_jpeg(x, tmp_path / "a.jpg", quality=95)
    found = io.read_image(tmp_path / "a.jpg")
    assert (found.float() - x.float()).abs().max() < 8
    low = io.encode_jpeg(x, quality=5)
    assert low.shape[0] < io.encode_jpeg(x, quality=95).shape[0]
    assert io.decode_jpeg(low).shape == x.shape


@pytest.mark.parametrize(("mode", "channels"), [("GRAY", 1), ("GRAY_ALPHA", 2), ("RGB", 3)])
def test_read_modes(tmp_path: Path, mode: str, channels: int) -> None:
    image = Image.new("RGBA", (4, 3), (200, 100, 50, 128))
    image.save(tmp_path / "a.png")
    assert io.read_image(tmp_path / "a.png").shape == (4, 3, 4)
    for wanted in (io.ImageReadMode[mode], mode, mode.lower()):
        assert io.read_image(tmp_path / "a.png", wanted).shape == (channels, 3, 4)
    image.convert("RGB").convert("P").save(tmp_path / "p.png")
    assert io.read_image(tmp_path / "p.png").shape == (3, 3, 4)
    image.convert("1").save(tmp_path / "b.png")
    assert io.read_image(tmp_path / "b.png").unique().tolist() in ([0, 255], [0], [255])


def test_the_camera_knows_what_is_up(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert io.read_image(tmp_path / "a.jpg").shape == (3, 20, 40)
    assert io.read_image(tmp_path / "a.jpg", apply_exif_orientation=True).shape == (3, 40, 20)


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        io.read_image(tmp_path / "none.png")
    whole = io.encode_png((images(1, 3, 40, 40)[0] * 255).to(mg.uint8))
    for content in (whole[:0], whole[:20], whole[: len(whole) // 2]):
        io.write_file(tmp_path / "bad.png", content)
        with pytest.raises(RuntimeError, match=r"bad\.png is no whole image"):
            io.read_image(tmp_path / "bad.png")
    with pytest.raises(RuntimeError, match="1-dimensional"):
        io.decode_image(mg.zeros(2, 2, dtype=mg.uint8))
    for x, text in (
        (images(1)[0], "uint8"),
        (mg.zeros(2, 2, dtype=mg.uint8), "3-dimensional"),
        (mg.zeros(2, 2, 2, dtype=mg.uint8), "1 or 3"),
    ):
        with pytest.raises(RuntimeError, match=text):
            io.write_png(x, tmp_path / "x.png")
    with pytest.raises(RuntimeError, match="between 0 and 9"):
        io.encode_png(mg.zeros(1, 2, 2, dtype=mg.uint8), 10)
    with pytest.raises(ValueError, match="between 1 and 100"):
        io.encode_jpeg(mg.zeros(1, 2, 2, dtype=mg.uint8), 0)


def test_boxes_and_masks() -> None:
    black = mg.zeros(3, 10, 10, dtype=mg.uint8)
    boxes = mg.tensor([[1, 1, 4, 5], [5, 5, 9, 9]])
    drawn = utils.draw_bounding_boxes(black, boxes, ["a", "b"], ["red", (0, 0, 255)], width=1)
    assert drawn[:, 1, 2].tolist() == [255, 0, 0] and drawn[:, 9, 7].tolist() == [0, 0, 255]
    assert not black.any() and drawn.dtype == mg.uint8
    assert utils.draw_bounding_boxes(black.float(), boxes, fill=True).max().item() == 1.0
    assert utils.draw_bounding_boxes(black, mg.zeros(0, 4)) is black
    for arguments, kind, text in (
        ((black, mg.tensor([[4, 1, 1, 5]])), ValueError, "xmin, ymin"),
        ((black, boxes, ["a"]), ValueError, "mismatch"),
        ((black, boxes, None, ["red"]), ValueError, "Number of colors"),
        ((black[None], boxes), ValueError, "not batches"),
        ((np.zeros(3), boxes), TypeError, "Tensor expected"),
    ):
        with pytest.raises(kind, match=text):
            utils.draw_bounding_boxes(*arguments)
    mask = mg.zeros(10, 10, dtype=mg.bool)
    mask[2:4] = True
    painted = utils.draw_segmentation_masks(black, mask, alpha=1.0, colors="lime")
    assert (painted[1] == mask * 255).all() and not painted[0].any()
    with pytest.raises(ValueError, match="boolean masks"):
        utils.draw_segmentation_masks(black, mask.int())


def test_the_parts_of_vision_are_there_when_asked_for() -> None:
    assert set(vision.__all__) <= set(dir(vision))
    for name in vision.__all__:
        assert getattr(vision, name).__name__ == f"minigrad.vision.{name}"
    with pytest.raises(AttributeError, match="no attribute 'sounds'"):
        vision.sounds  # noqa: B018
