"""How dense a structure is: Hounsfield units of a CT over every label."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Real

from medseg.core.volume import LabelArray


@dataclass(frozen=True, kw_only=True)
class Hounsfield:
    """Hounsfield units over one structure.

    Attributes:
        mean: Arithmetic mean.
        sd: Standard deviation of the voxels (divided by n, not n - 1).
        median: Half of the voxels are below it.
    """

    mean: float
    sd: float
    median: float


def hounsfield_of_labels(
    image: Real[np.ndarray, "i j k"], labels: LabelArray
) -> dict[int, Hounsfield]:
    """Exact statistics over every label there is, background left out.

    The voxels are sorted by label once (a radix sort), so that the time hardly depends
    on the number of structures.
    """
    axes = np.argsort(labels.strides)[::-1]
    image, labels = image.transpose(axes), labels.transpose(axes)
    foreground = labels != 0
    owner, values = labels[foreground], image[foreground]
    order = np.argsort(owner, kind="stable")
    owner, values = owner[order], values[order]
    present, first = np.unique(owner, return_index=True)
    bounds = [*first, len(owner)]
    return {
        int(label): _statistics(values[start:stop])
        for label, (start, stop) in zip(present, pairwise(bounds), strict=True)
    }


def _statistics(values: Real[np.ndarray, " voxel"]) -> Hounsfield:
    return Hounsfield(
        mean=float(values.mean(dtype=np.float64)),
        sd=float(values.std(dtype=np.float64)),
        median=float(np.median(values)),
    )
