"""A network and its data, made to fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pickle import UnpicklingError
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.cli.augmentations import chain
from minigrad.cli.batches import Batch, Batches, LoadedBatches, ShiftedBatches, item_of
from minigrad.cli.datasets import Source, open_source
from minigrad.cli.errors import CommandError, reason
from minigrad.cli.settings import Settings
from minigrad.utils.data import DataLoader
from minigrad.vision import transforms
from minigrad.vision.models.zoo import ZOO, get_model, load_weights

LOOK = 1000  # training images whose mean and deviation stand for all
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AUXILIARY = ("googlenet", "inception_v3")  # their side outputs are for 2014's depth of gradients


class Task:
    """What a run trains: the model, its batches, and the images that it is tested on.

    >>> from minigrad.cli.settings import Settings
    >>> task = Task(Settings(model="mlp"))
    >>> task.shape, len(task.batches), len(task.test_labels)
    ((1, 28, 28), 46, 355)
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.source: Source = open_source(settings.data, settings.root, settings.download)
        self.train_places, self._test, self.test_places = self._parts()
        mg.manual_seed(settings.seed)
        self.model = self._model()
        self.channels = ZOO[settings.model].input_size[0]
        self.size = settings.resize or self._fitting_size()
        if settings.resize and not self._takes(self.size):
            usual = ZOO[settings.model].input_size[1]
            raise CommandError(
                f"--resize {self.size}: {settings.model} does not take images of that size; its "
                f"usual one is {usual}"
            )
        self.shape = (self.channels, self.size, self.size)
        self.batches: Batches = self._batches()

    # --- the model ------------------------------------------------------------------------------

    def _model(self) -> nn.Module:
        settings = self.settings
        options = {"aux_logits": False} if settings.model in AUXILIARY else {}
        model = get_model(settings.model, num_classes=len(self.source.classes), **options)
        if settings.init_from is not None:
            self.kept = _take_weights(model, settings.init_from)
            if settings.freeze:
                for name, parameter in model.named_parameters():
                    parameter.requires_grad_(name.rpartition(".")[0] == _head(model))
        return model.to(settings.device)

    def train_mode(self) -> None:
        """Training mode, but for what is frozen: its batch norms keep their statistics."""
        self.model.train()
        if self.settings.freeze:
            self.model.eval()
            self.model.get_submodule(_head(self.model)).train()

    def _fitting_size(self) -> int:
        """The height and width of images that the model takes: the data's own, or the model's."""
        own = self._stored_size()
        if own is not None and self._takes(own):
            return own
        return ZOO[self.settings.model].input_size[1]

    def _stored_size(self) -> int | None:
        """The data's height, if its images are square and all alike."""
        if not hasattr(self.source.train, "data") and not hasattr(self.source.train, "image_size"):
            return None  # a folder of pictures of any size
        image = _array(item_of(self.source.train, 0)[0])
        return int(image.shape[0]) if image.shape[0] == image.shape[1] else None

    @mg.no_grad()
    def _takes(self, size: int) -> bool:
        state = mg.get_rng_state()
        try:
            shape = (1, self.channels, size, size)
            self.model.eval()(mg.zeros(shape, device=self.settings.device))
            return True
        except (RuntimeError, ValueError):  # its feature maps would vanish
            return False
        finally:
            mg.set_rng_state(state)

    # --- the data -------------------------------------------------------------------------------

    def _parts(self) -> tuple[Any, Any, Any]:
        """Places of the training images, the set that is tested on, and places in that."""
        settings, source = self.settings, self.source
        everything = np.arange(len(source.train))
        if not settings.fold:
            return everything, source.test, np.arange(len(source.test))
        if settings.folds > len(everything):
            raise CommandError(f"--folds {settings.folds}: there are {len(everything)} images")
        order = np.random.Generator(np.random.PCG64(settings.seed)).permutation(everything)
        held = np.array_split(order, settings.folds)[settings.fold - 1]
        return np.setdiff1d(everything, held), source.train, np.sort(held)

    def _batches(self) -> Batches:
        settings, train = self.settings, self.source.train
        augment = self.augment
        if settings.data == "digits" and augment == ("shift",) and self.shape == (1, 28, 28):
            images, labels = train.data.numpy()[:, 0], train.targets.numpy()
            chosen = self.train_places
            return ShiftedBatches(
                images[chosen], labels[chosen], settings.batch_size, settings.seed
            )
        return LoadedBatches(
            train,
            self.train_places,
            chain(augment, self.size, *self._steps()),
            settings.batch_size,
            settings.seed,
            settings.workers,
        )

    @property
    def augment(self) -> tuple[str, ...]:
        """How training images are changed."""
        if self.settings.augment is not None:
            return self.settings.augment
        return ("shift",) if self.settings.data == "digits" else ("none",)

    def _steps(self) -> tuple[list[Any], list[Any]]:
        """From a stored image to one of the right size, and from there to a normalised tensor."""
        before: list[Any] = []
        sample = item_of(self.source.train, 0)[0]
        if _channels(sample) != self.channels:
            before.append(transforms.Grayscale(self.channels))
        if self._stored_size() is None:
            before += [transforms.Resize(self.size), transforms.CenterCrop(self.size)]
        elif self._stored_size() != self.size:
            before.append(transforms.Resize((self.size, self.size)))
        after: list[Any] = [] if isinstance(sample, mg.Tensor) else [transforms.ToTensor()]
        if self.settings.data != "digits":
            after.append(transforms.Normalize(*self.statistics))
        return before, after

    @cached_property
    def statistics(self) -> tuple[Any, Any]:
        """Mean and deviation of each channel: of ImageNet where weights come from elsewhere."""
        if self.settings.init_from is not None:
            return IMAGENET if self.channels == 3 else ((0.449,), (0.226,))
        places = np.linspace(0, len(self.source.train) - 1, LOOK).astype(int)
        pixels = [_array(item_of(self.source.train, int(i))[0]) for i in np.unique(places)]
        if self.channels == 1 or pixels[0].shape[-1] != self.channels:
            pixels = [image.mean(axis=-1, keepdims=True) for image in pixels]
        flat = np.concatenate([image.reshape(-1, image.shape[-1]) for image in pixels])
        spread = np.maximum(flat.std(axis=0), 1e-3)
        return tuple(
            tuple(round(float(v), 4) for v in np.broadcast_to(values, self.channels))
            for values in (flat.mean(axis=0), spread)
        )  # type: ignore[return-value]

    # --- the test -------------------------------------------------------------------------------

    @cached_property
    def test_labels(self) -> mg.Tensor:
        """The classes (N,) of the images that are tested on."""
        targets = getattr(self._test, "targets", None)
        if targets is None:
            targets = [int(self._test[i][1]) for i in range(len(self._test))]
        return mg.tensor(np.asarray(targets)[self.test_places], dtype=mg.int64)

    def test_batches(self) -> Iterator[Batch]:
        """The images that are tested on, in order and unchanged."""
        before, after = self._steps()
        yield from DataLoader(
            _Chosen(self._test, self.test_places, chain((), self.size, before, after)),
            batch_size=max(self.settings.batch_size, 128 if self.size <= 64 else 32),
            num_workers=self.settings.workers,
            generator=mg.Generator(),
        )

    def test_image(self, index: int) -> Any:
        """An image that is tested on, as stored: an array (H, W) or (H, W, 3)."""
        image = _array(item_of(self._test, int(self.test_places[index]))[0])
        return image[..., 0] if image.shape[-1] == 1 else image


class _Chosen:
    """Some of a data set's items, their images transformed."""

    def __init__(self, dataset: Any, places: Any, transform: Any) -> None:
        self._dataset, self._places, self._transform = dataset, places, transform

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image, label = item_of(self._dataset, int(self._places[index]))
        return self._transform(image), int(label)

    def __len__(self) -> int:
        return len(self._places)


def _array(image: Any) -> Any:
    """An image as an array (H, W, C) in 0..1, whatever holds it."""
    if isinstance(image, mg.Tensor):
        return image.numpy().transpose(1, 2, 0)
    pixels = np.asarray(image, dtype=np.float32) / 255
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _channels(image: Any) -> int:
    return int(_array(image).shape[-1])


def _head(model: nn.Module) -> str:
    """The name of the last layer with parameters: the one whose outputs are the classes."""
    return [name for name, m in model.named_modules() if list(m.parameters(recurse=False))][-1]


def _take_weights(model: nn.Module, source: str) -> str:
    """Load weights from a file or address, but for a last layer of other classes."""
    try:
        state = dict(load_weights(source))
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        LookupError,
        TypeError,
        UnpicklingError,
    ) as error:
        raise CommandError(f"--init-from {source}: {reason(error)}") from error
    own = model.state_dict()
    head = _head(model)
    other = [n for n in own if n in state and tuple(state[n].shape) != tuple(own[n].shape)]
    wrong = [name for name in other if name.rpartition(".")[0] != head]
    absent = [name for name in own if name not in state and not name.startswith("AuxLogits")]
    if wrong or absent:
        name = (wrong or absent)[0]
        what = "has another shape" if wrong else "is not in it"
        raise CommandError(f"--init-from {source} does not fit the model: {name} {what}")
    model.load_state_dict({n: v for n, v in state.items() if n in own and n not in other}, False)
    return f"its last layer, {head}, begins anew" if other else "all layers"
