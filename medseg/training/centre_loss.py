"""What training minimises for the instance head."""

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from medseg.core.plan import IGNORED
from medseg.training.centres import CentreTargets

_HEAT_WEIGHT = 200.0
_OFFSET_WEIGHT = 0.1


def centre_sums(
    outputs: Float32[Tensor, "batch 4 i j k"],
    targets: CentreTargets,
    labels: UInt8[Tensor, "batch i j k"],
) -> Float32[Tensor, "4"]:
    """What the loss is made of; sums of several parts of a batch may be added.

    Args:
        outputs: Of the head: heat-map and three offsets.
        targets: What they ought to be.
        labels: Ignored voxels count for nothing.

    Returns:
        Squared error of the heat-map, absolute error of the offsets inside things, and
        how many voxels each is of.
    """
    counted = labels != IGNORED
    inside = targets.inside & counted
    squares = (outputs[:, 0] - targets.heat).square() * counted
    apart = (outputs[:, 1:] - targets.offsets).abs().sum(1) * inside
    return torch.stack(
        [squares.sum(), apart.sum(), counted.sum().float(), inside.sum().float()]
    )


def centre_loss(sums: Float32[Tensor, "4"]) -> Float32[Tensor, ""]:
    """200 x mean squared error of the heat-map + 0.1 x mean error of the offsets.

    The heat-map's weight is that of Panoptic-DeepLab (Cheng et al., 2020): a thing's
    Gaussian fills a few voxels in 10,000 of a small patch, and theirs of a street
    scene. The offsets' error is summed over the axes, in sigmas, that is in one or two
    voxels; theirs of 0.01 is for pixels, of things that are a hundred of them wide.
    """
    squares, apart, voxels, inside = sums
    heat = squares / voxels.clamp(min=1)
    loss: Tensor = _HEAT_WEIGHT * heat + _OFFSET_WEIGHT * apart / inside.clamp(min=1)
    return loss
