"""What the instance head ought to give: a heat-map of centres, and offsets to them.

As Panoptic-DeepLab (Cheng et al., 2020), in 3D. Made from the instance numbers of the
patch as the network sees it, after all augmentation: a thing that the patch's border
cuts has the centre of the part that is there, as a network cannot know of the rest.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int32, Int64
from torch import Tensor

from medseg.core.geometry import Spacing
from medseg.core.instance_head import InstanceHead
from medseg.core.plan import Plan
from medseg.training.augmentation import nearest
from medseg.training.batch import RawBatch
from medseg.training.deformation import sampled_index

_REACH_SIGMAS = 4.0  # a Gaussian is below 4e-4 there


@dataclass(frozen=True, eq=False, kw_only=True)
class CentreTargets:
    """The head's targets for a batch.

    Attributes:
        heat: Largest of exp(-d^2 / 2 sigma^2) over the centres, d in millimetres; 0
            beyond 4 sigma.
        offsets: Centre less voxel along the network's axes, in sigmas; 0 outside.
        inside: Voxels of things.
    """

    heat: Float32[Tensor, "batch i j k"]
    offsets: Float32[Tensor, "batch 3 i j k"]
    inside: Bool[Tensor, "batch i j k"]


@torch.no_grad()
def learned_centres(batch: RawBatch, plan: Plan) -> CentreTargets | None:
    """Targets of a batch, on the device it is on; None of a plan without a head.

    Args:
        batch: With instance numbers, where there is a head.
        plan: What the patches are cut for.
    """
    if plan.head is None:
        return None
    if batch.instances is None:
        raise ValueError("an instance head learns from instance numbers")
    index = sampled_index(batch.deformations, batch.centres, plan.patch_shape)
    instances = nearest(batch.instances, index)
    return centre_targets(instances, plan.head, plan.spacing_mm)


def centre_targets(
    instances: Int32[Tensor, "batch i j k"], head: InstanceHead, spacing_mm: Spacing
) -> CentreTargets:
    """Targets of patches of instance numbers, 0 for none.

    Args:
        instances: Numbers are a patch's own; any may be missing.
        head: Says how wide a Gaussian is.
        spacing_mm: Of the patches' voxels.
    """
    each = [_of_sample(one, head, spacing_mm) for one in instances]
    return CentreTargets(
        heat=torch.cat([one.heat for one in each]),
        offsets=torch.cat([one.offsets for one in each]),
        inside=instances > 0,
    )


def _of_sample(
    instances: Int32[Tensor, "i j k"], head: InstanceHead, spacing_mm: Spacing
) -> CentreTargets:
    device = instances.device
    inside = instances > 0
    unit = torch.tensor(spacing_mm, device=device) / head.sigma_mm
    voxels = inside.nonzero()
    _, place = torch.unique(instances[inside], return_inverse=True)
    centres = _centres(voxels, place)
    offsets = torch.zeros((*instances.shape, 3), device=device)
    offsets[inside] = ((centres[place] - voxels) * unit.double()).float()
    return CentreTargets(
        heat=_heat(centres, instances.shape, unit)[None],
        offsets=offsets.movedim(-1, 0)[None],
        inside=inside[None],
    )


def _centres(
    voxels: Int64[Tensor, "voxel 3"], place: Int64[Tensor, " voxel"]
) -> Float[Tensor, "instance 3"]:
    """Mean index of each instance, from whole sums, so that it is exact."""
    count = int(place.max()) + 1 if len(place) else 0
    sums = torch.zeros((count, 3), dtype=torch.int64, device=voxels.device)
    sums.index_add_(0, place, voxels)
    sizes = torch.bincount(place, minlength=count)
    return sums.double() / sizes[:, None]


def _heat(
    centres: Float[Tensor, "instance 3"], shape: torch.Size, unit: Float32[Tensor, "3"]
) -> Float32[Tensor, "i j k"]:
    """Each Gaussian drawn into its own box, the larger value kept."""
    heat = torch.zeros(shape, device=centres.device)
    for centre in centres.tolist():
        along: list[Tensor] = []
        box: list[slice] = []
        for middle, step, size in zip(centre, unit.tolist(), shape, strict=True):
            reach = _REACH_SIGMAS / step
            first = max(0, int(middle - reach))
            stop = min(size, int(middle + reach) + 2)
            index = torch.arange(first, stop, device=heat.device)
            along.append(torch.exp(-(((index - middle) * step) ** 2) / 2))
            box.append(slice(first, stop))
        i, j, k = along
        drawn = i[:, None, None] * j[:, None] * k
        heat[tuple(box)] = torch.maximum(heat[tuple(box)], drawn)
    return heat
