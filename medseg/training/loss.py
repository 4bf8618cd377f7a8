"""What training minimises."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

_SMOOTH = 1e-5


def dice_cross_entropy(
    logits: Float[Tensor, "batch label i j k"], labels: Int64[Tensor, "batch i j k"]
) -> Float[Tensor, ""]:
    """Cross-entropy plus 1 - soft Dice of the structures (Milletari et al., 2016).

    Dice is taken over the whole batch, background left out, as in nnU-Net; MONAI's
    `DiceCELoss(softmax=True, include_background=False, batch=True)` is the same.
    """
    logits = logits.float()
    cross_entropy = functional.cross_entropy(logits, labels)
    probabilities = logits.softmax(1)[:, 1:]
    one_hot = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1)[:, 1:]
    dims = (0, 2, 3, 4)
    overlap = (probabilities * one_hot).sum(dims)
    sizes = probabilities.sum(dims) + one_hot.sum(dims)
    dice = (2 * overlap + _SMOOTH) / (sizes + _SMOOTH)
    return cross_entropy + (1 - dice).mean()


@torch.no_grad()
def pseudo_dice(
    logits: Float[Tensor, "batch label i j k"], labels: Int64[Tensor, "batch i j k"]
) -> tuple[float | None, ...]:
    """Dice of each structure over a batch of patches; None where neither holds it."""
    predicted = logits.argmax(1)
    result: list[float | None] = []
    for label in range(1, logits.shape[1]):
        a, b = predicted == label, labels == label
        size = int(a.sum() + b.sum())
        result.append(2 * int((a & b).sum()) / size if size else None)
    return tuple(result)
