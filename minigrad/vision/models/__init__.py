"""Models for images, under the names that torchvision gives them; one file per family."""

from __future__ import annotations

from minigrad.vision.models.alexnet import *  # noqa: F403
from minigrad.vision.models.densenet import *  # noqa: F403
from minigrad.vision.models.googlenet import *  # noqa: F403
from minigrad.vision.models.inception import *  # noqa: F403
from minigrad.vision.models.lenet import *  # noqa: F403
from minigrad.vision.models.mlp import *  # noqa: F403
from minigrad.vision.models.mobilenetv2 import *  # noqa: F403
from minigrad.vision.models.nin import *  # noqa: F403
from minigrad.vision.models.resnet import *  # noqa: F403
from minigrad.vision.models.squeezenet import *  # noqa: F403
from minigrad.vision.models.vgg import *  # noqa: F403
from minigrad.vision.models.zoo import get_model as get_model
from minigrad.vision.models.zoo import get_model_builder as get_model_builder
from minigrad.vision.models.zoo import list_models as list_models
