"""From image to tensor and back, beside torch's operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import minigrad as mg
from minigrad.vision import transforms as T
from minigrad.vision.transforms import functional as F
from parity_tests.vision.pictures import picture, pixels, same, tensors


@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_to_tensor_of_bytes_is_torchs_division(channels: int) -> None:
    array = pixels(channels=channels)
    full = array if array.ndim == 3 else array[:, :, None]
    theirs = torch.from_numpy(full).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    mine = T.ToTensor()(array)
    assert mine.is_contiguous() and (mine.numpy() == theirs.numpy()).all()
    if channels != 1:
        mode = {0: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
        assert (T.ToTensor()(Image.fromarray(array, mode=mode)).numpy() == theirs.numpy()).all()


def test_to_tensor_of_other_elements_keeps_them() -> None:
    wide = np.arange(6, dtype=np.float64).reshape(2, 3)
    assert F.to_tensor(wide).dtype == mg.float64 and F.to_tensor(wide).tolist() == [wide.tolist()]
    for kind, mode, dtype in ((np.int32, "I", mg.int32), (np.float32, "F", mg.float32)):
        tensor = F.to_tensor(Image.fromarray(wide.astype(kind)))
        assert tensor.dtype == dtype and tensor.tolist() == [wide.tolist()], mode
    assert F.to_tensor(Image.fromarray(wide.astype(np.uint16))).dtype == mg.int16
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert F.to_tensor(bits).tolist() == [[[0.0, 1.0]]]


def test_to_tensor_follows_the_default_dtype() -> None:
    mg.set_default_dtype(mg.float64)
    try:
        assert F.to_tensor(np.full((1, 1), 51, np.uint8)).item() == 51 / 255
    finally:
        mg.set_default_dtype(mg.float32)


def test_to_tensor_never_shares_memory() -> None:
    array = np.zeros((2, 2), np.float32)
    F.to_tensor(array).add_(1)
    assert not array.any()
    array = np.zeros((2, 2), np.uint8)
    image = Image.fromarray(array)
    F.pil_to_tensor(image).add_(1)
    assert not np.asarray(image).any()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_pil_to_tensor_and_back(mode: str) -> None:
    image = picture(mode=mode)
    tensor = T.PILToTensor()(image)
    assert tensor.dtype == mg.uint8 and tensor.is_contiguous()
    assert (tensor.numpy().transpose(1, 2, 0).squeeze() == np.asarray(image)).all()
    same(T.ToPILImage(mode if mode == "CMYK" else None)(tensor), image)
    same(F.to_pil_image(np.asarray(image), mode), image)


@pytest.mark.parametrize(
    ("dtype", "mode"), [("uint8", "L"), ("int16", "I;16"), ("int32", "I"), ("float32", "F")]
)
def test_grey_tensors_become_images_of_their_type(dtype: str, mode: str) -> None:
    values = np.arange(6).reshape(1, 2, 3).astype(dtype)
    image = F.to_pil_image(mg.from_numpy(values), "F" if mode == "F" else None)
    assert image.mode == mode and (np.asarray(image) == values[0]).all()
    assert F.to_pil_image(values[0]).mode == mode


@given(st.integers(0, 10_000))
def test_to_pil_image_of_floats_is_torchs_cast(seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((3, 4, 5)).astype(np.float32)
    theirs = torch.from_numpy(values).mul(255).byte().permute(1, 2, 0).numpy()
    same(F.to_pil_image(mg.from_numpy(values)), theirs)


FLOATS = ["float32", "float64"]
INTS = ["uint8", "int8", "int16", "int32", "int64"]


@pytest.mark.parametrize("to", FLOATS + INTS)
@pytest.mark.parametrize("of", FLOATS + INTS)
def test_convert_image_dtype_covers_the_range(of: str, to: str) -> None:
    greatest = {k: 1 if k in FLOATS else int(np.iinfo(k).max) for k in FLOATS + INTS}
    image = mg.from_numpy(np.array([0, greatest[of]]).astype(of))
    if (of, to) in {("float32", "int32"), ("float32", "int64"), ("float64", "int64")}:
        with pytest.raises(RuntimeError, match="cannot be performed safely"):
            F.convert_image_dtype(image, getattr(mg, to))
        return
    mine = T.ConvertImageDtype(getattr(mg, to))(image)
    assert mine.dtype == getattr(mg, to)
    expected = greatest[to]
    if of in INTS and to in INTS and greatest[to] > greatest[of]:
        expected = greatest[of] * ((greatest[to] + 1) // (greatest[of] + 1))
    assert mine[0].item() == 0 and mine[1].item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_normalize(dtype: str, lead: tuple[int, ...]) -> None:
    mine, theirs = tensors(*lead, dtype=dtype)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    before = mine.clone()
    m, s = (torch.tensor(x, dtype=theirs.dtype).view(-1, 1, 1) for x in (mean, std))
    expected = theirs.sub(m).div(s)
    assert (T.Normalize(mean, std)(mine).numpy() == expected.numpy()).all()
    assert (mine == before).all()
    assert T.Normalize(mean, std, inplace=True)(mine) is mine
    assert (mine.numpy() == expected.numpy()).all()


def test_normalize_has_a_gradient() -> None:
    x = mg.rand(3, 2, 2, requires_grad=True)
    F.normalize(x, [0.0], [0.5]).sum().backward()
    assert (x.grad == 2).all()


def test_linear_transformation() -> None:
    mine, theirs = tensors(2)
    size = 3 * 13 * 17
    weights = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    mean = np.random.default_rng(1).standard_normal(size).astype(np.float32)
    expected = (theirs.reshape(2, -1) - torch.from_numpy(mean)) @ torch.from_numpy(weights)
    found = T.LinearTransformation(mg.from_numpy(weights), mg.from_numpy(mean))(mine)
    np.testing.assert_allclose(found.numpy().reshape(2, -1), expected.numpy(), atol=1e-3)
