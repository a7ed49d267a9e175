"""Transforms of images beside the same operations written plainly with torch.

torchvision is not installed; what it does to a PIL image before a batch is made is written out with
torch's own operations on the same images, and both results are compared before they are timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.report import Result, Table, progress
from benchmarks.timing import digits, geometric_mean, in_turns

ROUNDS = 15
SEED = 0
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = {"28x28": (28, 28), "32x32x3": (32, 32, 3), "224x224x3": (224, 224, 3)}


@dataclass(frozen=True)
class Row:
    """A transform of an image, and the same with torch."""

    name: str
    mine: Callable[[Any], Any]
    theirs: Callable[[Any], Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--rows", nargs="+", metavar="TEXT", help="only rows whose names hold one")


def plain_tensor(image: Any) -> Any:
    """Bytes to floats in 0..1, channels first."""
    import torch

    pixels = torch.from_numpy(np.array(image))
    pixels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()
    return pixels.to(torch.float32).div(255)


def plain_normalize(x: Any) -> Any:
    """Less the mean, over the deviation; on a copy, as the image may be needed again."""
    import torch

    mean, std = (torch.tensor(v[: len(x)]).view(-1, 1, 1) for v in (MEAN, STD))
    return x.clone().sub_(mean).div_(std)


def plain_resize(x: Any) -> Any:
    """Half the size, smoothed."""
    import torch

    size = [side // 2 for side in x.shape[-2:]]
    return torch.nn.functional.interpolate(
        x[None], size=size, mode="bilinear", align_corners=False, antialias=True
    )[0]


def _both(*steps: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run


def rows() -> list[Row]:
    """What is measured, for images of a data set of digits and of one of photographs."""
    from minigrad.vision import transforms as T
    from minigrad.vision.transforms import functional as F

    def normalize(x: Any) -> Any:
        return F.normalize(x, MEAN[: x.shape[0]], STD[: x.shape[0]])

    def half(x: Any) -> Any:
        return F.resize(x, [side // 2 for side in x.shape[-2:]])

    tensor = T.ToTensor()
    return [
        Row("ToTensor", tensor, plain_tensor),
        Row("ToTensor, Normalize", _both(tensor, normalize), _both(plain_tensor, plain_normalize)),
        Row(
            "hflip, ToTensor, Normalize",
            _both(F.hflip, tensor, normalize),
            _both(F.hflip, plain_tensor, plain_normalize),
        ),
        Row("ToTensor, Resize", _both(tensor, half), _both(plain_tensor, plain_resize)),
        Row("ToTensor, hflip", _both(tensor, F.hflip), _both(plain_tensor, lambda x: x.flip(-1))),
    ]


def run(rounds: int = ROUNDS, only: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure all rows, or those whose names hold one of the texts; a dict for each."""
    from PIL import Image

    found = []
    for size, shape in SIZES.items():
        pixels = np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)
        image = Image.fromarray(pixels)
        for row in rows():
            name = f"{row.name}, {size}"
            if only and not any(text in name for text in only):
                continue
            progress(f"transforms: {name}")
            np.testing.assert_allclose(
                row.mine(image).numpy(), row.theirs(image).numpy(), rtol=1e-4, atol=1e-5
            )
            calls = {"minigrad": _bind(row.mine, image), "torch": _bind(row.theirs, image)}
            measured = in_turns(calls, rounds)
            ratio = 1 / measured.ratio().median
            found.append({"row": name, **measured.data(), "speed ratio": ratio})
    progress("")
    return found


def _bind(call: Callable[[Any], Any], image: Any) -> Callable[[], Any]:
    return lambda: call(image)


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("transforms", rows=run(options.rounds, options.rows))
    lines = []
    for row in result.rows:
        seconds = (row["seconds"][side]["median"] for side in ("minigrad", "torch"))
        texts = [digits(s * 1e6) for s in seconds]
        lines.append([row["row"], *texts, digits(row["speed ratio"])])
    header = ["microseconds for an image", "minigrad", "torch", "torch / minigrad"]
    result.tables.append(Table("Transforms", header, lines))
    ratios = [row["speed ratio"] for row in result.rows]
    result.summary["geometric mean of torch / minigrad"] = geometric_mean(ratios)
    result.notes = [
        f"medians of {options.rounds} rounds in turns; above 1.0 minigrad is faster",
        "both sides' results agree on each image",
    ]
    return result
