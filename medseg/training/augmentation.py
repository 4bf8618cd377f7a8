"""Changes that leave a patient a plausible patient, for a whole batch at once.

Ranges and probabilities follow nnU-Net (Isensee et al., 2021) with gentler rotation
and scaling, which suited short trainings better. All chance was drawn before: what
comes out for one sample does not depend on the others of its batch.
"""

import torch
from jaxtyping import Float32, Integer, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.core.plan import Plan
from medseg.training.appearance import Appearance, draw_appearance, with_appearances
from medseg.training.batch import RawBatch
from medseg.training.deformation import Deformation, draw_deformation, sampled_index

__all__ = [
    "Appearance",
    "Deformation",
    "RawBatch",
    "augmented",
    "draw_appearance",
    "draw_deformation",
    "nearest",
]


@torch.no_grad()
def augmented(
    batch: RawBatch, plan: Plan
) -> tuple[Float32[Tensor, "batch channel i j k"], UInt8[Tensor, "batch i j k"]]:
    """Cut, deform and recolour every patch, on the device the batch is on."""
    index = sampled_index(batch.deformations, batch.centres, plan.patch_shape)
    labels = nearest(batch.labels, index)
    size = torch.tensor(batch.labels.shape[1:], device=index.device)
    grid = index.mul_(2 / size).add_(1 / size - 1).flip(-1)
    images = functional.grid_sample(batch.image, grid, align_corners=False)
    return with_appearances(images, batch.appearances), labels


def nearest(
    labels: Integer[Tensor, "batch i j k"], index: Float32[Tensor, "batch a b c 3"]
) -> Integer[Tensor, "batch a b c"]:
    """Label nearest to each index.

    Half-way indices always go up: `grid_sample` sends them to the even side and so by
    the box that the patch happens to be cut from.
    """
    batch, i, j, k = labels.shape
    place = (index + 0.5).floor().int()
    offset = torch.arange(batch, device=labels.device) * (i * j * k)
    flat = offset.view(-1, 1, 1, 1) + (
        (place[..., 0].clamp(0, i - 1) * j + place[..., 1].clamp(0, j - 1)) * k
        + place[..., 2].clamp(0, k - 1)
    )
    return labels.view(-1)[flat]
