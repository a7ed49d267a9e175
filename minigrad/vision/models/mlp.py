"""A multilayer perceptron for small images."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, nn
from minigrad.vision.models.zoo import register_model

__all__ = ["MLP", "mlp"]


class MLP(nn.Module):
    """Fully connected layers with ReLU and dropout between them.

    Shape: (N, ...) with ``in_features`` values per image, to (N, num_classes), scores before the
    softmax.

    >>> import minigrad as torch
    >>> from minigrad.vision.models import MLP
    >>> MLP(hidden=(16,))
    MLP(
      (layers): Sequential(
        (0): Flatten(start_dim=1, end_dim=-1)
        (1): Linear(in_features=784, out_features=16, bias=True)
        (2): ReLU()
        (3): Dropout(p=0.2, inplace=False)
        (4): Linear(in_features=16, out_features=10, bias=True)
      )
    )
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_features: int = 28 * 28,
        hidden: tuple[int, ...] = (128, 64),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for width in hidden:
            layers += [nn.Linear(in_features, width), nn.ReLU(), nn.Dropout(dropout)]
            in_features = width
        self.layers = nn.Sequential(*layers, nn.Linear(in_features, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images."""
        scores: Tensor = self.layers(x)
        return scores


@register_model(109_386, input_size=(1, 28, 28))
def mlp(**options: Any) -> MLP:
    """A perceptron with 109,386 parameters; ``options`` go to :class:`MLP`.

    >>> from minigrad.vision.models import mlp
    >>> mlp(hidden=(32,)).layers[1]
    Linear(in_features=784, out_features=32, bias=True)
    """
    return MLP(**options)
