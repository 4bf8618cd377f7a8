"""What each channel of the logits ought to be."""

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from medseg.core.plan import Plan

_LABEL_VALUES = 256


def learned_names(plan: Plan) -> tuple[str, ...]:
    """Structures that are watched and reported: the regions, or every label."""
    return plan.output_names if plan.regions else plan.labels.names


def membership(plan: Plan) -> Float32[Tensor, "256 channel"]:
    """For each value of a label map, 1 in the channels of the logits it belongs to.

    IGNORED belongs to none, and neither does background where regions are learned.
    """
    table = torch.zeros(_LABEL_VALUES, len(plan.output_names))
    if plan.regions:
        for index, id_ in enumerate(plan.labels.ids, start=1):
            for channel, region in enumerate(plan.regions):
                table[index, channel] = float(id_ in region.ids)
    else:
        table[: len(plan.labels) + 1] = torch.eye(len(plan.labels) + 1)
    return table


def coarsened(
    labels: UInt8[Tensor, "batch i j k"], shape: torch.Size
) -> UInt8[Tensor, "batch a b c"]:
    """Labels on a coarser level's grid: those at the middle of each of its voxels."""
    for axis, (size, coarse) in enumerate(zip(labels.shape[1:], shape, strict=True), 1):
        if size != coarse:
            step = size // coarse
            middle = torch.arange(coarse, device=labels.device) * step + step // 2
            labels = labels.index_select(axis, middle)
    return labels


def decided(
    logits: Float32[Tensor, "batch channel i j k"], plan: Plan
) -> Bool[Tensor, "batch structure i j k"]:
    """Where each of the learned structures is, by the network."""
    if plan.regions:
        return logits > 0
    structures = torch.arange(1, logits.shape[1], device=logits.device)
    return logits.argmax(1, keepdim=True) == structures.view(1, -1, 1, 1, 1)


def referenced(
    labels: UInt8[Tensor, "batch i j k"], plan: Plan
) -> Bool[Tensor, "batch structure i j k"]:
    """Where each of the learned structures is, by the reference."""
    table = membership(plan).to(labels.device) > 0
    inside = table[labels.long()].movedim(-1, 1)
    return inside if plan.regions else inside[:, 1:]


def overlap_and_size(
    prediction: Bool[Tensor, "batch structure i j k"],
    reference: Bool[Tensor, "batch structure i j k"],
) -> Int64[Tensor, "2 structure"]:
    """Voxels in both, and the voxels of either one added up; may be summed over."""
    dims = (0, 2, 3, 4)
    return torch.stack(
        [(prediction & reference).sum(dims), prediction.sum(dims) + reference.sum(dims)]
    )


def dice_of(counts: Int64[Tensor, "2 structure"]) -> tuple[float | None, ...]:
    """Dice of each structure from its counts; None where there is none of it."""
    overlaps, sizes = counts.tolist()
    return tuple(
        2 * overlap / size if size else None
        for overlap, size in zip(overlaps, sizes, strict=True)
    )
