"""A result kept to the region in which it was asked for."""

from math import ceil

from medseg.core.plan import Plan
from medseg.core.volume import Segmentation
from medseg.inference import with_margin
from medseg.preprocessing import Restored


def confined(
    found: Restored, region: Segmentation | None, margin_mm: float, plan: Plan
) -> Restored:
    """A network's answer with surely background outside a region and its margin.

    The network's grid may be coarser than the scan's: what it found in a voxel at the
    margin's end reaches beyond it.

    Args:
        found: On the scan's own grid; its arrays are written to.
        region: On the same grid; None for the whole scan.
        margin_mm: Added to the region along each voxel axis.
        plan: Of the network.
    """
    if region is None:
        return found
    i, j, k = (ceil(margin_mm / edge_mm) for edge_mm in region.geometry.spacing_mm)
    outside = ~with_margin(region.array > 0, (i, j, k))
    found.labels[outside] = 0
    if found.probabilities is not None:
        for output, probabilities in enumerate(found.probabilities):
            is_background = output == 0 and not plan.regions
            probabilities[outside] = 1 if is_background else 0
    for unsure in (found.entropy, found.disagreement, found.mirror_variance):
        if unsure is not None:
            unsure[outside] = 0
    return found
