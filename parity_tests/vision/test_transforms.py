"""Printed forms, mistakes, and what holds for all transforms."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad.vision import transforms as T
from minigrad.vision.transforms import InterpolationMode
from minigrad.vision.transforms import functional as F
from parity_tests.vision.pictures import picture, tensors

REPRS = {
    "ToTensor()": T.ToTensor(),
    "PILToTensor()": T.PILToTensor(),
    "ToPILImage()": T.ToPILImage(),
    "ToPILImage(mode=RGB)": T.ToPILImage("RGB"),
    "ConvertImageDtype()": T.ConvertImageDtype(mg.float32),
    "Normalize(mean=(0.5,), std=(0.25,))": T.Normalize((0.5,), (0.25,)),
    "Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)": T.Resize(256),
    "CenterCrop(size=(224, 224))": T.CenterCrop(224),
    "Pad(padding=2, fill=0, padding_mode=constant)": T.Pad(2),
    "RandomCrop(size=(32, 32), padding=4)": T.RandomCrop(32, padding=4),
    "RandomHorizontalFlip(p=0.5)": T.RandomHorizontalFlip(),
    "RandomVerticalFlip(p=0.1)": T.RandomVerticalFlip(0.1),
    "RandomPerspective(p=0.5)": T.RandomPerspective(),
    "RandomResizedCrop(size=(224, 224), scale=(0.08, 1.0), ratio=(0.75, 1.3333), "
    "interpolation=bilinear, antialias=True)": T.RandomResizedCrop(224),
    "FiveCrop(size=(3, 4))": T.FiveCrop((3, 4)),
    "TenCrop(size=(3, 3), vertical_flip=False)": T.TenCrop(3),
    "LinearTransformation(transformation_matrix=[[1.0]], mean_vector=[0.0])": (
        T.LinearTransformation(mg.eye(1), mg.zeros(1))
    ),
    "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=(0.0, 3.0), hue=(-0.1, 0.1))": (
        T.ColorJitter(0.5, 0, 2, 0.1)
    ),
    "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)": (
        T.RandomRotation(10)
    ),
    "RandomRotation(degrees=[1.0, 2.0], interpolation=bilinear, expand=True, center=(1, 2), "
    "fill=3)": T.RandomRotation((1, 2), InterpolationMode.BILINEAR, True, (1, 2), 3),
    "RandomAffine(degrees=[-5.0, 5.0])": T.RandomAffine(5),
    "RandomAffine(degrees=[-5.0, 5.0], translate=(0.1, 0.2), scale=(1, 2), shear=[-3.0, 3.0], "
    "interpolation=bilinear, fill=1, center=(0, 0))": T.RandomAffine(
        5, (0.1, 0.2), (1, 2), 3, InterpolationMode.BILINEAR, 1, (0, 0)
    ),
    "Grayscale(num_output_channels=1)": T.Grayscale(),
    "RandomGrayscale(p=0.1)": T.RandomGrayscale(),
    "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)": (
        T.RandomErasing()
    ),
    "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))": T.GaussianBlur(3),
    "RandomInvert(p=0.5)": T.RandomInvert(),
    "RandomPosterize(bits=2,p=0.5)": T.RandomPosterize(2),
    "RandomSolarize(threshold=9,p=0.5)": T.RandomSolarize(9),
    "RandomAdjustSharpness(sharpness_factor=2,p=0.5)": T.RandomAdjustSharpness(2),
    "RandomAutocontrast(p=0.5)": T.RandomAutocontrast(),
    "RandomEqualize(p=0.5)": T.RandomEqualize(),
    "Lambda()": T.Lambda(abs),
    "Compose(\n    ToTensor()\n)": T.Compose([T.ToTensor()]),
    "RandomApply(\n    p=0.5\n    ToTensor()\n)": T.RandomApply([T.ToTensor()]),
    "RandomOrder(\n    ToTensor()\n)": T.RandomOrder([T.ToTensor()]),
    "RandomChoice(\n    ToTensor()\n)(p=None)": T.RandomChoice([T.ToTensor()]),
}


@pytest.mark.parametrize("text", REPRS)
def test_printed_forms(text: str) -> None:
    assert repr(REPRS[text]) == text


def test_transforms_travel_to_other_processes_and_stand_in_sequences() -> None:
    both = T.Compose([T.RandomCrop(4), T.ToTensor(), T.Normalize(0.5, 0.5)])
    assert repr(pickle.loads(pickle.dumps(both))) == repr(both)
    chain = mg.nn.Sequential(T.CenterCrop(4), T.ConvertImageDtype(mg.float32))
    assert chain(mg.zeros(3, 8, 8, dtype=mg.uint8)).shape == (3, 4, 4)


IMAGE = mg.zeros(3, 8, 8)
ERRORS = {
    "to_tensor": (TypeError, "PIL Image or ndarray", lambda: F.to_tensor(IMAGE)),
    "to_tensor 4": (ValueError, "2/3 dimensional", lambda: F.to_tensor(np.zeros((1, 2, 3, 4)))),
    "pil_to_tensor": (TypeError, "should be PIL Image", lambda: F.pil_to_tensor(np.zeros(2))),
    "to_pil": (TypeError, "Tensor or ndarray", lambda: F.to_pil_image([1])),
    "to_pil 1": (ValueError, "2/3 dimensional", lambda: F.to_pil_image(mg.zeros(2))),
    "to_pil 5": (ValueError, "> 4 channels", lambda: F.to_pil_image(mg.zeros(5, 2, 2))),
    "to_pil mode": (ValueError, "are supported", lambda: F.to_pil_image(IMAGE, "LA")),
    "to_pil grey": (ValueError, "Incorrect mode", lambda: F.to_pil_image(IMAGE[:1], "RGB")),
    "to_pil kind": (TypeError, "not supported", lambda: F.to_pil_image(np.zeros((2, 2, 3)))),
    "normalize kind": (TypeError, "Tensor Image", lambda: F.normalize(0, [0], [1])),
    "normalize int": (TypeError, "float tensor", lambda: F.normalize(IMAGE.int(), [0], [1])),
    "normalize 2": (ValueError, "to be a tensor image", lambda: F.normalize(IMAGE[0], [0], [1])),
    "normalize 0": (ValueError, "division by zero", lambda: F.normalize(IMAGE, [0], [0])),
    "resize kind": (TypeError, "int or sequence", lambda: T.Resize(1.5)),
    "resize 3": (ValueError, "1 or 2 values", lambda: T.Resize((1, 2, 3))),
    "resize max": (ValueError, "smaller edge", lambda: F.resize(IMAGE, [2, 3], max_size=4)),
    "resize small": (ValueError, "strictly greater", lambda: F.resize(IMAGE, 5, max_size=5)),
    "resize box": (ValueError, "unsupported", lambda: F.resize(IMAGE, 4, InterpolationMode.BOX)),
    "interpolation": (TypeError, "InterpolationMode", lambda: F.resize(IMAGE, 4, "bilinear")),
    "no image": (TypeError, "PIL Image or Tensor", lambda: F.hflip(np.zeros((2, 2)))),
    "no picture": (TypeError, "not a torch image", lambda: F.hflip(mg.zeros(3))),
    "crop": (ValueError, "larger than input image", lambda: T.RandomCrop(9)(IMAGE)),
    "crop size": (ValueError, "only two dimensions", lambda: T.CenterCrop((1, 2, 3))),
    "five": (ValueError, "bigger than input size", lambda: T.FiveCrop(9)(IMAGE)),
    "pad": (TypeError, "padding arg", lambda: T.Pad("1")),
    "pad fill": (TypeError, "fill arg", lambda: T.Pad(1, fill="1")),
    "pad mode": (ValueError, "Padding mode", lambda: T.Pad(1, padding_mode="mirror")),
    "pad 3": (ValueError, "1, 2, or 4", lambda: T.Pad((1, 2, 3))),
    "brightness": (ValueError, "not non-negative", lambda: F.adjust_brightness(IMAGE, -1)),
    "hue": (ValueError, "not in", lambda: F.adjust_hue(IMAGE, 0.6)),
    "channels": (TypeError, "permitted channel", lambda: F.adjust_contrast(mg.zeros(2, 4, 4), 1)),
    "jitter": (ValueError, "non negative", lambda: T.ColorJitter(-1)),
    "jitter kind": (TypeError, "single number", lambda: T.ColorJitter((1, 2, 3))),
    "jitter bound": (ValueError, "should be between", lambda: T.ColorJitter(hue=0.7)),
    "gamma": (ValueError, "non-negative real", lambda: F.adjust_gamma(IMAGE, -1)),
    "grey": (ValueError, "1 or 3", lambda: F.rgb_to_grayscale(IMAGE, 2)),
    "posterize": (TypeError, "uint8", lambda: F.posterize(IMAGE, 2)),
    "equalize": (TypeError, "uint8", lambda: F.equalize(IMAGE)),
    "solarize": (TypeError, "less than bound", lambda: F.solarize(IMAGE, 2)),
    "degrees": (ValueError, "must be positive", lambda: T.RandomRotation(-1)),
    "degrees 3": (ValueError, "length 2", lambda: T.RandomRotation((1, 2, 3))),
    "translate": (ValueError, "between 0 and 1", lambda: T.RandomAffine(0, (2, 0))),
    "scale": (ValueError, "positive", lambda: T.RandomAffine(0, scale=(0, 1))),
    "shear": (ValueError, "length 2 or 4", lambda: T.RandomAffine(0, shear=(1, 2, 3))),
    "fill": (TypeError, "sequence or a number", lambda: T.RandomRotation(1, fill={})),
    "fill 2": (ValueError, "cannot broadcast", lambda: F.rotate(IMAGE, 1, fill=[1, 2])),
    "angle": (TypeError, "int or float", lambda: F.rotate(IMAGE, "1")),
    "affine": (TypeError, "translate", lambda: F.affine(IMAGE, 0, 1, 1.0, 0)),
    "affine scale": (ValueError, "positive", lambda: F.affine(IMAGE, 0, [0, 0], 0.0, 0)),
    "blur": (ValueError, "odd and positive", lambda: T.GaussianBlur(4)),
    "blur F": (ValueError, "odd and positive", lambda: F.gaussian_blur(IMAGE, 4)),
    "sigma": (ValueError, "min, max", lambda: T.GaussianBlur(3, (2, 1))),
    "erase": (TypeError, "not a torch image", lambda: F.erase(0, 0, 0, 1, 1, IMAGE)),
    "erasing p": (ValueError, "probability", lambda: T.RandomErasing(p=2)),
    "erasing value": (ValueError, "random", lambda: T.RandomErasing(value="noise")),
    "erasing values": (ValueError, "3 \\(number", lambda: T.RandomErasing(1, value=(1, 2))(IMAGE)),
    "lambda": (TypeError, "callable", lambda: T.Lambda(3)),
    "order": (TypeError, "sequence", lambda: T.RandomOrder(3)),
    "square": (ValueError, "square", lambda: T.LinearTransformation(mg.ones(2, 3), mg.ones(2))),
}


@pytest.mark.parametrize("name", ERRORS)
def test_mistakes_raise_torchvisions_type(name: str) -> None:
    kind, text, call = ERRORS[name]
    with pytest.raises(kind, match=text):
        call()


def test_ranges_that_run_backwards_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="kind \\(min, max\\)"):
        T.RandomResizedCrop(3, scale=(1, 0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        T.RandomResizedCrop(3)


def test_without_pillow_one_sentence_says_what_to_install(monkeypatch) -> None:
    import sys

    for name in [m for m in sys.modules if m == "PIL" or m.startswith("PIL.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="pip install Pillow"):
        T.ToPILImage()(IMAGE)
    assert T.Compose([T.CenterCrop(2), T.Normalize(0.5, 0.5)])(IMAGE).shape == (3, 2, 2)


def test_the_second_set_of_names() -> None:
    from minigrad.vision.transforms import v2

    chain = v2.Compose([v2.ToImage(), v2.Resize((4, 5)), v2.ToDtype(mg.float32, scale=True)])
    image = picture()
    other = T.Compose([T.PILToTensor(), T.Resize((4, 5)), T.ConvertImageDtype(mg.float32)])
    assert (chain(image) == other(image)).all()
    assert (v2.ToImage()(np.asarray(image)) == F.pil_to_tensor(image)).all()
    assert v2.ToDtype(mg.float32)(mg.ones(1, dtype=mg.uint8)).item() == 1.0
    assert T.v2 is v2 and set(T.__all__) < set(v2.__all__)
    with pytest.raises(ValueError, match="dtype must be"):
        v2.ToDtype("float32")


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_leading_axes_are_images_of_their_own(lead: tuple[int, ...]) -> None:
    """What is done to a stack is done to each of its images."""
    mine, _ = tensors(*lead, dtype="uint8")
    functions = [
        lambda x: F.resize(x, [5, 6]),
        lambda x: F.pad(x, 2, padding_mode="reflect"),
        lambda x: F.pad(x, 2, fill=3),
        lambda x: F.rotate(x, 20.0, fill=[1, 2, 3]),
        lambda x: F.affine(x, 5.0, [1, 2], 1.1, [3.0, 4.0]),
        lambda x: F.perspective(
            x, [[0, 0], [16, 0], [16, 12], [0, 12]], [[1, 2], [16, 0], [15, 11], [0, 12]]
        ),
        lambda x: F.gaussian_blur(x, 3),
        lambda x: F.adjust_sharpness(x, 2.0),
        lambda x: F.adjust_hue(x, 0.2),
        lambda x: F.adjust_contrast(x, 0.5),
        lambda x: F.adjust_saturation(x, 0.5),
        lambda x: F.rgb_to_grayscale(x, 3),
        lambda x: F.center_crop(x, 20),
        F.equalize,
        F.autocontrast,
    ]
    for function in functions:
        whole = function(mine).numpy()
        flat = mine.reshape(-1, *mine.shape[-3:])
        each = np.stack([function(image).numpy() for image in flat])
        np.testing.assert_array_equal(whole.reshape(each.shape), each)
